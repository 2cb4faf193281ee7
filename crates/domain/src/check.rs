//! The invariants of a whole data directory: what every record must look like, and which claims and indexes must exist
//! because of it. `linkway admin check` runs this over a store; property tests run it after every command.

use std::collections::{BTreeMap, BTreeSet};

use crate::access_key::Principal;
use crate::association_proposal;
use crate::connection::{Connection, ConnectionPhase};
use crate::dx_gateway::DirectConnectGateway;
use crate::failover_test::TestStatus;
use crate::gateway_association::{self, Association};
use crate::id::AccessKeyId;
use crate::key::{self, Key};
use crate::operator::Role;
use crate::quota::{Count, Recount};
use crate::record::{Kind, Record, derived};
use crate::tag::TaggedResource;
use crate::virtual_interface::{GatewayId, InterfaceKind, Phase};

/// Checks everything that a store holds (audit records apart); each violation is one sentence that names the key.
#[must_use]
pub fn violations(records: &BTreeMap<String, Record>) -> Vec<String> {
    let mut found = Vec::new();
    let mut expected: BTreeMap<String, Record> = BTreeMap::new();
    for (at, record) in records {
        if let Some(own) = record.key() {
            if own.as_str() != at {
                found.push(format!("{at}: holds the record of {own}"));
            }
            let entries = derived(record).into_iter();
            expected.extend(entries.map(|(key, entry)| (key.into_string(), entry.into())));
        }
        found.extend(incoherent(records, record).into_iter().map(|text| format!("{at}: {text}")));
    }
    found.extend(miscounted(records));
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
        if let Some(edge) = at.strip_prefix("edge-seen/")
            && !records.contains_key(&format!("edge/{edge}"))
        {
            found.push(format!("{at}: is of an edge that does not exist"));
        }
        match Kind::of(at) {
            None => found.push(format!("{at}: is of no kind that this build knows")),
            Some(kind) if kind.is_derived() && !expected.contains_key(at) => {
                found.push(format!("{at}: belongs to no record"));
            }
            Some(_) => {}
        }
    }
    found
}

