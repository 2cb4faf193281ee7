//! What each value may be, and how each state moves: every rule as a table of values and exact answers.

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod naming;
mod numbers;
mod operator;
mod states;

use std::fmt::Display;

use expect_test::Expect;
use linkway_domain::Fault;

/// One line for each value: what it became, or the whole text of its refusal, which names it.
fn table<V: Display, T: Display>(
    values: impl IntoIterator<Item = V>,
    rule: impl Fn(&V) -> Result<T, Fault>,
    expected: Expect,
) {
    let lines: Vec<String> = values
        .into_iter()
        .map(|value| match rule(&value) {
            Ok(accepted) => format!("{value} -> {accepted}"),
            Err(fault) => fault.to_string(),
        })
        .collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}
