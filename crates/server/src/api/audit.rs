//! What the audit log says of a call. A change's record is part of its own commit; reads and refusals go to the journal.

use std::borrow::Cow;
use std::net::IpAddr;

use linkway_domain::key::{self, Key};
use linkway_domain::time::Time;
use linkway_wire::error::WireError;
use linkway_wire::operation::Target;

use super::Call;
use crate::audit::event::{AuditEvent, Parameters, parameters};
use crate::audit::named;
use crate::audit::record::{self, Change};
use crate::clock;
use crate::credentials::Caller;
use crate::http::{Request, RequestId};

/// The record of a change, for its own commit.
pub(super) fn of_change(call: &Call, time: Time, resources: &[Cow<'_, str>]) -> (Key, Vec<u8>) {
    let parameters = parameters(&call.body);
    let change = Change {
        principal: call.caller.principal.clone(),
        access_key_id: call.caller.access_key_id.as_str(),
        source: call.source,
        operation: call.target.name(),
        resources: resources.to_vec(),
        parameters: parameters.as_ref().map(Parameters::text),
    };
    (key::audit(time, call.request_id.as_str()), record::encode(&change))
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
        resources: named::resources(&call.body),
        parameters: parameters(&call.body),
        ..by(&call.caller, call.source, &call.request_id, time)
    }
}

/// The record of a known caller's call of an operation that does not exist.
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
pub(super) fn anonymous<'a>(
    request: &'a Request,
    target: Option<Target>,
    error: &'a WireError,
) -> AuditEvent<'a> {
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