/// The counters of quotas that differ from a recount.
fn miscounted(records: &BTreeMap<String, Record>) -> Vec<String> {
    let mut recount = Recount::default();
    records.values().for_each(|record| recount.add(record));
    let mut counted = recount.counters();
    let counters = records.range("count/".to_owned()..).map_while(|(at, record)| match record {
        Record::Count(count) if at.starts_with("count/") => Some((at, *count)),
        _ => None,
    });
    let mut found = Vec::new();
    let mut judge = |at: &str, says: Count, counted: Count| {
        if says != counted {
            found.push(format!("{at}: says {says}, a recount gives {counted}"));
        }
    };
    for (at, says) in counters {
        judge(at, says, counted.remove(at).unwrap_or_default());
    }
    for (at, counted) in counted {
        judge(&at, Count::NONE, counted);
    }
    found
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
        Record::Roster(r) => {
            let is_operators = |id: &AccessKeyId| {
                let key = records.get(key::access_key(id).as_str());
                matches!(key, Some(Record::AccessKey(k)) if k.principal == Principal::Operator)
            };
            let keys: Vec<_> = r.operators.iter().flat_map(|o| &o.keys).map(|k| &k.id).collect();
            require(keys.iter().all(|id| is_operators(id)), "has a key that is no operator's");
            let distinct = keys.iter().collect::<BTreeSet<_>>().len() == keys.len();
            require(distinct, "gives two operators one key");
            let is_ordered = r.operators.is_sorted_by(|one, other| one.name < other.name);
            require(is_ordered, "has operators out of order, or two of one name");
            let admin = r.operators.iter().any(|o| o.enabled && o.role == Role::Admin);
            require(admin, "has no enabled admin");
        }
        Record::OperatorUse(_) => {}
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
            let placed = r.phase.is_terminal() || there(key::location(&r.location));
            require(placed, "its location does not exist");
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
            require(!waits || r.attachment.is_none(), "has a gateway before it was confirmed");
            let routed = matches!(
                r.phase,
                Phase::Verifying | Phase::Accepted | Phase::Deleting | Phase::Moving
            );
            require(!routed || r.attachment.is_some(), "is confirmed and has no gateway");
            let moves = r.phase == Phase::Moving;
            require(moves == r.moving.is_some(), "its phase and where it is moved to disagree");
            if let Some(moving) = &r.moving {
                let target = records.get(key::connection(&moving.connection).as_str());
                let right = matches!(target, Some(Record::Connection(c)) if c.owner == r.owner && c.phase.is_on_edge() && c.port.as_ref().is_some_and(|p| p.edge == moving.edge && p.name == moving.port));
                require(right, "is moved to a connection that is not its owner's, or has ended");
                require(r.lender == r.owner, "is moved and hosted");
                require(!moving.peers.is_empty(), "is moved without a BGP peer");
            }
            require(!r.peers.is_empty(), "has no BGP peer");
            let families = r.peers.iter().map(|peer| peer.addresses.family().as_str());
            let distinct = families.collect::<BTreeSet<_>>().len() == r.peers.len();
            require(distinct, "has two BGP peers of one address family");
            let attachment = r.attachment.as_ref().filter(|_| routed);
            let is_public = r.kind == InterfaceKind::Public;
            let to_public =
                attachment.is_none_or(|a| is_public == (a.gateway == GatewayId::Public));
            require(to_public, "its kind and what it leads to disagree");
            let is_transit = r.kind == InterfaceKind::Transit;
            let to_direct = attachment
                .is_none_or(|a| !is_transit || a.gateway.direct_connect_gateway().is_some());
            require(to_direct, "is transit and leads to no Direct Connect gateway");
            require(
                is_public || !r.awaits_verification(),
                "waits to be verified and is not public",
            );
            if let Some(gateway) = r.dx_gateway() {
                let counts =
                    [key::count_of_associations(gateway), key::count_of_dx_attached(gateway)];
                let mixes = counts.iter().any(|at| match records.get(at.as_str()) {
                    Some(Record::Count(used)) if is_transit => used.total > used.transit,
                    Some(Record::Count(used)) => used.transit > 0,
                    Some(_) | None => false,
                });
                require(!mixes, "is of another kind than what its Direct Connect gateway has");
            }
            for (peer, rotation) in r.peers.iter().filter_map(|p| Some((p, p.rotation.as_ref()?))) {
                let lives = matches!(r.phase, Phase::Accepted | Phase::Moving);
                require(lives && peer.is_live(), "has a new key for a session that there is not");
                require(rotation.key != peer.auth_key, "has the key of a session as its new one");
            }
            if let Some(running) = &r.test {
                require(r.phase == Phase::Accepted, "is tested and not accepted");
                let test = records.get(key::failover_test(&running.id).as_str());
                let right = matches!(test, Some(Record::FailoverTest(t)) if t.interface == r.id && t.ended.is_none() && t.until() == running.until);
                require(right, "has a running BGP failover test without a record of it");
            }
            if let Some((attached, id)) =
                attachment.and_then(|a| a.gateway.virtual_gateway().map(|id| (a, id)))
            {
                let gateway = records.get(key::gateway(id).as_str());
                let right = matches!(gateway, Some(Record::Gateway(g)) if g.owner == r.owner && g.asn == attached.asn);
                require(right, "leads to a gateway that is not its owner's");
            }
            if let Some((attached, id)) =
                attachment.and_then(|a| a.gateway.direct_connect_gateway().map(|id| (a, id)))
            {
                let gateway = records.get(key::dx_gateway(id).as_str());
                let same = |g: &DirectConnectGateway| {
                    (&g.owner, g.asn, &g.routing_domain)
                        == (&r.owner, attached.asn, &attached.routing_domain)
                };
                let right = matches!(gateway, Some(Record::DirectConnectGateway(g)) if same(g) && !g.phase.is_terminal());
                require(
                    right,
                    "leads to a Direct Connect gateway that is not its owner's, or was deleted",
                );
            }
        }
        Record::VirtualInterfaceStatus(r) => {
            let interface = records.get(key::interface(&r.id).as_str());
            let accepted = matches!(interface, Some(Record::VirtualInterface(i)) if i.phase == Phase::Accepted);
            require(accepted, "is of no interface that was accepted");
        }
        Record::FailoverTest(r) => {
            let ended = r.status != TestStatus::InProgress;
            require(ended == r.ended.is_some(), "its status and its end disagree");
            let interface = records.get(key::interface(&r.interface).as_str());
            let runs = matches!(interface, Some(Record::VirtualInterface(i)) if i.test.as_ref().is_some_and(|t| t.id == r.id));
            require(ended || runs, "runs on no interface");
        }
        Record::ResourceTags(r) => {
            let sees = match &r.resource {
                TaggedResource::Connection(id) => {
                    let connection = records.get(key::connection(id).as_str());
                    matches!(connection, Some(Record::Connection(c)) if c.owner == r.account)
                }
                TaggedResource::VirtualInterface(id) => {
                    let interface = records.get(key::interface(id).as_str());
                    matches!(interface, Some(Record::VirtualInterface(i)) if i.is_visible_to(&r.account))
                }
                TaggedResource::DirectConnectGateway(id) => {
                    let gateway = records.get(key::dx_gateway(id).as_str());
                    matches!(gateway, Some(Record::DirectConnectGateway(g)) if g.owner == r.account)
                }
            };
            require(sees, "labels a resource that its account does not see");
            require(!r.tags.is_empty(), "has no tag");
        }
        Record::CustomerAgreement(r) => {
            require(there(key::account(&r.account)), "its account does not exist");
        }
        Record::Gateway(r) => {
            require(there(key::account(&r.owner)), "its owner does not exist");
            let placed = r.handoffs.iter().all(|handoff| there(key::edge(&handoff.edge)));
            require(placed, "has a handoff on an edge that does not exist");
        }
        Record::TransitGateway(r) => {
            require(there(key::account(&r.owner)), "its owner does not exist");
            let placed = r.handoffs.iter().all(|handoff| there(key::edge(&handoff.edge)));
            require(placed, "has a handoff on an edge that does not exist");
        }
        Record::DirectConnectGateway(r) => {
            require(there(key::account(&r.owner)), "its owner does not exist");
            require(r.phase.is_terminal() == r.ended.is_some(), "its phase and its end disagree");
        }
        Record::Association(r) => incoherent_association(records, r, &mut require),
        Record::Proposal(r) => {
            for account in [&r.gateway_owner, &r.associated_owner] {
                require(there(key::account(account)), "the owner of a gateway does not exist");
            }
            let waits = r.phase == association_proposal::Phase::Requested;
            require(waits == r.ended.is_none(), "its phase and its end disagree");
        }
        Record::PublicNetwork(r) => {
            require(there(key::edge(&r.edge)), "its edge does not exist");
            let here = r.handoffs.iter().all(|handoff| handoff.edge == r.edge);
            require(here, "has a handoff on another edge");
        }
        Record::Backbone(r) => {
            let gateway = records.get(key::dx_gateway(&r.gateway).as_str());
            let serves = matches!(gateway, Some(Record::DirectConnectGateway(g))
                if !g.phase.is_terminal() && g.routing_domain == r.routing_domain);
            require(
                serves,
                "is of a Direct Connect gateway that is not there, or has another domain",
            );
            let placed = r.handoffs.iter().all(|handoff| there(key::edge(&handoff.edge)));
            require(placed, "has a handoff on an edge that does not exist");
            let has_peer = r.handoffs.iter().all(|handoff| handoff.fabric_peer.is_some());
            require(has_peer, "has a handoff without a BGP peer");
        }
        Record::Webhook(r) => {
            require(there(key::account(&r.account)), "its account does not exist");
            require(there(key::webhook_status(&r.account)), "has no status");
        }
        Record::WebhookStatus(r) => {
            require(there(key::webhook(&r.account)), "is of no webhook");
        }
        // What an account was told outlives what it was about, and the account.
        Record::Notice(_) => {}
        Record::Account(_)
        | Record::Location(_)
        | Record::EdgeSeen(_)
        | Record::Count(_)
        | Record::Claim(_)
        | Record::Mark => {}
    }
    found
}

