//! The form in which the API model is kept as data (`generated::SHAPES`, `generated::OPERATIONS`).
//!
//! The server does not need it: tests compare it with the model that an installed client brings.

use serde_json::{Map, Value, json};

/// One operation of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationInfo {
    /// The name that follows `OvertureService.` in `X-Amz-Target`.
    pub name: &'static str,
    /// The request's shape; none where the model has no input.
    pub input: Option<&'static str>,
    /// The response's shape.
    pub output: &'static str,
    /// The shapes of the errors that the model lists.
    pub errors: &'static [&'static str],
    /// Whether the model advises against it.
    pub deprecated: bool,
}

/// One shape of the model, with its constraints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShapeInfo {
    /// The model's name, which is also the Rust name of structures and enums.
    pub name: &'static str,
    /// Least length (strings), number of items (lists) or value (integers).
    pub min: Option<i64>,
    /// Greatest length, number of items or value.
    pub max: Option<i64>,
    /// The regular expression that a string must match.
    pub pattern: Option<&'static str>,
    /// Whether the model advises against it.
    pub deprecated: bool,
    /// Whether the Rust type hides the value in `Debug` (`value::Secret`); not part of the model.
    pub secret: bool,
    /// What it is made of.
    pub kind: Kind,
}

/// What a shape is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Kind {
    Structure { members: &'static [MemberInfo] },
    Exception { status: u16, members: &'static [MemberInfo] },
    List { member: &'static str },
    Enum { values: &'static [&'static str] },
    String,
    Integer,
    Long,
    Boolean,
    Timestamp,
    Blob,
}

/// One member of a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberInfo {
    /// The name on the wire.
    pub name: &'static str,
    /// The field of the Rust struct.
    pub field: &'static str,
    /// The shape of its value.
    pub shape: &'static str,
    /// Whether a request without it is refused.
    pub required: bool,
}

impl ShapeInfo {
    pub(crate) const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, min: None, max: None, pattern: None, deprecated: false, secret: false, kind }
    }

    pub(crate) const fn limited(
        self,
        min: Option<i64>,
        max: Option<i64>,
        pattern: Option<&'static str>,
    ) -> Self {
        Self { min, max, pattern, ..self }
    }

    pub(crate) const fn deprecated(self) -> Self {
        Self { deprecated: true, ..self }
    }

    pub(crate) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

pub(crate) const fn member(
    name: &'static str,
    field: &'static str,
    shape: &'static str,
    required: bool,
) -> MemberInfo {
    MemberInfo { name, field, shape, required }
}

/// The whole model in the form in which clients ship it (botocore's `service-2.json`), restricted
/// to what concerns types: `{"operations": {name: {name, input, output, errors, deprecated}},
/// "shapes": {name: {type, members, required, member, enum, min, max, pattern, exception, error,
/// deprecated}}}`.
pub fn to_json(operations: &[OperationInfo], shapes: &[ShapeInfo]) -> Value {
    let operations: Map<_, _> =
        operations.iter().map(|o| (o.name.to_owned(), operation_to_json(o))).collect();
    let shapes: Map<_, _> = shapes.iter().map(|s| (s.name.to_owned(), shape_to_json(s))).collect();
    json!({ "operations": operations, "shapes": shapes })
}

fn operation_to_json(operation: &OperationInfo) -> Value {
    let reference = |shape: &&str| json!({ "shape": shape });
    present([
        ("name", Some(json!(operation.name))),
        ("input", operation.input.as_ref().map(reference)),
        ("output", Some(reference(&operation.output))),
        ("errors", Some(operation.errors.iter().map(reference).collect())),
        ("deprecated", operation.deprecated.then_some(Value::Bool(true))),
    ])
}

fn shape_to_json(shape: &ShapeInfo) -> Value {
    let (kind, of_kind) = match shape.kind {
        Kind::Structure { members } => ("structure", members_to_json(members)),
        Kind::Exception { status, members } => ("structure", {
            let mut parts = members_to_json(members);
            parts.push(("exception", Some(json!(true))));
            parts.push(("error", Some(json!({ "httpStatusCode": status }))));
            parts
        }),
        Kind::List { member } => ("list", vec![("member", Some(json!({ "shape": member })))]),
        Kind::Enum { values } => ("string", vec![("enum", Some(json!(values)))]),
        Kind::String => ("string", vec![]),
        Kind::Integer => ("integer", vec![]),
        Kind::Long => ("long", vec![]),
        Kind::Boolean => ("boolean", vec![]),
        Kind::Timestamp => ("timestamp", vec![]),
        Kind::Blob => ("blob", vec![]),
    };
    let common = [
        ("type", Some(json!(kind))),
        ("min", shape.min.map(Value::from)),
        ("max", shape.max.map(Value::from)),
        ("pattern", shape.pattern.map(Value::from)),
        ("deprecated", shape.deprecated.then_some(Value::Bool(true))),
    ];
    present(common.into_iter().chain(of_kind))
}

type Part = (&'static str, Option<Value>);

fn members_to_json(members: &[MemberInfo]) -> Vec<Part> {
    let all: Map<_, _> =
        members.iter().map(|m| (m.name.to_owned(), json!({ "shape": m.shape }))).collect();
    let required: Vec<_> = members.iter().filter(|m| m.required).map(|m| m.name).collect();
    vec![
        ("members", Some(json!(all))),
        ("required", (!required.is_empty()).then(|| json!(required))),
    ]
}

fn present(parts: impl IntoIterator<Item = Part>) -> Value {
    let some = |(name, value): Part| value.map(|value| (name.to_owned(), value));
    Value::Object(parts.into_iter().filter_map(some).collect())
}
