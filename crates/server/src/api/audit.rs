//! What the trail says of a call. A change's record is part of its own commit; reads and refusals go to the journal.

use std::net::IpAddr;

use linkway_domain::access_key::Principal;
use linkway_domain::decide::Outcome;
use linkway_domain::key::{self, Key};
use linkway_domain::time::Time;
use linkway_wire::error::WireError;
use linkway_wire::generated::Operation;
use linkway_wire::operation::{LinkwayOperation, Target};

use super::Call;
use crate::clock;
use crate::credentials::Caller;
use crate::rim::event::{AuditEvent, parameters};
use crate::rim::http::{Request, RequestId};

/// Whether a call of this kind changes nothing when it succeeds.
pub(super) fn is_read(target: Target) -> bool {
    match target {
        Target::Tenant(operation) => !matches!(
            operation,
            Operation::CreateConnection
                | Operation::DeleteConnection
                | Operation::CreatePrivateVirtualInterface
                | Operation::AllocatePrivateVirtualInterface
                | Operation::ConfirmPrivateVirtualInterface
                | Operation::DeleteVirtualInterface
                | Operation::TagResource
                | Operation::UntagResource
        ),
        Target::Linkway(operation) => match operation {
            LinkwayOperation::DescribeEdge
            | LinkwayOperation::ListAccounts
            | LinkwayOperation::ListAccessKeys
            | LinkwayOperation::ListLocations
            | LinkwayOperation::ListEdges
            | LinkwayOperation::ListPorts
            | LinkwayOperation::ListConnections
            | LinkwayOperation::ListGateways
            | LinkwayOperation::ListInterfaces
            | LinkwayOperation::ListEvents
            | LinkwayOperation::Backup => true,
            // Edges ask all the time and what they report shows in states: neither is written down.
            LinkwayOperation::GetEdgeConfig | LinkwayOperation::ReportEdgeStatus => false,
            LinkwayOperation::ApproveConnection
            | LinkwayOperation::CreateAccessKey
            | LinkwayOperation::CreateAccount
            | LinkwayOperation::CreateEdge
            | LinkwayOperation::CreateGateway
            | LinkwayOperation::CreateLocation
            | LinkwayOperation::CreatePort
            | LinkwayOperation::DeleteAccessKey
            | LinkwayOperation::DeleteGateway
            | LinkwayOperation::DisableAccessKey
            | LinkwayOperation::EnableAccessKey
            | LinkwayOperation::RejectConnection
            | LinkwayOperation::RenewEpoch
            | LinkwayOperation::ResetBgpSession => false,
        },
    }
}

/// The record of a change, for its own commit.
pub(super) fn of_change(call: &Call, time: Time, outcome: &Outcome) -> (Key, Vec<u8>) {
    let event = event(call, time, "ok", None, resources(outcome));
    let json = serde_json::to_vec(&event).expect("events have string keys only");
    (key::audit(time, call.request_id.as_str()), json)
}

/// The record of a call by a known caller.
pub(super) fn event<'a>(
    call: &'a Call,
    time: Time,
    outcome: &'static str,
    message: Option<&'a str>,
    resources: Vec<String>,
) -> AuditEvent<'a> {
    AuditEvent {
        operation: call.target.name().into(),
        outcome: outcome.into(),
        message: message.map(Into::into),
        resources,
        parameters: parameters(&call.body),
        ..by(&call.caller, call.source, &call.request_id, time)
    }
}

/// The record of a known caller's call of nothing that there is.
pub(super) fn unknown_operation<'a>(
    caller: &'a Caller,
    source: IpAddr,
    request_id: &'a RequestId,
    error: &'a WireError,
) -> AuditEvent<'a> {
    AuditEvent {
        operation: "unknown".into(),
        outcome: error.code.as_str().into(),
        message: Some(error.message.as_str().into()),
        ..by(caller, source, request_id, clock::now())
    }
}

/// The record of a call whose caller is not known.
pub(super) fn anonymous<'a>(request: &'a Request, error: &'a WireError) -> AuditEvent<'a> {
    let target =
        request.headers.get("x-amz-target").and_then(|value| Target::parse(value.as_bytes()).ok());
    AuditEvent {
        time: clock::now(),
        request_id: request.request_id.as_str().into(),
        principal: "anonymous".into(),
        account_id: None,
        access_key_id: None,
        source_address: request.peer.ip().to_string().into(),
        operation: target.map_or("unknown", Target::name).into(),
        resources: Vec::new(),
        outcome: error.code.as_str().into(),
        message: Some(error.message.as_str().into()),
        parameters: None,
    }
}

fn by<'a>(
    caller: &'a Caller,
    source: IpAddr,
    request_id: &'a RequestId,
    time: Time,
) -> AuditEvent<'a> {
    let account = match &caller.principal {
        Principal::Account(id) => Some(id.as_str().into()),
        Principal::Operator | Principal::Edge(_) => None,
    };
    AuditEvent {
        time,
        request_id: request_id.as_str().into(),
        principal: caller.principal.to_string().into(),
        account_id: account,
        access_key_id: Some(caller.access_key_id.as_str().into()),
        source_address: source.to_string().into(),
        operation: "".into(),
        resources: Vec::new(),
        outcome: "".into(),
        message: None,
        parameters: None,
    }
}

/// The ids of what a change was about.
fn resources(outcome: &Outcome) -> Vec<String> {
    match outcome {
        Outcome::Account(r) => vec![r.id.to_string()],
        Outcome::AccessKey(r) => vec![r.id.to_string()],
        Outcome::Location(r) => vec![r.code.to_string()],
        Outcome::Edge(r, access_key) => vec![r.id.to_string(), access_key.id.to_string()],
        Outcome::Port(r) => vec![format!("{}/{}", r.edge, r.name)],
        Outcome::Connection(r) => vec![r.id.to_string()],
        Outcome::VirtualInterface(r) => vec![r.id.to_string(), r.connection.to_string()],
        Outcome::Gateway(r) => vec![r.id.to_string()],
        Outcome::Epoch(number) => vec![number.to_string()],
        Outcome::Done => Vec::new(),
    }
}