/// What is wrong with an association, or with the gateways that it names.
fn incoherent_association(
    records: &BTreeMap<String, Record>,
    association: &Association,
    require: &mut dyn FnMut(bool, &str),
) {
    let Association { phase, leaving, .. } = association;
    require(phase.is_terminal() == association.ended.is_some(), "its phase and its end disagree");
    let waits = *phase == gateway_association::Phase::Disassociating;
    require(waits != leaving.is_empty(), "its phase and the edges that have it disagree");
    let is_there = |edge| records.contains_key(key::edge(edge).as_str());
    require(leaving.iter().all(is_there), "waits for an edge that does not exist");
    if phase.is_terminal() {
        return;
    }
    let gateway = records.get(key::dx_gateway(&association.gateway).as_str());
    let right = matches!(gateway, Some(Record::DirectConnectGateway(g)) if g.owner == association.gateway_owner && !g.phase.is_terminal());
    require(right, "is of a Direct Connect gateway that is another's, or was deleted");
    incoherent_transit(records, association, require);
    if let Some(id) = association.associated.virtual_gateway() {
        let gateway = records.get(key::gateway(id).as_str());
        let right = matches!(gateway, Some(Record::Gateway(g)) if g.owner == association.associated_owner && g.cidrs == association.cidrs);
        require(right, "associates a gateway that is another's, or was deleted");
        let live = ids_in(records, &key::live_associated(id.as_str())).count();
        require(live == 1, "associates a virtual gateway that has another Direct Connect gateway");
        let beside = ids_in(records, &key::live_associations_on(&association.gateway));
        let others = beside.filter(|other| *other != association.id.as_str());
        let overlaps = |other: &str| match records.get(&format!("association/{other}")) {
            Some(Record::Association(other)) => {
                other.cidrs.iter().any(|one| association.cidrs.iter().any(|own| own.overlaps(*one)))
            }
            _ => false,
        };
        let is_apart = !others.into_iter().any(overlaps);
        require(
            is_apart,
            "has a prefix that another association of its Direct Connect gateway overlaps",
        );
    }
}

