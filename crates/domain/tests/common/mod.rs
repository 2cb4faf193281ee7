//! A whole installation in memory: records with versions, compare-and-set, and edge routers that do what they are told.
//!
//! It does for the domain what the shell does (load what a rule asks for, decide, commit), so that the tests run the real
//! rules without a store or a server.

#![allow(dead_code, reason = "each test binary uses a part")]

pub mod act;
pub mod command;
pub mod direct;
pub mod edge;
pub mod judge;
pub mod operators;
pub mod race;
pub mod scene;
pub mod story;
pub mod undo;

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::access_key::Principal;
use linkway_domain::association_proposal::Proposal;
use linkway_domain::check;
use linkway_domain::connection::Connection;
use linkway_domain::decide::{Context, Decision};
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::edge::{EdgeConfig, project};
use linkway_domain::gateway_association::{Association, State as AssociationState};
use linkway_domain::id::{
    AccountId, AssociationId, ConnectionId, EdgeId, ProposalId, TransitGatewayId, VirtualGatewayId,
    VirtualInterfaceId,
};
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use linkway_domain::seed::Seed;
use linkway_domain::settings::Settings;
use linkway_domain::tag::{TaggedResource, Tags};
use linkway_domain::transit_gateway::TransitGateway;
use linkway_domain::view::{Ask, FIRST, First, Stop, Version, View};
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_interface::{InterfaceReport, VirtualInterface};
use linkway_domain::{Fault, Time};

use self::command::{Command, Outcome};

/// What etcd takes: compares, and operations, of one transaction.
pub const MOST_OPERATIONS: usize = 128;

/// One call: everything that a decision depends on besides the records.
#[derive(Clone, Debug)]
pub struct Call {
    pub principal: Principal,
    pub now: Time,
    pub seed: u64,
    pub command: Command,
}

/// A decision and what it rests on, not yet committed.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub call: Call,
    pub view: View,
    pub decision: Decision<Outcome>,
}

/// Something that a decision rested on has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict(pub String);

/// The store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    pub records: BTreeMap<String, (Version, Record)>,
    pub revision: Version,
    pub settings: Settings,
}

impl World {
    /// Decides on this world without changing it.
    pub fn decide(&self, call: &Call) -> Result<Prepared, Fault> {
        let context = Context {
            now: call.now,
            principal: call.principal.clone(),
            seed: Seed::from_number(call.seed),
            settings: &self.settings,
        };
        let mut view = View::default();
        loop {
            match call.command.decide(&view, &context) {
                Ok(decision) => return Ok(Prepared { call: call.clone(), view, decision }),
                Err(Stop::Fault(fault)) => return Err(fault),
                Err(Stop::Need(asks)) => {
                    assert!(!asks.is_empty(), "a rule stops and asks for nothing: {call:?}");
                    asks.into_iter().for_each(|ask| self.answer(ask, &mut view));
                }
            }
        }
    }

    fn answer(&self, ask: Ask, view: &mut View) {
        match ask {
            Ask::Record(key) => {
                let known = view.reads().any(|(known, _)| *known == key);
                assert!(!known, "a rule asks again for {key}");
                let (version, record) = match self.records.get(key.as_str()) {
                    Some((version, record)) => (*version, Some(record.clone())),
                    None => (0, None),
                };
                view.load(key, version, record);
            }
            Ask::Empty(range) => {
                let empty = self.is_empty(&range);
                view.load_empty(range, empty);
            }
            Ask::First(range) => {
                let first = self.first(&range);
                view.load_first(range, first);
            }
        }
    }

    fn first(&self, range: &Key) -> First {
        let keys: Vec<String> = self.ids_in(range).map(|rest| format!("{range}{rest}")).collect();
        let entry = |at: &String| (Key::from_stored(at.clone()), self.records[at].1.clone());
        let entries = keys.iter().take(FIRST).map(entry).collect();
        First { entries, is_cut: keys.len() > FIRST }
    }

