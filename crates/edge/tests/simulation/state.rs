//! The installation and what is under way in it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use linkway_domain::access_key::Principal;
use linkway_domain::edge::report::ReportSeen;
use linkway_domain::edge::{AssociationConfig, EdgeConfig, EdgeStatus, RoutingDomainConfig};
use linkway_domain::epoch::RenewEpoch;
use linkway_domain::id::{
    ConnectionId, EdgeId, RoutingDomainId, VirtualGatewayId, VirtualInterfaceId,
};
use linkway_domain::net::{GatewayAsn, Prefix};
use linkway_domain::virtual_gateway::decide::{CreateGateway, HandoffText};
use linkway_domain::virtual_interface::Phase;
use linkway_edge::agent::Look;

use crate::common::build::{FABRIC, PORTS};
use crate::common::daemon::Customer;
use crate::common::dirt::clean;
use crate::common::judge::Allowed;
use crate::common::kernel::Model;
use crate::common::router::{Handle, Router, TestAgent};
use crate::installation::World;
use crate::installation::command::{Command, Outcome};
use crate::installation::edge::Report;
use crate::installation::scene::{A, B, C, R1, Scene};

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end as u64).expect("is small")
    }

    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Clone>(&mut self, things: &[T]) -> Option<T> {
        if things.is_empty() { None } else { Some(things[self.below(things.len())].clone()) }
    }
}

