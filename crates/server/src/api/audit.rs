//! What the trail says of a call. A change's record is part of its own commit; reads and refusals go to the journal.

use std::borrow::Cow;
use std::net::IpAddr;

use linkway_domain::decide::Outcome;
use linkway_domain::key::{self, Key};
use linkway_domain::time::Time;
use linkway_wire::error::WireError;
use linkway_wire::generated::Operation;
use linkway_wire::operation::{LinkwayOperation, Target};

use super::Call;
use crate::audit::event::{AuditEvent, Parameters, parameters};
use crate::audit::record::{self, Change};
use crate::clock;
use crate::credentials::Caller;
use crate::http::{Request, RequestId};

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
    let parameters = parameters(&call.body);
    let change = Change {
        principal: call.caller.principal.clone(),
        access_key_id: call.caller.access_key_id.as_str(),
        source: call.source,
        operation: call.target.name(),
        resources: resources(outcome),
        parameters: parameters.as_ref().map(Parameters::text),
    };
    (key::audit(time, call.request_id.as_str()), trail::encode(&change))
}

/// The record of a call by a known caller.
pub(super) fn event<'a>(
    call: &'a Call,
    time: Time,
    outcome: &'static str,
    message: Option<&'a str>,
) -> AuditEvent<'a> {
    AuditEvent {
        operation: call.target.name().into(),
        outcome: outcome.into(),
        message: message.map(Into::into),
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
    AuditEvent {
        time,
        request_id: request_id.as_str().into(),
        principal: caller.principal.to_string().into(),
        account_id: caller.principal.account().map(|id| id.as_str().into()),
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
fn resources(outcome: &Outcome) -> Vec<Cow<'_, str>> {
    match outcome {
        Outcome::Account(r) => vec![r.id.as_str().into()],
        Outcome::AccessKey(r) => vec![r.id.as_str().into()],
        Outcome::Location(r) => vec![r.code.as_str().into()],
        Outcome::Edge(r, access_key) => vec![r.id.as_str().into(), access_key.id.as_str().into()],
        Outcome::Port(r) => vec![format!("{}/{}", r.edge, r.name).into()],
        Outcome::Connection(r) => vec![r.id.as_str().into()],
        Outcome::VirtualInterface(r) => vec![r.id.as_str().into(), r.connection.as_str().into()],
        Outcome::Gateway(r) => vec![r.id.as_str().into()],
        Outcome::Epoch(number) => vec![number.to_string().into()],
        Outcome::Done => Vec::new(),
    }
}
