//! The invariants of a whole data directory: what every record must look like, and which claims and indexes must exist
//! because of it. `linkway admin check` runs this over a store; property tests run it after every command.

use std::collections::BTreeMap;

use crate::access_key::Principal;
use crate::connection::{Connection, ConnectionPhase};
use crate::key::{self, Key};
use crate::record::{Claim, Record};
use crate::virtual_interface::{Phase, VirtualInterface};

/// Kinds of keys whose every entry must follow from a record.
const DERIVED: [&str; 13] = [
    "key-of",
    "free-port",
    "connection-of",
    "edge-connection",
    "vif-of",
    "on",
    "edge-vif",
    "peer",
    "gateway-of",
    "handoff",
    "attached",
    "edge-generation",
    "due",
];

/// Checks everything that a store holds (audit records apart); each violation is one sentence that names the key.
#[must_use]
pub fn violations(records: &BTreeMap<String, Record>) -> Vec<String> {
    let mut found = Vec::new();
    let mut expected: BTreeMap<String, Record> = BTreeMap::new();
    for (at, record) in records {
        if let Some(own) = own_key(record) {
            if own.as_str() != at {
                found.push(format!("{at}: holds the record of {own}"));
            }
            expected.extend(derived(record).into_iter().map(|(key, r)| (key.into_string(), r)));
        }
        found.extend(incoherent(records, record).into_iter().map(|text| format!("{at}: {text}")));
    }
    for (at, record) in &expected {
        match records.get(at) {
            Some(there) if there == record => {}
            Some(_) => {
                found.push(format!("{at}: names another owner than the record it belongs to"))
            }
            None => found.push(format!("{at}: is missing")),
        }
    }
    if records.keys().filter(|at| at.starts_with("epoch/")).count() > 1 {
        found.push("epoch/: a store has one epoch at a time, here are several".to_owned());
    }
    for at in records.keys() {
        if at.starts_with("epoch") && key::parse_epoch(at).is_none() {
            found.push(format!("{at}: is not an epoch"));
        }
        let kind = at.split('/').next().unwrap_or_default();
        // A deadline may outlive its reason: it does nothing when it comes, and goes.
        if DERIVED.contains(&kind) && kind != "due" && !expected.contains_key(at) {
            found.push(format!("{at}: belongs to no record"));
        }
    }
    found
}

/// Where a record lives; `None` for claims and marks, whose key says more than they do.
fn own_key(record: &Record) -> Option<Key> {
    match record {
        Record::Account(r) => Some(key::account(&r.id)),
        Record::AccessKey(r) => Some(key::access_key(&r.id)),
        Record::Location(r) => Some(key::location(&r.code)),
        Record::Edge(r) => Some(key::edge(&r.id)),
        Record::Port(r) => Some(key::port(&r.edge, &r.name)),
        Record::Connection(r) => Some(key::connection(&r.id)),
        Record::VirtualInterface(r) => Some(key::interface(&r.id)),
        Record::Gateway(r) => Some(key::gateway(&r.id)),
        Record::EdgeSeen(_) | Record::Claim(_) | Record::Mark => None,
    }
}

/// The claims and indexes that must exist because of a record.
fn derived(record: &Record) -> Vec<(Key, Record)> {
    let marks = |keys: Vec<Key>| keys.into_iter().map(|key| (key, Record::Mark)).collect();
    match record {
        Record::AccessKey(r) => marks(vec![key::access_key_of(&r.principal, &r.id)]),
        Record::Edge(r) => marks(vec![key::edge_generation(&r.id)]),
        Record::Port(r) if r.connection.is_none() => {
            marks(vec![key::free_port(&r.location, r.bandwidth, &r.edge, &r.name)])
        }
        Record::Connection(r) => marks(of_connection(r)),
        Record::VirtualInterface(r) => of_interface(r),
        Record::Gateway(r) => {
            let handoffs = r.handoffs.iter().map(|h| key::handoff(&h.edge, &h.interface, &r.id));
            marks(handoffs.chain([key::gateway_of(&r.owner, &r.id)]).collect())
        }
        Record::Account(_)
        | Record::Location(_)
        | Record::Port(_)
        | Record::EdgeSeen(_)
        | Record::Claim(_)
        | Record::Mark => Vec::new(),
    }
}

fn of_connection(connection: &Connection) -> Vec<Key> {
    let mut keys = vec![key::connection_of(&connection.owner, &connection.id)];
    if let Some(port) = connection.port.as_ref().filter(|_| !connection.phase.is_terminal()) {
        keys.push(key::edge_connection(&port.edge, &connection.id));
    }
    if let Some(ended) = connection.ended {
        keys.push(key::due(ended.forget, connection.id.as_str()));
    }
    keys
}

