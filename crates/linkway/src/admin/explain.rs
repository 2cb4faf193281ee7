//! `linkway admin interface why`: the checks, and below them what to do.

use std::fmt::Write as _;

use linkway_wire::operator::{Explanation, InterfaceCheck};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Form, Row, Width, one, table};
use super::rows::{maybe, time};

/// Prints the checks of an interface.
pub fn show(form: Form, width: Width, explanation: Explanation) -> Result<(), Failure> {
    let head = Head(explanation);
    one(form, &head)?;
    if form == Form::Json {
        return Ok(());
    }
    table(&head.0.checks, width)?;
    let failed = head.0.checks.iter().filter(|check| check.state == "failed");
    let mut text = String::new();
    for check in failed {
        let family = check.address_family.as_deref().map(|family| format!(" {family}"));
        let advice = check.advice.as_deref().unwrap_or_default();
        let (name, family, seen) = (&check.check, family.unwrap_or_default(), &check.seen);
        write!(text, "\n{name}{family}: {seen}\n  {advice}\n").expect("a string takes all");
    }
    crate::print::print(&text);
    Ok(())
}

/// The reason; as JSON, with every check.
#[derive(Serialize)]
#[serde(transparent)]
struct Head(Explanation);

impl Row for Head {
    const COLUMNS: &'static [&'static str] = &["VIRTUAL INTERFACE", "REASON"];
    fn cells(&self) -> Vec<String> {
        let reason = self.0.reason.clone().unwrap_or_else(|| "nothing has failed".to_owned());
        vec![self.0.virtual_interface_id.clone(), reason]
    }
}

impl Row for InterfaceCheck {
    const COLUMNS: &'static [&'static str] = &["CHECK", "FAMILY", "STATE", "SEEN AT", "SEEN"];
    const NARROW: &'static [&'static str] = &["CHECK", "FAMILY", "STATE", "SEEN"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.check.clone(),
            maybe(&self.address_family),
            self.state.clone(),
            self.at.map(time).unwrap_or_default(),
            self.seen.clone(),
        ]
    }
}
