//! Customer agreements.

use linkway_domain::customer_agreement::decide::ConfirmCustomerAgreement;
use linkway_domain::id::AgreementName;

use crate::generated as wire;
use crate::generated::ConfirmCustomerAgreementRequest;

impl From<ConfirmCustomerAgreementRequest> for ConfirmCustomerAgreement {
    fn from(request: ConfirmCustomerAgreementRequest) -> Self {
        Self { name: request.agreement_name }
    }
}

/// The operator's agreements, and whether the reader has confirmed each.
#[must_use]
pub fn agreements(
    offered: &[AgreementName],
    is_confirmed: impl Fn(&AgreementName) -> bool,
) -> Vec<wire::CustomerAgreement> {
    offered
        .iter()
        .map(|name| wire::CustomerAgreement {
            agreement_name: Some(name.to_string()),
            status: Some(if is_confirmed(name) { "signed" } else { "unsigned" }.to_owned()),
        })
        .collect()
}
