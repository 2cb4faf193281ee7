//! `linkway admin account show`: the account, and a table of its quotas.

use linkway_wire::operator::{Account, AccountDetail, QuotaUse};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Form, Row, one, table};
use super::rows::maybe;

/// Prints an account, and what it uses of its quotas.
pub fn show(form: Form, detail: AccountDetail) -> Result<(), Failure> {
    let detail = Head(detail);
    one(form, &detail)?;
    match form {
        Form::Json => Ok(()),
        Form::Table => table(&detail.0.quotas),
    }
}

/// The account itself; as JSON, with its quotas.
#[derive(Serialize)]
#[serde(transparent)]
struct Head(AccountDetail);

impl Row for Head {
    const COLUMNS: &'static [&'static str] = Account::COLUMNS;
    fn cells(&self) -> Vec<String> {
        self.0.account.cells()
    }
}

impl Row for QuotaUse {
    const COLUMNS: &'static [&'static str] = &["QUOTA", "OF", "USED", "LIMIT"];
    fn cells(&self) -> Vec<String> {
        vec![self.quota.clone(), maybe(&self.of), self.used.to_string(), self.limit.to_string()]
    }
}
