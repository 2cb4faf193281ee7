//! The model's constraints on requests as Rust source text: one `Validate` for each structure that
//! a request can contain.

use crate::model::{Model, Shape, Type};
use crate::names::{constant, field};
use std::fmt::Write as _;

pub fn rules(model: &Model) -> String {
    let reachable = model.reachable_from_inputs();
    let mut texts = String::new();
    let mut impls = String::new();
    for name in reachable {
        let shape = model.shape(name);
        match shape.kind {
            Type::String if shape.is_limited() && shape.values.is_empty() => {
                let Shape { min, max, pattern, .. } = shape;
                _ = writeln!(
                    texts,
                    "static {}: Text = Text::new({min:?}, {max:?}, {pattern:?});",
                    constant(name)
                );
            }
            Type::Structure => impls.push_str(&structure(model, name, shape)),
            _ => {}
        }
    }
    for name in model.operations.values().filter(|o| o.input.is_none()).map(|o| &o.name) {
        _ = writeln!(
            impls,
            "impl Validate for {name}Request {{ \
             fn validate(&self) -> Result<(), Violation> {{ Ok(()) }} }}\n"
        );
    }
    format!(
        "//! What the model demands of requests: required members, lengths, ranges, patterns,\n\
         //! listed values.\n\n\
         use super::shapes::*;\n\
         use crate::validate::{{Text, Validate, Violation}};\n\
         use crate::validate::{{choice, count, each, member, range, required, text}};\n\n\
         {texts}\n{impls}"
    )
}

/// What is missing comes first, in the model's own order: it is the plainest thing to be told.
fn structure(model: &Model, name: &str, shape: &Shape) -> String {
    let mut out =
        format!("impl Validate for {name} {{ fn validate(&self) -> Result<(), Violation> {{\n");
    for wire in &shape.required {
        _ = writeln!(out, "required({wire:?}, &self.{})?;", field(wire));
    }
    for (wire, reference) in &shape.members {
        if let Some(check) = check(model, reference.name()) {
            _ = writeln!(out, "member({wire:?}, &self.{}, {check})?;", field(wire));
        }
    }
    out + "Ok(()) } }\n\n"
}

/// A function of the value that checks it; none where the model demands nothing.
fn check(model: &Model, name: &str) -> Option<String> {
    let shape = model.shape(name);
    let Shape { min, max, .. } = shape;
    match shape.kind {
        Type::Structure => Some("Validate::validate".to_owned()),
        Type::List => {
            let count = shape.is_limited().then(|| format!("count(v, {min:?}, {max:?})"));
            let items = check(model, shape.element()).map(|check| format!("each(v, {check})"));
            match (count, items) {
                (None, None) => None,
                (Some(one), None) | (None, Some(one)) => Some(format!("|v| {one}")),
                (Some(count), Some(items)) => Some(format!("|v| {{ {count}?; {items} }}")),
            }
        }
        Type::String if !shape.values.is_empty() => Some("choice".to_owned()),
        Type::String if shape.is_limited() => Some(format!("|v| text(v, &{})", constant(name))),
        Type::Integer | Type::Long if shape.is_limited() => {
            Some(format!("|v| range(*v, {min:?}, {max:?})"))
        }
        _ => None,
    }
}
