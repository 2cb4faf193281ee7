//! `ConfirmCustomerAgreement`.

use super::CustomerAgreement;
use crate::account;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::AgreementName;
use crate::view::{Asked, View};

/// `ConfirmCustomerAgreement`.
#[derive(Clone, Debug, Default)]
pub struct ConfirmCustomerAgreement {
    /// The agreement's name.
    pub name: Option<String>,
}

impl Command for ConfirmCustomerAgreement {
    type Outcome = CustomerAgreement;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<CustomerAgreement>> {
        let account = context.account()?.clone();
        let Some(name) = &self.name else {
            let rule = "name the agreement; DescribeCustomerMetadata lists them".to_owned();
            return Err(Fault::Required { field: "agreementName".to_owned(), rule }.into());
        };
        let offered = &context.settings.customer_agreements;
        let Some(name) = AgreementName::parse(name).ok().filter(|name| offered.contains(name))
        else {
            let rule = "does not exist; DescribeCustomerMetadata lists the agreements";
            return Err(Fault::field("agreementName", name, rule).into());
        };
        if let Some(confirmed) = view.customer_agreement(&account, &name)? {
            return Decision::unchanged(confirmed.clone());
        }
        let caller = account::decide::calling(view, context)?.clone();
        let agreement = CustomerAgreement { account, name, confirmed: context.now };
        let mut changes = Changes::new(view);
        // As it is: who deletes the account at the same time has listed its agreements, and compares this record.
        changes.put(caller)?;
        changes.put(agreement.clone())?;
        changes.decision(agreement)
    }
}