/// What is wrong with the association of a transit gateway, or with what is beside it on its Direct Connect gateway.
fn incoherent_transit(
    records: &BTreeMap<String, Record>,
    association: &Association,
    require: &mut dyn FnMut(bool, &str),
) {
    let Some(id) = association.associated.transit_gateway() else { return };
    let transit = match records.get(key::transit_gateway(id).as_str()) {
        Some(Record::TransitGateway(found)) => Some(found),
        Some(_) | None => None,
    };
    let right = transit.is_some_and(|found| found.owner == association.associated_owner);
    require(right, "associates a transit gateway that is another's, or was deleted");
    require(!association.allowed.is_empty(), "is of a transit gateway and allows no prefix");
    let gateway = match records.get(key::dx_gateway(&association.gateway).as_str()) {
        Some(Record::DirectConnectGateway(found)) => Some(found),
        Some(_) | None => None,
    };
    let differ = transit.zip(gateway).is_none_or(|(transit, gateway)| transit.asn != gateway.asn);
    require(differ, "its two gateways have one AS number");
    let beside = ids_in(records, &key::live_associations_on(&association.gateway));
    for other in beside.filter(|other| *other != association.id.as_str()) {
        let Some(Record::Association(other)) = records.get(&format!("association/{other}")) else {
            continue;
        };
        require(
            other.associated.transit_gateway().is_some(),
            "is of a transit gateway, beside one of a virtual gateway",
        );
        require(other.associated != association.associated, "is there twice");
        let known = other.allowed.as_slice();
        let own = association.allowed.as_slice();
        let overlaps = own.iter().any(|own| known.iter().any(|known| known.overlaps(*own)));
        require(!overlaps, "allows a prefix that another transit gateway's association overlaps");
    }
}

/// The last parts of the keys in a range.
fn ids_in<'r>(
    records: &'r BTreeMap<String, Record>,
    range: &Key,
) -> impl Iterator<Item = &'r str> + use<'r> {
    let start = range.as_str().to_owned();
    let keys = records.range(start.clone()..).map(|(at, _)| at.as_str());
    let length = start.len();
    keys.take_while(move |at| at.starts_with(&start)).map(move |at| &at[length..])
}
