//! What the audit trail says of a call, and where. A change's record is part of its own commit; of the other calls those that
//! are evidence go to the store too, and the rest to files.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use linkway_domain::association_proposal::Proposal;
use linkway_domain::connection::Connection;
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::gateway_association::Association;
use linkway_domain::id::{
    AccessKeyId, AccountId, AssociationId, ConnectionId, DirectConnectGatewayId, ProposalId,
    TransitGatewayId, VirtualGatewayId, VirtualInterfaceId,
};
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use linkway_domain::resource::{Party, Resource};
use linkway_domain::time::Time;
use linkway_domain::transit_gateway::TransitGateway;
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_interface::VirtualInterface;
use linkway_wire::error::{Code, WireError};
use linkway_wire::operation::Target;

use super::operation::Effect;
use super::{Answered, Api, Call, Known, Refused, internal};
use crate::audit::event::{AuditEvent, Parameters, bounded, parameters};
use crate::audit::named;
use crate::audit::record::{self, Change, Entry};
use crate::audit::trail::Evidence;
use crate::clock;
use crate::credentials::Caller;
use crate::http::{Request, RequestId};
use crate::operators::CallingOperator;

/// What evidence says of a read that answered nothing of what it asked for.
const NOTHING_SHOWN: &str = "It names what is another account's. Nothing of that was answered.";

impl Api {
    /// Records a call that was refused before anybody looked at what it asks for.
    pub(super) async fn record_refused(
        &self,
        request: &Request,
        target: Option<Target>,
        refused: &Refused,
    ) {
        let source = request.peer.ip();
        let event = anonymous(request, target, &refused.error);
        let event = match &refused.known {
            None => event,
            Some(Known::Throttled(caller)) => {
                let by = by(caller, source, &request.request_id, event.time);
                AuditEvent {
                    operation: event.operation,
                    outcome: event.outcome,
                    message: event.message,
                    ..by
                }
            }
            Some(Known::Disabled(caller)) => {
                let operation = target.map_or("unknown", Target::name);
                let evidence = Evidence {
                    refused: Some(refusal(&refused.error)),
                    ..evidence(caller, source, &request.request_id, operation)
                };
                if self.trail.denied(evidence).await {
                    return;
                }
                event
            }
        };
        self.trail.stranger(event, source, Instant::now());
    }

    /// Records a call that was answered, or refused with this error.
    pub(super) async fn record_answered(
        &self,
        call: &Call,
        effect: Effect,
        error: Option<&WireError>,
    ) {
        if error.is_none() && effect.is_recorded_by_itself() {
            return;
        }
        let named = named::resources(&call.body);
        if self.is_kept_as_denial(call, &named, error).await {
            return;
        }
        self.trail.record(&event(call, clock::now(), named, error));
    }

    /// Whether a call was refused access to what is another's, and that is in the store.
    async fn is_kept_as_denial(
        &self,
        call: &Call,
        named: &[String],
        error: Option<&WireError>,
    ) -> bool {
        let resources = match error {
            // The second is what a known caller gets for a request that was answered before.
            Some(WireError {
                code: Code::AccessDeniedException | Code::InvalidSignatureException,
                ..
            }) => Vec::new(),
            None if !call.showed_nothing.load(Ordering::Relaxed) => return false,
            Some(_) | None => {
                let Some(account) = call.principal().account() else { return false };
                let of_others = self.of_others(account, named).await;
                if of_others.is_empty() {
                    return false;
                }
                of_others
            }
        };
        let refused = error.map_or_else(|| ("ok", NOTHING_SHOWN.to_owned()), refusal);
        let Call { caller, source, request_id, .. } = call;
        let evidence = evidence(caller, *source, request_id, call.target.name());
        self.trail.denied(Evidence { resources, refused: Some(refused), ..evidence }).await
    }

    /// Those of the named resources that exist and that an account has nothing to do with.
    async fn of_others(&self, account: &AccountId, named: &[String]) -> Vec<String> {
        let keys: Vec<Key> = named.iter().flat_map(|text| resource_keys(text)).collect();
        if keys.is_empty() {
            return Vec::new();
        }
        let found = match self.records_at(&keys).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "a refused call's resources cannot be read");
                return Vec::new();
            }
        };
        found.iter().flatten().filter_map(|record| id_of_another(record, account)).collect()
    }

    /// Records a read that discloses everything; without that record there is no answer.
    pub(super) async fn record_disclosure(&self, call: &Call) -> Answered<()> {
        let Call { caller, source, request_id, .. } = call;
        let evidence = evidence(caller, *source, request_id, call.target.name());
        self.trail.disclosed(&evidence).await.map_err(|error| {
            tracing::error!(%error, %request_id, "a disclosure cannot be recorded");
            internal()
        })
    }

    /// Records a read of the feed.
    pub(super) async fn record_feed_read(&self, call: &Call) {
        let Call { caller, source, request_id, .. } = call;
        self.trail.feed_read(evidence(caller, *source, request_id, call.target.name())).await;
    }
}

fn shown_operator(caller: &Caller) -> Option<&str> {
    caller.operator.as_ref().and_then(CallingOperator::shown)
}

fn refusal(error: &WireError) -> (&'static str, String) {
    (error.code.as_str(), bounded(&error.message).into_owned())
}