/// What has happened in all seeds: a simulation in which nothing does proves nothing.
#[derive(Clone, Debug, Default)]
pub struct Tally(pub BTreeMap<&'static str, usize>);

/// Everything that must have happened in a thousand seeds.
pub const HAPPENS: [&str; 13] = [
    "available",
    "down",
    "confirming",
    "deleted",
    "rejected",
    "expired",
    "shut",
    "refused as older",
    "died in a round",
    "step failed",
    "stale report",
    "conflict",
    "replaced by a copy",
];

/// A server as far as it remembers anything: which report it took last.
#[derive(Clone, Copy, Default)]
pub struct Server {
    pub last: Option<u64>,
}

pub struct Simulation {
    pub seed: u64,
    pub dice: Dice,
    pub scene: Scene,
    pub servers: [Server; 2],
    pub backup: Option<World>,
    pub router: Handle,
    pub agent: Option<TestAgent>,
    /// What the state directory has.
    pub disk: Option<EdgeConfig>,
    /// The number of the last report of this run; 0 before the first.
    pub sequence: u64,
    pub configs: Vec<EdgeConfig>,
    pub reports: Vec<EdgeStatus>,
    pub lines: Vec<ConnectionId>,
    pub gateways: BTreeMap<&'static str, Vec<VirtualGatewayId>>,
    /// Every phase that was acknowledged to somebody since the store was last replaced.
    pub told: BTreeMap<VirtualInterfaceId, Phase>,
    /// What a replaced store does not know although it is, or may come, on the router.
    pub unknown: BTreeSet<VirtualInterfaceId>,
    /// Where packets may pass: by any configuration that was ever asked for, since each may still arrive.
    pub allowed: Allowed,
    /// The kernel at the last look.
    pub looked: Option<Model>,
    pub story: Vec<String>,
    pub tally: Tally,
}

pub fn edge() -> EdgeId {
    EdgeId::parse(R1).expect("an edge id")
}

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let mut scene = Scene::new();
        scene.operate(Command::RenewEpoch(RenewEpoch::First { before: None }));
        let lines = vec![scene.line(A, R1, PORTS[0]), scene.line(C, R1, PORTS[1])];
        let mut gateways = BTreeMap::new();
        for (owner, fabric) in [(A, FABRIC[0]), (B, FABRIC[1]), (C, FABRIC[2])] {
            let four = scene.operate(Command::CreateGateway(CreateGateway {
                account: owner.to_owned(),
                name: None,
                asn: None,
                vpc: "vpc-1".to_owned(),
                cidrs: vec!["10.0.0.0/16".to_owned(), "2001:db8:1::/56".to_owned()],
                handoffs: ["192.0.2.1", "2001:db8:ff::1"]
                    .map(|next_hop| HandoffText {
                        edge: R1.to_owned(),
                        interface: fabric.to_owned(),
                        next_hop: next_hop.to_owned(),
                        fabric_peer: None,
                    })
                    .into_iter()
                    .take(if owner == C { 1 } else { 2 })
                    .collect(),
            }));
            let Outcome::Gateway(gateway) = four else { panic!("{four:?}") };
            gateways.insert(owner, vec![gateway.id]);
        }
        let router = Router { kernel: clean(), ..Router::default() };
        let router = Handle::new(router);
        let agent = Some(router.agent(None));
        Self {
            seed,
            dice: Dice(seed),
            scene,
            servers: [Server::default(); 2],
            backup: None,
            router,
            agent,
            disk: None,
            sequence: 0,
            configs: Vec::new(),
            reports: Vec::new(),
            lines,
            gateways,
            told: BTreeMap::new(),
            unknown: BTreeSet::new(),
            allowed: Allowed::default(),
            looked: None,
            story: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Counts something that happened.
    pub fn count(&mut self, what: &'static str) {
        assert!(HAPPENS.contains(&what), "{what} is listed");
        *self.tally.0.entry(what).or_default() += 1;
    }

    pub fn say(&mut self, what: impl Into<String>) {
        self.story.push(what.into());
    }

    pub fn world(&self) -> &World {
        &self.scene.world
    }

    /// What a server says. Of every other sixteen seeds the first account's interfaces are on a Direct Connect gateway, which has its
    /// virtual gateway associated for IPv4 and the second account's for IPv6.
    pub fn config(&self) -> EdgeConfig {
        let mut config = self.world().config(&edge());
        let first: &VirtualGatewayId = &self.gateways[A][0];
        let is_first = |id: &RoutingDomainId| id.as_str() == first.as_str();
        if (self.seed / 16).is_multiple_of(2)
            || !config.interfaces.iter().any(|one| is_first(&one.routing_domain_id))
        {
            return config;
        }
        let id = RoutingDomainId::parse("dxgw-00000001").expect("an id");
        let association = |domain: &Arc<RoutingDomainConfig>| {
            let is_second = domain.routing_domain_id.as_str() == self.gateways[B][0].as_str();
            let wanted = is_first(&domain.routing_domain_id) || is_second;
            let of_family = |prefix: &&Prefix| prefix.net().addr().is_ipv6() == is_second;
            wanted.then(|| AssociationConfig {
                routing_domain_id: domain.routing_domain_id.clone(),
                prefixes: domain.cidrs.iter().filter(of_family).copied().collect(),
            })
        };
        let gateway = RoutingDomainConfig {
            routing_domain_id: id.clone(),
            alias: None,
            amazon_side_asn: GatewayAsn::DEFAULT,
            cidrs: Vec::new(),
            handoffs: Vec::new(),
            associations: config.routing_domains.iter().filter_map(association).collect(),
        };
        config.routing_domains.insert(0, Arc::new(gateway));
        for one in &mut config.interfaces {
            if is_first(&one.routing_domain_id) {
                Arc::make_mut(one).routing_domain_id = id.clone();
            }
        }
        config
    }

    /// The agent asks, a server answers; the answer is on its way.
    pub fn ask(&mut self) {
        if self.agent.is_some() {
            let config = self.config();
            self.allowed.add(&config);
            self.configs.push(config);
        }
    }

    /// An answer arrives: onto the disk, into the agent, onto the router.
    pub fn receive(&mut self, config: EdgeConfig) {
        let Some(agent) = &mut self.agent else { return };
        let held = agent.version();
        match agent.judge(&config) {
            Ok(()) => {
                assert!(held <= config.version(), "an older configuration is taken");
                self.disk = Some(config.clone());
                agent.take(Arc::new(config));
            }
            Err(refusal) => {
                assert!(held > config.version(), "{refusal}");
                return self.count("refused as older");
            }
        }
        self.round(Look::News);
    }

    /// The agent looks at everything.
    pub fn converge(&mut self) {
        self.round(Look::Whole);
    }

    /// The agent makes a round, and dies in it if it is so.
    fn round(&mut self, look: Look) {
        let Some(agent) = &mut self.agent else { return };
        let round = agent.round(look);
        if !round.failed.is_empty() {
            self.count("step failed");
        }
        if self.router.0.borrow().is_dead() {
            self.count("died in a round");
            self.kill();
        }
    }

    /// The agent's process is gone, and with it every answer to it.
    pub fn kill(&mut self) {
        self.agent = None;
        self.configs.clear();
        self.router.0.borrow_mut().faults.die_at = None;
    }

    pub fn start(&mut self) {
        if self.agent.is_none() {
            self.agent = Some(self.router.agent(self.disk.clone()));
            self.sequence = 0;
        }
    }

    /// The agent sends a report; it is on its way.
    pub fn send(&mut self) {
        let Some(agent) = &self.agent else { return };
        self.sequence = match self.sequence {
            0 => self.scene.now.millis(),
            last => last + 1,
        };
        self.reports.extend(agent.report(self.sequence));
    }

    /// A server takes a report, as the shell does.
    pub fn take(&mut self, server: usize, status: EdgeStatus) {
        let status = status.bounded();
        let report = Report {
            edge: edge(),
            version: status.version(),
            sequence: status.sequence,
            access_key: None,
            ports: status.ports.iter().map(|p| (p.connection_id.clone(), p.carrier)).collect(),
            new_keys: status.interfaces.iter().flat_map(|i| i.with_new_keys()).collect(),
            interfaces: status
                .interfaces
                .iter()
                .map(|i| (i.virtual_interface_id.clone(), i.report()))
                .collect(),
        };
        let (world, now) = (&mut self.scene.world, self.scene.now);
        let mut items = report.calls(world, now).split_off(1);
        items.retain(|call| world.decide(call).map_or(true, |it| !it.decision.writes.is_empty()));
        let follows = self.servers[server].last.is_some_and(|last| last + 1 == report.sequence);
        let quiet = items.is_empty() && follows;
        let seen = Command::ReportSeen(ReportSeen { head: report.head(), quiet });
        let call = self.scene.call(Principal::Edge(edge()), seen);
        items.insert(0, call);
        for call in &items {
            if self.scene.world.run(call).is_err() {
                return self.count("stale report");
            }
        }
        self.servers[server].last = Some(report.sequence);
    }

    /// A customer's router for each interface that there is.
    pub fn customers(&mut self) {
        let ids: Vec<_> = self.world().interfaces().map(|i| i.id.clone()).collect();
        let mut router = self.router.0.borrow_mut();
        for id in ids {
            router.bgp.customers.entry(id).or_insert_with(|| {
                let net = |text: &str| text.parse().expect("a prefix");
                Customer { prefixes: vec![net("172.20.0.0/16"), net("0.0.0.0/0")], more: 0 }
            });
        }
        router.run();
    }
}