    /// Commits if nothing that the decision rested on has changed; all or nothing.
    pub fn commit(&mut self, prepared: &Prepared) -> Result<(), Conflict> {
        for (key, version) in prepared.view.reads() {
            if self.version(key) != version {
                return Err(Conflict(format!("{key} is at {}, not {version}", self.version(key))));
            }
        }
        if let Some(range) = prepared.view.empty_ranges().find(|range| !self.is_empty(range)) {
            return Err(Conflict(format!("{range} is not empty")));
        }
        if !prepared.decision.writes.is_empty() {
            self.revision += 1;
        }
        for (key, record) in &prepared.decision.writes {
            match record {
                Some(record) => {
                    let value = (self.revision, record.clone());
                    self.records.insert(key.as_str().to_owned(), value);
                }
                None => {
                    self.records.remove(key.as_str());
                }
            }
        }
        Ok(())
    }

    /// Decides and commits.
    pub fn run(&mut self, call: &Call) -> Result<Outcome, Fault> {
        let prepared = self.decide(call)?;
        assert_eq!(malformed(&prepared), None, "{call:?}");
        self.commit(&prepared).expect("nothing changes between the two");
        Ok(prepared.decision.outcome)
    }

    pub fn version(&self, key: &Key) -> Version {
        self.records.get(key.as_str()).map_or(0, |(version, _)| *version)
    }

    pub fn is_empty(&self, range: &Key) -> bool {
        self.ids_in(range).next().is_none()
    }

