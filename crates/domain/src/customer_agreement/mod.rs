//! Customer agreements: texts of the operator's that an account may have to confirm (`DescribeCustomerMetadata`).

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AgreementName};
use crate::key::{self, Key};
use crate::outcome::Outcome;
use crate::stored::Stored;
use crate::time::Time;

/// An account's confirmation of an agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerAgreement {
    /// Who confirmed it.
    pub account: AccountId,
    /// Which agreement.
    pub name: AgreementName,
    /// When it was confirmed.
    pub confirmed: Time,
}

impl Stored for CustomerAgreement {
    fn key(&self) -> Option<Key> {
        Some(key::customer_agreement(&self.account, &self.name))
    }
}

impl Outcome for CustomerAgreement {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.name.as_str().into()]
    }
}
