//! The generated types against the model itself: nothing of it is missing, and every constraint is
//! checked.

#![allow(clippy::unwrap_used, reason = "a test, its helpers included")]

use linkway_wire::error::Code;
use linkway_wire::generated::*;
use linkway_wire::json::{decode, encode};
use linkway_wire::operation::{Call, LinkwayOperation, Target};
use linkway_wire::validate::{Rule, Violation};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::fmt::Debug;

fn model() -> Value {
    let text = include_str!("../../../model/directconnect-2012-10-25.json");
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_operation_has_its_name() {
    let model = model();
    let names: Vec<&str> = model["operations"].as_object().unwrap().keys().map(|k| &**k).collect();
    assert_eq!(names.len(), 73);
    assert!(Operation::ALL.iter().map(|o| o.name()).eq(names.iter().copied()));
    for (operation, name) in Operation::ALL.iter().zip(&names) {
        assert_eq!(Operation::from_name(name), Some(*operation));
        let header = format!("{}.{name}", model["metadata"]["targetPrefix"].as_str().unwrap());
        assert_eq!(Target::parse(header.as_bytes()), Ok(Target::Tenant(*operation)));
    }
}

#[test]
fn linkway_operations_are_sorted_and_found() {
    assert!(LinkwayOperation::ALL.is_sorted_by_key(|o| o.name()));
    for operation in LinkwayOperation::ALL {
        let header = format!("Linkway.{operation}");
        assert_eq!(Target::parse(header.as_bytes()), Ok(Target::Linkway(*operation)));
    }
}

#[test]
fn every_error_of_the_model_has_its_code() {
    for (name, shape) in model()["shapes"].as_object().unwrap() {
        if shape["exception"] == true {
            let code = Code::ALL.iter().find(|code| code.as_str() == name).expect(name);
            let status = shape["error"]["httpStatusCode"].as_u64().unwrap_or(400);
            assert_eq!(u64::from(code.status()), status, "{code}");
        }
    }
}

macro_rules! check_enums {
    ($model:ident: $($name:ident)+) => {{
        $(
            let name = stringify!($name);
            let values = $model["shapes"][name]["enum"].as_array().expect(name);
            let values: Vec<&str> = values.iter().map(|value| value.as_str().unwrap()).collect();
            let ours: Vec<_> = $name::ALL.iter().map(|v| v.as_str()).collect();
            assert_eq!(ours, values, "{name}");
            assert!($name::ALL.iter().zip(values).all(|(v, s)| $name::from(s) == *v));
            assert_eq!($name::from("?"), $name::Unrecognized("?".to_owned()));
        )+
        [$(stringify!($name)),+]
    }};
}

#[test]
fn enums_have_the_values_of_the_model() {
    let model = model();
    let checked = check_enums!(model:
        AddressFamily AsPathType BGPPeerState BGPStatus BillingMode ConnectionState
        DirectConnectGatewayAssociationProposalState DirectConnectGatewayAssociationState
        DirectConnectGatewayAttachmentState DirectConnectGatewayAttachmentType
        DirectConnectGatewayState GatewayType HasLogicalRedundancy InterconnectState LagState
        LoaContentType NniPartnerType RequestBillingMode ResiliencyGroupAssociationState
        ResiliencyGroupState ResiliencyGroupType ResiliencyModel RouteDirection
        VirtualInterfaceState
    );
    let shapes = model["shapes"].as_object().unwrap().iter();
    let enums = shapes.filter(|(_, shape)| shape["enum"].is_array()).map(|(name, _)| name.as_str());
    assert!(enums.eq(checked));
}

/// Shapes whose values reveal something.
const SECRETS: [&str; 3] = ["BGPAuthKey", "Cak", "RouterConfig"];

/// Where the value has a member of one of these shapes: how often.
fn occurrences(model: &Value, shape: &str, of: &[&str]) -> usize {
    if of.contains(&shape) {
        return 1;
    }
    let shape = &model["shapes"][shape];
    let members = shape["members"].as_object().into_iter().flat_map(Map::values);
    let parts = members.chain(shape.get("member"));
    parts.map(|part| occurrences(model, part["shape"].as_str().unwrap(), of)).sum()
}

fn check_secrets<T: DeserializeOwned + Debug>(model: &Value, shape: &str) {
    let value = sample(model, shape);
    let text = format!("{:?}", decode::<T>(&serde_json::to_vec(&value).unwrap()).unwrap());
    assert!(!text.contains("never shown"), "{text}");
    let hidden = text.matches("[PROTECTED]").count();
    assert_eq!(hidden, occurrences(model, shape, &SECRETS), "{text}");
}

#[test]
fn secrets_are_those_that_reveal_something() {
    let model = model();
    macro_rules! check {
        ($operation:ident, $input:ty, $output:ty) => {
            let operation = &model["operations"][stringify!($operation)];
            if let Some(input) = operation["input"]["shape"].as_str() {
                check_secrets::<$input>(&model, input);
            }
            check_secrets::<$output>(&model, operation["output"]["shape"].as_str().unwrap());
        };
    }
    linkway_wire::for_each_call!(check);
}

/// A value of the shape, with every member, that keeps all constraints.
fn sample(model: &Value, name: &str) -> Value {
    let shape = &model["shapes"][name];
    match shape["type"].as_str().unwrap() {
        "structure" => {
            let members = shape["members"].as_object().unwrap();
            let value = |member: &Value| sample(model, member["shape"].as_str().unwrap());
            Value::Object(members.iter().map(|(k, v)| (k.clone(), value(v))).collect())
        }
        "list" => json!([sample(model, shape["member"]["shape"].as_str().unwrap())]),
        "string" => string(name, shape),
        "integer" | "long" => json!(4_294_967_296_i64),
        "boolean" => json!(true),
        "timestamp" => json!(1_700_000_000.25),
        "blob" => json!("JVBERi0="),
        other => panic!("{name} is of the unknown type {other}"),
    }
}

fn string(name: &str, shape: &Value) -> Value {
    if let Some(values) = shape["enum"].as_array() {
        return values.last().unwrap().clone();
    }
    let patterned = match name {
        "CoreNetworkAttachmentId" => "attachment-0",
        "CoreNetworkIdentifier" => "core-network-0",
        "ResiliencyGroupArn" => {
            "arn:aws:directconnect::123456789000:dx-resiliency-group/dxrg-0123456789abcdefg"
        }
        "ResiliencyGroupId" => "dxrg-0123456789abcdefg",
        "OwnerAccount" => "123456789000",
        secret if SECRETS.contains(&secret) => "never shown",
        _ => "x",
    };
    json!(patterned)
}

fn violation<C: Call>(request: &Value) -> Option<Violation> {
    decode::<C>(&serde_json::to_vec(request).unwrap()).unwrap().validate().err()
}

/// Walks the request's value along its shape, breaks one constraint at a time, and expects the
/// violation.
fn break_each<C: Call>(model: &Value, shape: &str, path: &str, whole: &Value, at: &str) {
    let shape = &model["shapes"][shape];
    let broken = |value: Value| {
        let mut request = whole.clone();
        *request.pointer_mut(at).unwrap() = value;
        violation::<C>(&request)
    };
    let expect = |value: Value, rule: Rule| {
        let shown = value.as_str().map(str::to_owned).or(value.as_i64().map(|n| n.to_string()));
        let expected = Violation { path: path.to_owned(), value: shown, rule };
        assert_eq!(broken(value), Some(expected), "{}", C::OPERATION);
    };
    let (min, max) = (shape["min"].as_i64(), shape["max"].as_i64());
    match shape["type"].as_str().unwrap() {
        "string" if shape["enum"].is_array() => {
            let name = shape["enum"].as_array().unwrap();
            match broken(json!("unlisted")).unwrap() {
                Violation { path: p, value: Some(v), rule: Rule::OneOf(values) } => {
                    assert_eq!((p.as_str(), v.as_str()), (path, "unlisted"));
                    assert!(values.iter().eq(name));
                }
                other => panic!("{path}: {other:?}"),
            }
        }
        "string" => {
            if let Some(max) = max {
                expect(json!("ö".repeat(max as usize + 1)), Rule::Length { min, max: Some(max) });
            }
            if min.is_some_and(|min| min > 0) {
                expect(json!(""), Rule::Length { min, max });
            }
            if shape["pattern"].is_string() {
                let bad = "\t".repeat(min.unwrap_or(0).max(1) as usize);
                let found = broken(json!(bad)).unwrap();
                assert_eq!(found.path, path);
                assert!(matches!(found.rule, Rule::Pattern(p) if p == shape["pattern"]));
            }
        }
        "integer" | "long" => {
            if let Some(min) = min {
                expect(json!(min - 1), Rule::Range { min: Some(min), max });
            }
            assert_eq!(max, None, "{path}: a maximum that this test does not know");
        }
        "list" => {
            let item = whole.pointer(at).unwrap()[0].clone();
            if min.is_some_and(|min| min > 0) {
                expect(json!([]), Rule::Items { min, max, found: 0 });
            }
            if let Some(max) = max {
                let found = max as usize + 1;
                expect(json!(vec![item; found]), Rule::Items { min, max: Some(max), found });
            }
            let member = shape["member"]["shape"].as_str().unwrap();
            break_each::<C>(model, member, &format!("{path}[0]"), whole, &format!("{at}/0"));
        }
        "structure" => break_members::<C>(model, shape, path, whole, at),
        _ => {}
    }
}

fn break_members<C: Call>(model: &Value, shape: &Value, path: &str, whole: &Value, at: &str) {
    for (name, member) in shape["members"].as_object().unwrap() {
        let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let required = shape["required"].as_array().is_some_and(|r| r.contains(&json!(name)));
        for absent in [None, Some(Value::Null)] {
            let mut request = whole.clone();
            let parent = request.pointer_mut(at).unwrap().as_object_mut().unwrap();
            match absent {
                None => drop(parent.remove(name)),
                Some(null) => drop(parent.insert(name.clone(), null)),
            }
            let missing = || Violation { path: inner.clone(), value: None, rule: Rule::Required };
            assert_eq!(violation::<C>(&request), required.then(missing), "{}", C::OPERATION);
        }
        let shape = member["shape"].as_str().unwrap();
        break_each::<C>(model, shape, &inner, whole, &format!("{at}/{name}"));
    }
}

fn check_call<C: Call>(model: &Value, operation: Operation) {
    assert_eq!(C::OPERATION, operation);
    let operation = &model["operations"][operation.name()];
    let shape = operation["input"]["shape"].as_str();
    let request = shape.map_or(json!({}), |shape| sample(model, shape));
    // Equality after a round trip means that the types have every member of the model, under its
    // name.
    let decoded: C = decode(&serde_json::to_vec(&request).unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&encode(&decoded)).unwrap(), request);
    assert_eq!(decoded.validate(), Ok(()), "{operation}");
    if let Some(shape) = shape {
        break_each::<C>(model, shape, "", &request, "");
    }
    let response = sample(model, operation["output"]["shape"].as_str().unwrap());
    let decoded: C::Output = decode(&serde_json::to_vec(&response).unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&encode(&decoded)).unwrap(), response);
}

#[test]
fn types_have_every_member_and_check_every_constraint() {
    let model = model();
    let mut checked = Vec::new();
    macro_rules! check {
        ($operation:ident, $input:ty, $output:ty) => {
            check_call::<$input>(&model, Operation::$operation);
            checked.push(Operation::$operation);
        };
    }
    linkway_wire::for_each_call!(check);
    assert_eq!(checked, Operation::ALL);
}

#[test]
fn no_member_is_written_that_was_not_given() {
    macro_rules! check {
        ($operation:ident, $input:ty, $output:ty) => {
            assert_eq!(encode(&<$input>::default()), b"{}");
            assert_eq!(encode(&<$output>::default()), b"{}");
        };
    }
    linkway_wire::for_each_call!(check);
    let empty: Map<String, Value> = Map::new();
    assert_eq!(encode(&empty), b"{}");
}