    /// The last parts of the keys in a range.
    pub fn ids_in<'a>(&'a self, range: &Key) -> impl Iterator<Item = &'a str> + use<'a> {
        let start = range.as_str().to_owned();
        let length = start.len();
        self.records
            .range(start.clone()..)
            .map(|(key, _)| key.as_str())
            .take_while(move |key| key.starts_with(&start))
            .map(move |key| &key[length..])
    }

    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.records.values().filter_map(|(_, record)| match record {
            Record::Connection(connection) => Some(connection),
            _ => None,
        })
    }

    pub fn interfaces(&self) -> impl Iterator<Item = &VirtualInterface> {
        self.records.values().filter_map(|(_, record)| match record {
            Record::VirtualInterface(interface) => Some(interface),
            _ => None,
        })
    }

    pub fn gateways(&self) -> impl Iterator<Item = &Gateway> {
        self.records.values().filter_map(|(_, record)| match record {
            Record::Gateway(gateway) => Some(gateway),
            _ => None,
        })
    }

    pub fn transit_gateways(&self) -> impl Iterator<Item = &TransitGateway> {
        self.records.values().filter_map(|(_, record)| match record {
            Record::TransitGateway(gateway) => Some(gateway),
            _ => None,
        })
    }

    pub fn dx_gateways(&self) -> impl Iterator<Item = &DirectConnectGateway> {
        self.records.values().filter_map(|(_, record)| match record {
            Record::DirectConnectGateway(gateway) => Some(gateway),
            _ => None,
        })
    }

    pub fn associations(&self) -> impl Iterator<Item = &Association> {
        self.records.values().filter_map(|(_, record)| match record {
            Record::Association(association) => Some(association),
            _ => None,
        })
    }

    pub fn proposals(&self) -> impl Iterator<Item = &Proposal> {
        self.records.values().filter_map(|(_, record)| match record {
            Record::Proposal(proposal) => Some(proposal),
            _ => None,
        })
    }

    pub fn association(&self, id: &AssociationId) -> Option<&Association> {
        match self.records.get(key::association(id).as_str()) {
            Some((_, Record::Association(association))) => Some(association),
            _ => None,
        }
    }

    pub fn proposal(&self, id: &ProposalId) -> Option<&Proposal> {
        match self.records.get(key::proposal(id).as_str()) {
            Some((_, Record::Proposal(proposal))) => Some(proposal),
            _ => None,
        }
    }

    /// What a tenant sees of an association, from the records that the server reads for it.
    pub fn association_state(&self, id: &AssociationId) -> Option<AssociationState> {
        let association = self.association(id)?;
        let attached = self.ids_in(&key::all_dx_attached(&association.gateway));
        let edges = attached.filter_map(|rest| rest.split('/').next());
        let edges: BTreeSet<&str> = edges.collect();
        let seen =
            edges.into_iter().map(|edge| match self.records.get(&format!("edge-seen/{edge}")) {
                Some((_, Record::EdgeSeen(seen))) => Some(seen),
                _ => None,
            });
        let version = self.version(&key::association(id));
        Some(association.state((self.epoch(), version), seen))
    }

    pub fn edges(&self) -> Vec<EdgeId> {
        self.ids_in(&key::all("edge")).map(|id| id.parse().expect("an edge's key")).collect()
    }

    pub fn connection(&self, id: &ConnectionId) -> Option<&Connection> {
        match self.records.get(key::connection(id).as_str()) {
            Some((_, Record::Connection(connection))) => Some(connection),
            _ => None,
        }
    }

    pub fn interface(&self, id: &VirtualInterfaceId) -> Option<&VirtualInterface> {
        match self.records.get(key::interface(id).as_str()) {
            Some((_, Record::VirtualInterface(interface))) => Some(interface),
            _ => None,
        }
    }

    /// What was last said of an interface.
    pub fn report(&self, id: &VirtualInterfaceId) -> Option<&InterfaceReport> {
        match self.records.get(key::interface_status(id).as_str()) {
            Some((_, Record::VirtualInterfaceStatus(status))) => Some(&status.report),
            _ => None,
        }
    }

    /// What an account has labelled an interface with.
    pub fn tags(&self, id: &VirtualInterfaceId, account: &AccountId) -> Option<&Tags> {
        let resource = TaggedResource::VirtualInterface(id.clone());
        match self.records.get(key::tags(&resource, account).as_str()) {
            Some((_, Record::ResourceTags(tags))) => Some(&tags.tags),
            _ => None,
        }
    }

    pub fn gateway(&self, id: &VirtualGatewayId) -> Option<&Gateway> {
        match self.records.get(key::gateway(id).as_str()) {
            Some((_, Record::Gateway(gateway))) => Some(gateway),
            _ => None,
        }
    }

    pub fn transit_gateway(&self, id: &TransitGatewayId) -> Option<&TransitGateway> {
        match self.records.get(key::transit_gateway(id).as_str()) {
            Some((_, Record::TransitGateway(gateway))) => Some(gateway),
            _ => None,
        }
    }

    /// The store's epoch; 0 before it has one.
    pub fn epoch(&self) -> u64 {
        let mut keys = self.records.keys().filter(|at| at.starts_with("epoch/"));
        keys.next().and_then(|at| key::parse_epoch(at)).unwrap_or_default()
    }

    /// The configuration of an edge, from its indexes as the server reads them.
    pub fn config(&self, edge: &EdgeId) -> EdgeConfig {
        let connections: Vec<_> = self
            .ids_in(&key::edge_connections(edge))
            .map(|id| self.connection(&id.parse().expect("an index's key")).expect("is indexed"))
            .cloned()
            .collect();
        let interfaces: Vec<_> = self
            .ids_in(&key::edge_interfaces(edge))
            .map(|id| self.interface(&id.parse().expect("an index's key")).expect("is indexed"))
            .cloned()
            .collect();
        let direct: BTreeSet<_> = interfaces.iter().filter_map(|i| i.dx_gateway()).collect();
        let associations: Vec<Association> = direct
            .into_iter()
            .flat_map(|id| self.ids_in(&key::live_associations_on(id)).collect::<Vec<_>>())
            .map(|id| self.association(&id.parse().expect("an index's key")).expect("is indexed"))
            .cloned()
            .collect();
        let named: BTreeSet<_> = interfaces
            .iter()
            .filter_map(|i| i.attachment.as_ref()?.gateway.virtual_gateway())
            .chain(associations.iter().filter_map(|a| a.associated.virtual_gateway()))
            .collect();
        let gateways: Vec<_> =
            named.into_iter().filter_map(|id| self.gateway(id)).cloned().collect();
        let transit: BTreeSet<_> =
            associations.iter().filter_map(|a| a.associated.transit_gateway()).collect();
        let transit: Vec<_> =
            transit.into_iter().filter_map(|id| self.transit_gateway(id)).cloned().collect();
        let generation = self.version(&key::edge_generation(edge));
        let version = (self.epoch(), generation);
        self.with_networks(
            edge,
            project(edge, version, &connections, &interfaces, &gateways, &transit, &associations),
        )
    }

    /// With the public network of the edge, and with the backbones of all gateways.
    pub fn with_networks(&self, edge: &EdgeId, config: EdgeConfig) -> EdgeConfig {
        let backbones = self.records.values().filter_map(|(_, record)| match record {
            Record::Backbone(backbone) => Some(backbone.clone()),
            _ => None,
        });
        let config = config.with_backbones(&backbones.collect::<Vec<_>>());
        match self.records.get(key::public_network(edge).as_str()) {
            Some((_, Record::PublicNetwork(network))) => config.with_public_network(network),
            Some(_) | None => config,
        }
    }

    /// What `linkway admin check` would say.
    pub fn violations(&self) -> Vec<String> {
        let records = self.records.iter().map(|(key, (_, record))| (key.clone(), record.clone()));
        check::violations(&records.collect())
    }

    /// This world without anything that an account may not see.
    pub fn as_seen_by(&self, account: &AccountId) -> Self {
        let mut seen = self.clone();
        let sees = |id: &VirtualInterfaceId| {
            self.interface(id).is_some_and(|interface| is_party(interface, account))
        };
        seen.records.retain(|at, (_, record)| match record {
            Record::Connection(connection) => connection.owner == *account,
            Record::VirtualInterface(interface) => is_party(interface, account),
            Record::Gateway(gateway) => gateway.owner == *account,
            Record::TransitGateway(gateway) => gateway.owner == *account,
            Record::DirectConnectGateway(gateway) => gateway.owner == *account,
            Record::Association(association) => {
                [&association.gateway_owner, &association.associated_owner].contains(&account)
            }
            Record::Proposal(proposal) => {
                [&proposal.gateway_owner, &proposal.associated_owner].contains(&account)
            }
            // That an address of the public network is taken is everybody's business; whose it is, is not.
            Record::Claim(claim) => at.starts_with("peer/public-0/") || sees(&claim.interface),
            Record::Account(_)
            | Record::AccessKey(_)
            | Record::Roster(_)
            | Record::OperatorUse(_)
            | Record::Location(_)
            | Record::Edge(_)
            | Record::EdgeSeen(_)
            | Record::Port(_)
            | Record::PublicNetwork(_)
            | Record::Backbone(_)
            // How many there are may refuse a call; it shows nothing of what is counted.
            | Record::Count(_)
            | Record::Mark => true,
            Record::VirtualInterfaceStatus(status) => sees(&status.id),
            Record::FailoverTest(test) => [&test.owner, &test.lender].contains(&account),
            Record::ResourceTags(tags) => tags.account == *account,
            Record::CustomerAgreement(agreement) => agreement.account == *account,
            Record::Notice(notice) => notice.account == *account,
            Record::Webhook(webhook) => webhook.account == *account,
            Record::WebhookStatus(status) => status.account == *account,
        });
        seen
    }
}

/// Whether an interface is an account's business: said here again, so that the tests do not trust the rule they test.
pub fn is_party(interface: &VirtualInterface, account: &AccountId) -> bool {
    [&interface.owner, &interface.lender].contains(&account)
}

/// What a store cannot take of a decision: a key twice, one that is not printable, too many for one transaction.
pub fn malformed(prepared: &Prepared) -> Option<String> {
    let keys: Vec<&Key> = prepared.decision.writes.iter().map(|(key, _)| key).collect();
    let odd = keys.iter().find(|key| !key.as_str().bytes().all(|b| (b' '..=b'~').contains(&b)));
    let twice = keys.iter().enumerate().find(|(index, key)| keys[..*index].contains(key));
    let compares = prepared.view.reads().count() + prepared.view.empty_ranges().count();
    if let Some(key) = odd {
        return Some(format!("{key:?} is not printable"));
    }
    if let Some((_, key)) = twice {
        return Some(format!("{key} is written twice"));
    }
    let most = compares.max(keys.len());
    (most > MOST_OPERATIONS).then(|| format!("{most} operations in one commit"))
}

/// A refusal with exactly this text.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Fault>, text: &str) {
    assert_eq!(result.expect_err("must be refused").to_string(), text);
}
