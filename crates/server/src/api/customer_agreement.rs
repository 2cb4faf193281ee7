//! Customer agreements: the settings name them, accounts confirm them.

use std::collections::HashSet;

use linkway_domain::customer_agreement::CustomerAgreement;
use linkway_domain::customer_agreement::decide::ConfirmCustomerAgreement;
use linkway_domain::index::Index;
use linkway_wire::convert;
use linkway_wire::generated as wire;

use super::{Answered, Api, Call};

/// What an account is that does not interconnect for others.
const NOT_A_PARTNER: &str = "nonPartner";

impl Api {
    pub(super) async fn describe_customer_metadata(
        &self,
        call: &Call,
        _: wire::DescribeCustomerMetadataRequest,
    ) -> Answered<wire::DescribeCustomerMetadataResponse> {
        let index = Index::<CustomerAgreement>::of_account(call.account()?);
        let confirmed = self.records.all(&index).await?;
        let confirmed: HashSet<_> = confirmed.into_iter().map(|agreement| agreement.name).collect();
        let offered = &self.records.settings().customer_agreements;
        let agreements = convert::agreements(offered, |name| confirmed.contains(name));
        Ok(wire::DescribeCustomerMetadataResponse {
            agreements: Some(agreements),
            nni_partner_type: Some(NOT_A_PARTNER.into()),
        })
    }

    pub(super) async fn confirm_customer_agreement(
        &self,
        call: &Call,
        request: wire::ConfirmCustomerAgreementRequest,
    ) -> Answered<wire::ConfirmCustomerAgreementResponse> {
        self.run(call, &ConfirmCustomerAgreement::from(request)).await?;
        Ok(wire::ConfirmCustomerAgreementResponse { status: Some("signed".to_owned()) })
    }
}
