//! Records as the operator API shows them.

use linkway_domain::access_key::{AccessKey, Account, Principal};
use linkway_domain::gateway::Gateway;
use linkway_domain::location::Port;
use linkway_wire::operator as wire;
use linkway_wire::value::Secret;

use crate::clock;

pub(super) fn account(account: Account) -> wire::Account {
    wire::Account {
        account_id: account.id.to_string(),
        name: account.name,
        created_at: clock::timestamp(account.created),
    }
}

fn status(enabled: bool) -> wire::AccessKeyStatus {
    if enabled { wire::AccessKeyStatus::Enabled } else { wire::AccessKeyStatus::Disabled }
}

/// The kind of key, the account of an account's and the edge of an edge's.
fn whose(principal: &Principal) -> (wire::AccessKeyKind, Option<String>, Option<String>) {
    match principal {
        Principal::Account(id) => (wire::AccessKeyKind::Account, Some(id.to_string()), None),
        Principal::Operator => (wire::AccessKeyKind::Operator, None, None),
        Principal::Edge(id) => (wire::AccessKeyKind::Edge, None, Some(id.to_string())),
    }
}

/// With its secret: for the one answer that has it.
pub(super) fn new_access_key(made: AccessKey) -> wire::NewAccessKey {
    let (_, account_id, edge_id) = whose(&made.principal);
    wire::NewAccessKey {
        access_key_id: made.id.to_string(),
        secret_access_key: Secret::from(made.secret.reveal()),
        account_id,
        edge_id,
        status: status(made.enabled),
        created_at: clock::timestamp(made.created),
    }
}

pub(super) fn access_key(access_key: AccessKey) -> wire::AccessKey {
    let (kind, account_id, edge_id) = whose(&access_key.principal);
    wire::AccessKey {
        access_key_id: access_key.id.to_string(),
        kind,
        account_id,
        edge_id,
        status: status(access_key.enabled),
        created_at: clock::timestamp(access_key.created),
    }
}

pub(super) fn port(port: Port, carrier: Option<bool>) -> wire::Port {
    wire::Port {
        edge_id: port.edge.to_string(),
        interface: port.name.to_string(),
        location_code: port.location.to_string(),
        bandwidth: port.bandwidth.to_string(),
        jumbo_frame_capable: port.jumbo,
        connection_id: port.connection.map(|id| id.to_string()),
        carrier,
    }
}

pub(super) fn gateway(gateway: &Gateway, state: &str) -> wire::Gateway {
    let handoffs = gateway.handoffs.iter().map(|handoff| wire::Handoff {
        edge_id: handoff.edge.to_string(),
        interface: handoff.interface.to_string(),
        next_hop: handoff.next_hop.to_string(),
    });
    wire::Gateway {
        virtual_gateway_id: gateway.id.to_string(),
        account_id: gateway.owner.to_string(),
        amazon_side_asn: i64::from(gateway.asn.number()),
        vpc_id: gateway.vpc.to_string(),
        cidrs: gateway.cidrs.iter().map(ToString::to_string).collect(),
        handoffs: handoffs.collect(),
        virtual_gateway_state: state.to_owned(),
    }
}
