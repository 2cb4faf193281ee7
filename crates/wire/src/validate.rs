//! The model's own constraints on a request: what is required, how long, how many, from what list.
//!
//! They are checked before anything else looks at the request, and a violation names the member by
//! its path, the value and the rule. What the model does not say (VLANs, addresses, ...) is the
//! domain's to judge.

use crate::value::Listed;
use regex::Regex;
use std::fmt;
use std::sync::OnceLock;

/// A request, or a part of one, that the model puts constraints on.
pub trait Validate {
    /// The first violation, missing members before unfit ones. No allocation if there is none.
    fn validate(&self) -> Result<(), Violation>;
}

/// A member that breaks a rule of the model. `Display` is a sentence for the caller.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct Violation {
    /// From the request downwards: `newPrivateVirtualInterfaceAllocation.tags[2].key`.
    pub path: String,
    /// The value, where one was given and it is not secret.
    pub value: Option<String>,
    /// What it breaks.
    pub rule: Rule,
}

/// A constraint of the model, as far as a violation of it has to say. Limits include their ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Rule {
    /// The member is absent or null.
    Required,
    /// Unicode scalar values of a string.
    Length { min: Option<i64>, max: Option<i64> },
    /// Items of a list.
    Items { min: Option<i64>, max: Option<i64>, found: usize },
    /// An integer's value.
    Range { min: Option<i64>, max: Option<i64> },
    /// A regular expression.
    Pattern(&'static str),
    /// The listed values of an enum.
    OneOf(&'static [&'static str]),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        match (&self.value, &self.rule) {
            (None, _) => {}
            (Some(value), Rule::Range { .. }) => write!(f, " {value}")?,
            (Some(value), _) => write!(f, " {}", quoted(value))?,
        }
        match self.rule {
            Rule::Required => f.write_str(" is required"),
            Rule::Length { min, max } => {
                write!(f, " must have a length of {}", limits(min, max, " character"))
            }
            Rule::Items { min, max, found } => {
                write!(f, " must have {}, found {found}", limits(min, max, " item"))
            }
            Rule::Range { min, max } => write!(f, " must be {}", limits(min, max, "")),
            Rule::Pattern(pattern) => write!(f, " must match {pattern}"),
            Rule::OneOf(values) => write!(f, " must be one of {}", values.join(", ")),
        }
    }
}

/// `1 to 128 characters`, `at least 1 item`, `at least 0`.
fn limits(min: Option<i64>, max: Option<i64>, unit: &str) -> String {
    let numbers = match (min, max) {
        (Some(min), Some(max)) if min == max => format!("exactly {min}"),
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any number".to_owned(),
    };
    let plural = if unit.is_empty() || max.or(min) == Some(1) { "" } else { "s" };
    format!("{numbers}{unit}{plural}")
}

/// The most characters of a caller's value that a text repeats.
const SHOWN: usize = 100;

/// A caller's value as a text may repeat it: in double quotes, control and other unprintable
/// characters escaped, cut at 100 characters.
pub fn quoted(value: &str) -> String {
    format!("\"{}\"", shortened(value))
}

/// Like [`quoted`], without the quotes.
pub fn shortened(value: &str) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for c in value.chars() {
        // Within double quotes an apostrophe needs no escape.
        let escaped = if c == '\'' { String::from(c) } else { c.escape_debug().collect() };
        length += escaped.chars().count();
        if length > SHOWN {
            return shown + "…";
        }
        shown += &escaped;
    }
    shown
}

impl Violation {
    fn of(value: Option<String>, rule: Rule) -> Self {
        Self { path: String::new(), value, rule }
    }

    fn inside(mut self, parent: &str) -> Self {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{parent}{separator}{}", self.path);
        self
    }
}

/// The constraints of one string shape.
pub(crate) struct Text {
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<&'static str>,
    compiled: OnceLock<Regex>,
}

impl Text {
    pub(crate) const fn new(
        min: Option<i64>,
        max: Option<i64>,
        pattern: Option<&'static str>,
    ) -> Self {
        Self { min, max, pattern, compiled: OnceLock::new() }
    }
}

pub(crate) fn required<T>(name: &str, value: &Option<T>) -> Result<(), Violation> {
    match value {
        Some(_) => Ok(()),
        None => Err(Violation::of(None, Rule::Required).inside(name)),
    }
}

pub(crate) fn member<T>(
    name: &str,
    value: &Option<T>,
    check: impl FnOnce(&T) -> Result<(), Violation>,
) -> Result<(), Violation> {
    match value {
        Some(value) => check(value).map_err(|violation| violation.inside(name)),
        None => Ok(()),
    }
}

pub(crate) fn each<T>(
    items: &[T],
    check: impl Fn(&T) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let check_at = |(i, item)| check(item).map_err(|v: Violation| v.inside(&format!("[{i}]")));
    items.iter().enumerate().try_for_each(check_at)
}

pub(crate) fn count<T>(items: &[T], min: Option<i64>, max: Option<i64>) -> Result<(), Violation> {
    let found = items.len();
    match within(found as i64, min, max) {
        true => Ok(()),
        false => Err(Violation::of(None, Rule::Items { min, max, found })),
    }
}

pub(crate) fn range(value: i64, min: Option<i64>, max: Option<i64>) -> Result<(), Violation> {
    match within(value, min, max) {
        true => Ok(()),
        false => Err(Violation::of(Some(value.to_string()), Rule::Range { min, max })),
    }
}

pub(crate) fn choice<T: Listed>(value: &T) -> Result<(), Violation> {
    match value.is_listed() {
        true => Ok(()),
        false => Err(Violation::of(Some(value.as_str().to_owned()), Rule::OneOf(T::VALUES))),
    }
}

pub(crate) fn text(value: &str, rule: &Text) -> Result<(), Violation> {
    let Text { min, max, pattern, .. } = *rule;
    if !within(value.chars().count() as i64, min, max) {
        return Err(Violation::of(Some(value.to_owned()), Rule::Length { min, max }));
    }
    let Some(pattern) = pattern else { return Ok(()) };
    let compile = || Regex::new(pattern).expect("a test compiles every pattern of the model");
    match rule.compiled.get_or_init(compile).is_match(value) {
        true => Ok(()),
        false => Err(Violation::of(Some(value.to_owned()), Rule::Pattern(pattern))),
    }
}

fn within(value: i64, min: Option<i64>, max: Option<i64>) -> bool {
    min.is_none_or(|min| min <= value) && max.is_none_or(|max| value <= max)
}
