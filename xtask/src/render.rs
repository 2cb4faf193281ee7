//! The model's shapes and operations as Rust source text; rustfmt lays it out afterwards.

use crate::model::{Model, Shape, Type};
use crate::names::{field, variant};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Shapes whose values must not be seen: the BGP session's password, MACsec's key, and the
/// customer's router configuration, which contains the password. `Ckn` and `SecretARN` only *name*
/// a key, MACsec itself sends the former in the clear, and both are listed by Describe calls: they
/// are not secret.
const SECRETS: [&str; 3] = ["BGPAuthKey", "Cak", "RouterConfig"];

/// Shapes that hold an account number; osc-cli sends it as a JSON number.
const ACCOUNTS: [&str; 1] = ["OwnerAccount"];

pub fn module() -> String {
    "//! Types, rules and names of the Direct Connect API, from its model.\n\n\
     mod enums; mod operations; mod rules; mod shapes;\n\
     pub use enums::*; pub use operations::*; pub use shapes::*;\n"
        .to_owned()
}

pub fn enums(model: &Model) -> String {
    let mut out = "//! The strings of which the model lists the values.\n\n\
                   use crate::value::text_enum;\n"
        .to_owned();
    for (name, shape) in model.shapes.iter().filter(|(_, s)| !s.values.is_empty()) {
        _ = writeln!(out, "\ntext_enum! {{\n    /// The values of `{name}`.\n    {name} {{");
        for value in &shape.values {
            _ = writeln!(out, "        {} = {value:?},", variant(value));
        }
        out.push_str("    }\n}\n");
    }
    out
}

pub fn shapes(model: &Model) -> String {
    let mut out =
        "//! One struct for each structure of the model. Every member is optional here: which\n\
        //! ones a request must have is a rule (`Validate`), whose error names the member.\n\n\
        use super::enums::*;\n\
        use crate::json::{account, object, objects};\n\
        use crate::value::{Blob, Secret, Timestamp};\n\
        use serde::{Deserialize, Serialize};\n"
            .to_owned();
    let roles = roles(model);
    let structures = model.shapes.iter().filter(|(_, s)| matches!(s.kind, Type::Structure));
    // Errors have a wire form of their own: `crate::error`.
    for (name, shape) in structures.filter(|(_, s)| !s.exception) {
        let role =
            roles.get(name.as_str()).map_or("A part of other shapes.".to_owned(), Clone::clone);
        _ = writeln!(out, "\n/// {role}\n{DERIVES}\npub struct {name} {{");
        for (member, reference) in &shape.members {
            let required = shape.required.contains(member);
            out.push_str(&struct_field(model, member, reference.name(), required));
        }
        out.push_str("}\n");
    }
    for operation in model.operations.values().filter(|o| o.input.is_none()) {
        let name = &operation.name;
        _ = writeln!(
            out,
            "\n/// Request of `{name}`: it has no members.\n{DERIVES}\n\
             pub struct {name}Request {{}}"
        );
    }
    out
}

const DERIVES: &str =
    "#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]\n#[serde(default)]";

/// For each structure that an operation takes or gives: a sentence that says so.
fn roles(model: &Model) -> BTreeMap<&str, String> {
    let mut uses: BTreeMap<&str, (&str, Vec<String>)> = BTreeMap::new();
    for (name, operation) in &model.operations {
        let input = operation.input.iter().map(|r| ("Request", r));
        for (word, reference) in input.chain([("Response", &operation.output)]) {
            let (_, by) = uses.entry(reference.name()).or_insert((word, Vec::new()));
            by.push(format!("`{name}`"));
        }
    }
    let sentence = |(word, by): (&str, Vec<String>)| format!("{word} of {}.", by.join(",\n/// "));
    uses.into_iter().map(|(shape, role)| (shape, sentence(role))).collect()
}

fn struct_field(model: &Model, member: &str, shape: &str, required: bool) -> String {
    let decoder =
        decoder(model, shape).map_or(String::new(), |f| format!(", deserialize_with = {f:?}"));
    let required = if required { ", required" } else { "" };
    let limits = limits(model.shape(shape));
    format!(
        "    /// `{shape}`{required}{limits}.\n    \
         #[serde(rename = {member:?}, skip_serializing_if = \"Option::is_none\"{decoder})]\n    \
         pub {}: Option<{}>,\n",
        field(member),
        rust_type(model, shape)
    )
}

fn limits(shape: &Shape) -> String {
    let unit = match shape.kind {
        Type::String => " characters",
        Type::List => " items",
        _ => "",
    };
    match (shape.min, shape.max) {
        (None, None) => String::new(),
        (Some(min), None) => format!(", at least {min}{unit}"),
        (None, Some(max)) => format!(", at most {max}{unit}"),
        (Some(min), Some(max)) => format!(", {min} to {max}{unit}"),
    }
}

fn rust_type(model: &Model, name: &str) -> String {
    let shape = model.shape(name);
    match shape.kind {
        Type::Structure => name.to_owned(),
        Type::List => format!("Vec<{}>", rust_type(model, shape.element())),
        Type::String if !shape.values.is_empty() => name.to_owned(),
        Type::String if SECRETS.contains(&name) => "Secret".to_owned(),
        Type::String => "String".to_owned(),
        // 32 bits in the model; a number beyond them is for the domain to refuse, by name.
        Type::Integer | Type::Long => "i64".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Timestamp => "Timestamp".to_owned(),
        Type::Blob => "Blob".to_owned(),
    }
}

/// The function that decodes a member, where serde's own way would accept too much or too little.
fn decoder(model: &Model, name: &str) -> Option<&'static str> {
    let shape = model.shape(name);
    match shape.kind {
        Type::Structure => Some("object"),
        Type::List => (decoder(model, shape.element()) == Some("object")).then_some("objects"),
        Type::String if ACCOUNTS.contains(&name) => Some("account"),
        _ => None,
    }
}

pub fn operations(model: &Model) -> String {
    let mut out = "//! The operations by name, and which types each takes and gives.\n\n\
                   use super::shapes::*;\nuse crate::operation::{Call, operations};\n\n\
                   operations! {\n    \
                   /// Every operation of the Direct Connect API, in the order of their names.\n\
                   Operation {\n"
        .to_owned();
    for name in model.operations.keys() {
        _ = writeln!(out, "        {name},");
    }
    out.push_str("    }\n}\n\n");
    let mut list = String::new();
    for (name, operation) in &model.operations {
        let input = operation.input.as_ref().map_or(format!("{name}Request"), |r| r.shape.clone());
        let output = operation.output.name();
        _ = writeln!(
            out,
            "impl Call for {input} {{ const OPERATION: Operation = Operation::{name}; \
             type Output = {output}; }}"
        );
        _ = writeln!(list, "        $then!({name}, {input}, {output});");
    }
    _ = write!(
        out,
        "\n/// Invokes a macro with (operation, request type, response type) for each operation:\n\
         /// for tests and fuzz targets that go through all of them.\n\
         #[macro_export]\nmacro_rules! for_each_call {{\n    ($then:ident) => {{\n{list}    }};\n\
         }}\n"
    );
    out
}