fn of_interface(interface: &VirtualInterface) -> Vec<(Key, Record)> {
    let id = &interface.id;
    let claim = Record::Claim(Claim { interface: id.clone() });
    let mut marks =
        vec![key::interface_of(&interface.owner, id), key::interface_of(&interface.lender, id)];
    let mut claims = Vec::new();
    if interface.phase.is_terminal() {
        marks.push(key::ended_on(&interface.connection, id));
    } else {
        claims.push(key::live_vlan(&interface.connection, interface.vlan));
        if let Some(gateway) = &interface.gateway {
            marks.push(key::attached(&gateway.id, id));
            marks.push(key::edge_interface(&interface.edge, id));
            let pieces = interface.addresses.pieces();
            claims.extend(pieces.iter().map(|p| key::peer_subnet(&gateway.id, &interface.edge, p)));
        }
    }
    if let Some(expires) = interface.expires {
        marks.push(key::due(expires, id.as_str()));
    }
    if let Some(ended) = interface.ended {
        marks.push(key::due(ended.forget, id.as_str()));
    }
    let marks = marks.into_iter().map(|key| (key, Record::Mark));
    claims.into_iter().map(|key| (key, claim.clone())).chain(marks).collect()
}

/// What is wrong with a record in itself, or with those it names.
fn incoherent(records: &BTreeMap<String, Record>, record: &Record) -> Vec<String> {
    let there = |key: Key| records.contains_key(key.as_str());
    let mut found = Vec::new();
    let mut require = |holds: bool, text: &str| {
        if !holds {
            found.push(text.to_owned());
        }
    };
    match record {
        Record::AccessKey(r) => match &r.principal {
            Principal::Account(id) => {
                require(there(key::account(id)), "its account does not exist")
            }
            Principal::Edge(id) => require(there(key::edge(id)), "its edge does not exist"),
            Principal::Operator => {}
        },
        Record::Edge(r) => {
            require(there(key::location(&r.location)), "its location does not exist")
        }
        Record::Port(r) => {
            require(there(key::edge(&r.edge)), "its edge does not exist");
            let holder = r.connection.as_ref().map(|id| records.get(key::connection(id).as_str()));
            let holds = |c: &Connection| {
                c.port.as_ref().is_some_and(|p| p.name == r.name && p.edge == r.edge)
            };
            if let Some(connection) = holder {
                let right = matches!(connection, Some(Record::Connection(c)) if holds(c) && !c.phase.is_terminal());
                require(right, "is held by a connection that does not have it");
            }
        }
        Record::Connection(r) => {
            require(there(key::account(&r.owner)), "its owner does not exist");
            require(there(key::location(&r.location)), "its location does not exist");
            require(r.phase.is_terminal() == r.ended.is_some(), "its phase and its end disagree");
            let on_port = r.phase.is_on_edge() || r.phase == ConnectionPhase::Deleting;
            require(!on_port || r.port.is_some(), "is approved and has no port");
            if let Some(port) = r.port.as_ref().filter(|_| on_port) {
                require(there(key::port(&port.edge, &port.name)), "its port does not exist");
            }
        }
        Record::VirtualInterface(r) => {
            let connection = records.get(key::connection(&r.connection).as_str());
            let live = matches!(connection, Some(Record::Connection(c)) if c.owner == r.lender && c.phase.is_on_edge());
            require(
                r.phase.is_terminal() || live,
                "is live on a connection that is not its lender's, or has ended",
            );
            let on_port = |c: &Connection| {
                c.location == r.location
                    && c.port.as_ref().is_some_and(|p| p.edge == r.edge && p.name == r.port)
            };
            let same = matches!(connection, Some(Record::Connection(c)) if on_port(c));
            require(r.phase.is_terminal() || same, "is not where its connection is");
            require(there(key::account(&r.owner)), "its owner does not exist");
            require(r.phase.is_terminal() == r.ended.is_some(), "its phase and its end disagree");
            let waits = r.phase == Phase::Confirming;
            require(waits == r.expires.is_some(), "its phase and its deadline disagree");
            require(
                !waits || (r.gateway.is_none() && r.reported.is_none()),
                "has a gateway before it was confirmed",
            );
            let routed = matches!(r.phase, Phase::Accepted | Phase::Deleting);
            require(!routed || r.gateway.is_some(), "is confirmed and has no gateway");
            if let Some(attached) = r.gateway.as_ref().filter(|_| routed) {
                let gateway = records.get(key::gateway(&attached.id).as_str());
                let right = matches!(gateway, Some(Record::Gateway(g)) if g.owner == r.owner && g.asn == attached.asn);
                require(right, "leads to a gateway that is not its owner's");
            }
        }
        Record::Gateway(r) => require(there(key::account(&r.owner)), "its owner does not exist"),
        Record::Account(_)
        | Record::Location(_)
        | Record::EdgeSeen(_)
        | Record::Claim(_)
        | Record::Mark => {}
    }
    found
}