fn evidence(
    caller: &Caller,
    source: IpAddr,
    request_id: &RequestId,
    operation: &'static str,
) -> Evidence {
    Evidence {
        request_id: request_id.clone(),
        principal: caller.principal.clone(),
        operator: shown_operator(caller).map(str::to_owned),
        access_key_id: caller.access_key_id.to_string(),
        source,
        operation,
        resources: Vec::new(),
        refused: None,
    }
}

/// Where the resource is that a caller named by its id or its ARN: several places where several kinds have ids of one form.
fn resource_keys(text: &str) -> Vec<Key> {
    let id = text.rsplit('/').next().unwrap_or_default();
    let keys = [
        ConnectionId::parse(id).ok().map(|id| key::connection(&id)),
        VirtualInterfaceId::parse(id).ok().map(|id| key::interface(&id)),
        VirtualGatewayId::parse(id).ok().map(|id| key::gateway(&id)),
        TransitGatewayId::parse(id).ok().map(|id| key::transit_gateway(&id)),
        DirectConnectGatewayId::parse(id).ok().map(|id| key::dx_gateway(&id)),
        AssociationId::parse(id).ok().map(|id| key::association(&id)),
        ProposalId::parse(id).ok().map(|id| key::proposal(&id)),
    ];
    keys.into_iter().flatten().collect()
}

/// The id of a resource that an account has nothing to do with.
fn id_of_another(record: &Record, account: &AccountId) -> Option<String> {
    fn check<R: Resource>(resource: &R, account: &AccountId, id: &str) -> Option<String> {
        let is_anothers = resource.party(account) == Party::Stranger;
        (is_anothers && !resource.is_purged(clock::now())).then(|| id.to_owned())
    }
    match record {
        Record::Connection(found) => check::<Connection>(found, account, found.id.as_str()),
        Record::VirtualInterface(found) => {
            check::<VirtualInterface>(found, account, found.id.as_str())
        }
        Record::Gateway(found) => check::<Gateway>(found, account, found.id.as_str()),
        Record::TransitGateway(found) => check::<TransitGateway>(found, account, found.id.as_str()),
        Record::DirectConnectGateway(found) => {
            check::<DirectConnectGateway>(found, account, found.id.as_str())
        }
        Record::Association(found) => check::<Association>(found, account, found.id.as_str()),
        Record::Proposal(found) => check::<Proposal>(found, account, found.id.as_str()),
        Record::Account(_)
        | Record::AccessKey(_)
        | Record::PublicNetwork(_)
        | Record::Backbone(_)
        | Record::Roster(_)
        | Record::OperatorUse(_)
        | Record::Location(_)
        | Record::Edge(_)
        | Record::EdgeSeen(_)
        | Record::Port(_)
        | Record::VirtualInterfaceStatus(_)
        | Record::ResourceTags(_)
        | Record::CustomerAgreement(_)
        | Record::FailoverTest(_)
        | Record::Notice(_)
        | Record::Webhook(_)
        | Record::WebhookStatus(_)
        | Record::Claim(_)
        | Record::Count(_)
        | Record::Mark => None,
    }
}

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
    let entry = Entry { operator: shown_operator(&call.caller), ..change.into() };
    (key::audit(time, call.request_id.as_str()), record::encode(&entry))
}

/// The record of one of the changes that a call makes in several commits: each has a record of its own, told apart by a number
/// behind the request's id.
pub(super) fn of_part(
    call: &Call,
    nth: usize,
    time: Time,
    resources: &[Cow<'_, str>],
) -> (Key, Vec<u8>) {
    let (_, entry) = of_change(call, time, resources);
    (key::audit(time, &format!("{}-{nth}", call.request_id.as_str())), entry)
}

/// The record of a call by a known caller.
pub(super) fn event<'a>(
    call: &'a Call,
    time: Time,
    resources: Vec<String>,
    error: Option<&'a WireError>,
) -> AuditEvent<'a> {
    AuditEvent {
        operation: call.target.name().into(),
        outcome: error.map_or("ok", |error| error.code.as_str()).into(),
        message: error.map(|error| bounded(&error.message)),
        resources,
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
        message: Some(bounded(&error.message)),
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
        access_key_id: claimed_key(&request.headers).map(Into::into),
        source_address: request.peer.ip().to_string().into(),
        operation: target.map_or("unknown", Target::name).into(),
        resources: Vec::new(),
        outcome: error.code.as_str().into(),
        message: Some(bounded(&error.message)),
        parameters: None,
        count: None,
    }
}

/// The access key that a request claims to be signed with, if its text can be one.
fn claimed_key(headers: &http::HeaderMap) -> Option<&str> {
    let text = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (id, _) = text.split_once("Credential=")?.1.split_once('/')?;
    AccessKeyId::parse(id).is_ok().then_some(id)
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
        principal: caller.shown().into(),
        account_id: caller.principal.account().map(|id| id.as_str().into()),
        access_key_id: Some(caller.access_key_id.as_str().into()),
        source_address: source.to_string().into(),
        operation: "".into(),
        resources: Vec::new(),
        outcome: "".into(),
        message: None,
        parameters: None,
        count: None,
    }
}
