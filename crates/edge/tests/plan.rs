//! Plans on a model kernel: invariants 2, 4 and 7 of the design, from any starting state, through any fault.
//!
//! `PROPTEST_CASES` sets how many are played; a failure prints the shortest case.

mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use common::build::{INTERFACES, change, config, customer, peer_changes, vif};
use common::daemon::digest;
use common::dirt::{Dirt, clean, dirt, spread};
use common::forward::{Fate, Packet};
use common::judge::{
    Allowed, backbone_leaks, breaches, canonical, customers_leaks, leaks, meddling,
};
use common::kernel::Model;
use common::router::{Faults, Handle, Router};
use ipnet::IpNet;
use linkway_domain::edge::EdgeConfig;
use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_edge::kernel::{Change, Link, LinkKind, Way};
use linkway_edge::mark::Marks;
use linkway_edge::plan::guard::Guard;
use linkway_edge::plan::scope::plan_change;
use linkway_edge::plan::settled::Settled;
use linkway_edge::plan::{Item, Plan, Step, made_anew, plan};
use linkway_edge::session::SessionId;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

fn router(kernel: Model) -> Router {
    let mut router = Router { kernel, ..Router::default() };
    router.bgp.customers = (0..INTERFACES).map(|number| (vif(number), customer())).collect();
    router
}

/// The plan for a router as it is.
fn planned(config: &EdgeConfig, router: &Router) -> Plan {
    let kernel = router.kernel.observe(&router.marks);
    plan(config, &kernel, &router.bgp.observe(), &router.marks, digest).plan
}

/// A router after one round of a fresh agent.
fn converged(config: &EdgeConfig, router: Router) -> Router {
    let handle = Handle::new(router);
    handle.agent(Some(config.clone())).converge();
    handle.snapshot()
}

/// A configuration whose routing domains have the handoffs that another one gives them, each interface in one of them.
fn with_handoffs_of(config: &EdgeConfig, other: &EdgeConfig) -> EdgeConfig {
    let mut moved = config.clone();
    let mut used = BTreeSet::new();
    for domain in &mut moved.routing_domains {
        let id = &domain.routing_domain_id;
        let new = other.routing_domains.iter().find(|other| other.routing_domain_id == *id);
        let handoffs = new.map_or(&[][..], |new| &new.handoffs).iter();
        let handoffs = handoffs.filter(|one| used.insert(one.interface.clone())).cloned().collect();
        Arc::make_mut(domain).handoffs = handoffs;
    }
    moved
}

/// A router as an agent may find it: what an earlier configuration made of it, perhaps with other tables, and dirt on top.
#[derive(Clone, Debug)]
struct Start {
    earlier: Option<EdgeConfig>,
    other_tables: bool,
    dirt: Vec<Dirt>,
    /// Whether the daemon's configuration is another build's.
    foreign: bool,
    /// Whether the configuration is still the earlier one.
    same: bool,
}

impl Start {
    fn router(&self) -> Router {
        let mut start = router(clean());
        if let Some(earlier) = &self.earlier {
            let marks = start.marks;
            start.marks.first_table -= if self.other_tables { 1_000_000 } else { 0 };
            start = converged(earlier, start);
            start.marks = marks;
        }
        start.bgp.foreign = self.foreign;
        spread(&self.dirt, &mut start.kernel, &start.marks);
        // The daemon has seen all that before the agent comes.
        start.run();
        start
    }

    fn config(&self, other: EdgeConfig) -> EdgeConfig {
        self.earlier.clone().filter(|_| self.same).unwrap_or(other)
    }
}

fn any_start() -> impl Strategy<Value = Start> {
    let flags = (prop::bool::weighted(0.3), any::<bool>(), prop::bool::weighted(0.4));
    (prop::option::of(config()), dirt(), flags).prop_map(
        |(earlier, dirt, (other_tables, foreign, same))| Start {
            earlier,
            other_tables,
            dirt,
            foreign,
            same,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn invariant_7_a_plan_after_apply_is_empty(start in any_start(), config in config()) {
        let config = start.config(config);
        let start = start.router();
        let before = start.kernel.clone();
        let handle = Handle::new(start);
        let round = handle.agent(Some(config.clone())).converge();
        prop_assert_eq!(&round.failed, &Vec::new());
        let after = handle.snapshot();
        prop_assert_eq!(planned(&config, &after), Plan::default());
        let meddled = meddling(&before, &after.kernel, &config, &after.marks);
        prop_assert!(meddled.is_empty(), "{}", meddled.join("\n"));
    }

    /// A gateway that moves to other handoffs keeps its interfaces: no link and no session of a customer is taken away that is
    /// there before and after.
    #[test]
    fn moved_handoffs_leave_customers_sessions_alone(config in config(), other in config()) {
        let router = converged(&config, router(clean()));
        let moved = with_handoffs_of(&config, &other);
        let observed = router.bgp.observe();
        let kernel = router.kernel.observe(&router.marks);
        let planned = plan(&moved, &kernel, &observed, &router.marks, digest);
        let (plan, wanted) = (planned.plan, planned.wanted.sessions);
        for session in observed.peers.keys().filter(|session| wanted.contains_key(*session)) {
            let link = session.interface.as_str();
            let goes = |step: &Step| matches!(&step.change, Change::DeleteLink { link: gone } if gone == link);
            prop_assert!(!plan.steps.iter().any(goes), "{link} goes: {plan:?}");
            let stays = plan.withdraw.as_ref().is_none_or(|staying| staying.sessions.contains_key(session));
            prop_assert!(stays, "{session} is withdrawn: {plan:?}");
        }
    }

    /// A customer's router hears that a session ends before its link does, also if it begins anew at once.
    #[test]
    fn sessions_are_withdrawn_before_their_links_are_made_anew(start in any_start(), config in config()) {
        let config = start.config(config);
        let router = start.router();
        let observed = router.bgp.observe();
        let kernel = router.kernel.observe(&router.marks);
        let planned = plan(&config, &kernel, &observed, &router.marks, digest);
        let (plan, wanted) = (planned.plan, planned.wanted.sessions);
        let anew = made_anew(&plan.steps);
        for item in &config.interfaces {
            let (id, domain) = (item.virtual_interface_id.as_str(), item.routing_domain_id.as_str());
            for session in observed.peers.keys().filter(|one| one.interface == item.virtual_interface_id) {
                if anew.contains(id) || anew.contains(domain) {
                    let staying = plan.withdraw.as_ref();
                    prop_assert!(staying.is_some_and(|staying| !staying.sessions.contains_key(session)), "{session}: {anew:?}");
                    // An interface that cannot be has no session to come back.
                    prop_assert!(plan.sessions.is_some() || !wanted.contains_key(session));
                }
            }
        }
    }

    #[test]
    fn invariant_7_killed_anywhere_it_converges_to_the_same(
        start in any_start(), config in config(), deaths in prop::collection::vec(0..30_usize, 1..4)
    ) {
        let config = start.config(config);
        let start = start.router();
        let goal = converged(&config, start.clone());
        let mut router = start;
        for death in deaths {
            router.faults.die_at = Some(router.steps + death);
            router = converged(&config, router);
        }
        router.faults = Faults::default();
        let router = converged(&config, router);
        prop_assert_eq!(planned(&config, &router), Plan::default());
        prop_assert_eq!(
            canonical(&router.kernel, &router.marks), canonical(&goal.kernel, &goal.marks)
        );
    }

    #[test]
    fn invariant_7_what_fails_stops_nothing_else(
        start in any_start(), config in config(), failing in 1..40_usize
    ) {
        let config = start.config(config);
        let start = start.router();
        let first = planned(&config, &start);
        let goal = converged(&config, start.clone());
        let mut router = start;
        router.faults.fail.insert(failing);
        let handle = Handle::new(router);
        let round = handle.agent(Some(config.clone())).converge();
        let after = handle.snapshot();
        let mut hit: BTreeSet<Item> = round.failed.iter().map(|(step, _)| step.item.clone()).collect();
        let domain_hit = |hit: &BTreeSet<Item>, id: &RoutingDomainId| {
            hit.contains(&Item::RoutingDomain(id.clone()))
        };
        // What is in the place of another can only come when that has gone.
        let leftover = hit.remove(&Item::Leftover);
        if leftover {
            hit.extend(first.steps.iter().map(|step| step.item.clone()));
        }
        for item in &config.interfaces {
            let id = &item.virtual_interface_id;
            let port_hit = hit.contains(&Item::Port(item.interface.to_string()));
            let own = hit.contains(&Item::Interface(id.clone()));
            if !own && !port_hit && !domain_hit(&hit, &item.routing_domain_id) {
                let at = |router: &Router| {
                    let link = router.kernel.links.get(id.as_str()).cloned();
                    link.filter(|link| router.marks.owns_link(id.as_str(), link))
                };
                if leftover && at(&goal).is_none() {
                    continue;
                }
                prop_assert_eq!(at(&after), at(&goal), "{} in {:?}", id, round.failed);
            }
        }
        let healed = converged(&config, after);
        prop_assert_eq!(planned(&config, &healed), Plan::default());
    }

    #[test]
    fn invariant_2_nothing_of_an_interface_appears_that_is_not_accepted(
        start in any_start(), config in config()
    ) {
        let config = start.config(config);
        let mut router = start.router();
        router.trace = Some(vec![("start".to_owned(), router.kernel.clone())]);
        let after = converged(&config, router);
        let accepted: BTreeSet<_> =
            config.interfaces.iter().map(|i| i.virtual_interface_id.clone()).collect();
        let others: Vec<_> = (0..INTERFACES).map(vif).filter(|id| !accepted.contains(id)).collect();
        for pair in after.trace.as_ref().expect("is kept").windows(2) {
            for id in &others {
                let (was, is) = (things_of(id, &pair[0].1), things_of(id, &pair[1].1));
                prop_assert!(is.is_subset(&was), "{}: {:?} became {:?}", pair[1].0, was, is);
            }
        }
        for id in &others {
            let link = after.kernel.links.get(id.as_str());
            let ours = link.is_some_and(|link| after.marks.owns_link(id.as_str(), link));
            prop_assert!(!ours, "{} is still there", id);
            let peers = after.bgp.observe().peers;
            prop_assert!(!peers.keys().any(|one| one.interface == *id), "{} has a session", id);
        }
    }

    #[test]
    fn invariant_4_no_packet_passes_between_gateways(
        configs in prop::collection::vec((prop::option::weighted(0.6, config()), prop::option::weighted(0.3, 0..30_usize), prop::collection::vec(1..60_usize, 0..3), any::<bool>()), 1..4)
    ) {
        let mut router = router(clean());
        router.trace = Some(Vec::new());
        let (mut last, mut before) = (None, None);
        for (config, death, failing, moved) in configs {
            let Some(config) = config.or(last.take()) else { continue };
            // An operator may move our range of tables.
            router.marks.first_table = 722_400_000 + if moved { 2 } else { 0 };
            router.faults.die_at = death.map(|at| router.steps + at);
            router.faults.fail = failing.iter().map(|at| router.steps + at).collect();
            router = converged(&config, router);
            router.faults = Faults::default();
            router = converged(&config, router);
            let allowed = Allowed::by(before.iter().chain([&config]));
            let mut path = Vec::new();
            for (step, kernel) in router.trace.replace(Vec::new()).expect("is kept") {
                path.push(step);
                let leaks = leaks(&kernel, &router.marks, &allowed);
                prop_assert!(leaks.is_empty(), "{:#?} after {:#?}", leaks, path);
            }
            prop_assert_eq!(planned(&config, &router), Plan::default());
            let left = leaks(&router.kernel, &router.marks, &Allowed::by([&config]));
            prop_assert!(left.is_empty(), "{:#?} at the end", left);
            spoofed_are_dropped(&router)?;
            (before, last) = (Some(config.clone()), Some(config));
        }
    }

    /// One fence that is broken by hand lets nothing out of a routing domain: the others hold without it. While all stand,
    /// nothing of a customer's comes to another customer or, but for what the filters name, to the router.
    #[test]
    fn invariant_4_a_broken_fence_leaves_others(config in config()) {
        let router = converged(&config, router(clean()));
        let allowed = Allowed::by([&config]);
        let leaks = customers_leaks(&router.kernel, &router.marks, true, &allowed);
        prop_assert!(leaks.is_empty(), "{leaks:#?}");
        let leaks = backbone_leaks(&router.kernel, &router.marks, &allowed);
        prop_assert!(leaks.is_empty(), "{leaks:#?}");
        for (broken, kernel) in breaches(&router.kernel, &router.marks) {
            let leaks = customers_leaks(&kernel, &router.marks, false, &allowed);
            prop_assert!(leaks.is_empty(), "without {broken}: {leaks:#?}");
            // And the agent mends it.
            let mended = converged(&config, Router { kernel, ..router.clone() });
            prop_assert_eq!(canonical(&mended.kernel, &mended.marks), canonical(&router.kernel, &router.marks));
        }
    }

    /// Another MTU or another peer changes a link in place, and does not touch the session of the peer that stays.
    #[test]
    fn mtu_and_peers_change_without_disturbing_what_stays((held, next) in peer_changes()) {
        let before = converged(&held, router(clean()));
        let after = converged(&next, before.clone());
        prop_assert_eq!(planned(&next, &after), Plan::default());
        let plan = planned(&next, &before);
        let remade = |change: &Change| matches!(
            change,
            Change::DeleteLink { .. } | Change::AddVlan { .. } | Change::AddVrf { .. }
                | Change::SetMaster { .. } | Change::SetUp { .. }
        );
        prop_assert!(!plan.steps.iter().any(|step| remade(&step.change)), "{:?}", plan.steps);
        for old in &held.interfaces {
            let new = next.interfaces.iter().find(|new| new.virtual_interface_id == old.virtual_interface_id);
            let new = new.expect("only MTU and peers differ");
            let name = old.virtual_interface_id.as_str();
            for peer in old.peers.iter().filter(|peer| new.peers.contains(peer)) {
                let id = SessionId {
                    interface: old.virtual_interface_id.clone(),
                    family: peer.addresses.family(),
                };
                let starts = |router: &Router| router.bgp.starts.get(&id).copied();
                prop_assert_eq!(starts(&after), starts(&before), "{}", id);
                let address = peer.addresses.amazon();
                let touched = |step: &Step| matches!(
                    &step.change,
                    Change::DeleteAddress { link, address: gone } if link == name && *gone == address
                );
                prop_assert!(!plan.steps.iter().any(touched), "{:?}", plan.steps);
            }
            if let Some(link) = after.kernel.links.get(name).filter(|link| after.marks.owns_link(name, link)) {
                prop_assert_eq!(link.mtu, u32::from(new.mtu.bytes()).min(9_100), "{}", name);
                let wanted: BTreeSet<IpNet> = new.peers.iter().map(|peer| peer.addresses.amazon()).collect();
                prop_assert_eq!(&link.addresses, &wanted, "{}", name);
            }
        }
    }

    #[test]
    fn a_cold_start_is_a_few_batches_however_much_there_is(config in config()) {
        let start = router(clean());
        let plan = planned(&config, &start);
        let kernel = start.kernel.observe(&start.marks);
        let batches = Guard::new(&plan.steps, &kernel).batches(&plan.steps).len();
        prop_assert!(batches <= 8, "{} batches", batches);
    }

    #[test]
    fn invariant_4_no_step_opens_what_was_closed(start in any_start(), config in config()) {
        let config = start.config(config);
        let mut router = start.router();
        let allowed = Allowed::by(start.earlier.iter().chain([&config]));
        router.trace = Some(Vec::new());
        // What others route in our tables is theirs to answer for.
        let marks = router.marks;
        router.kernel.routes.retain(|r| r.protocol == marks.route_protocol || !marks.owns_table(r.table));
        // What is open already may open further while it goes: only which links are open counts.
        let open = |kernel: &Model| -> BTreeSet<String> {
            let link = |leak: &String| leak.split_once(" goes from ").map(|it| it.1.to_owned());
            let name = |it: String| it.split(' ').next().unwrap_or_default().to_owned();
            let leaks = leaks(kernel, &marks, &allowed);
            let leaking = leaks.iter().map(|leak| link(leak).map_or(leak.clone(), name));
            leaking.chain(sharing(kernel)).collect()
        };
        let mut known = open(&router.kernel);
        let mut path = Vec::new();
        router = converged(&config, router);
        for (step, kernel) in router.trace.take().expect("is kept") {
            path.push(step);
            let now = open(&kernel);
            let fresh: Vec<_> = now.difference(&known).collect();
            prop_assert!(fresh.is_empty(), "{:#?} after {:#?}", fresh, path);
            known = now;
        }
    }
}

/// Of a router on which all is as configured, planning what a change is about gives what planning everything does.
#[test]
fn the_plan_of_a_change_is_the_whole_plan() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    let (all, planned) = (Cell::new(0), Cell::new(0));
    let check = |((held, next), dirt): ((EdgeConfig, EdgeConfig), Vec<Dirt>)| {
        let mut start = router(clean());
        spread(&dirt, &mut start.kernel, &start.marks);
        let router = converged(&held, start);
        let (kernel, observed) = (router.kernel.observe(&router.marks), router.bgp.observe());
        let plan = |config: &_| plan(config, &kernel, &observed, &router.marks, digest);
        let held = Arc::new(held);
        all.set(all.get() + 1);
        let settled = Settled::of(&held, &kernel, &observed, &plan(&held));
        let Some(settled) = settled else { return Ok(()) };
        let part = plan_change(&settled, &next, &kernel, &observed, &router.marks, digest);
        if let Some(part) = part {
            planned.set(planned.get() + 1);
            prop_assert_eq!(part, plan(&next));
        }
        Ok(())
    };
    let dirt = prop_oneof![2 => Just(Vec::new()), 1 => dirt()];
    let done = TestRunner::new(config).run(&(change(), dirt), check);
    done.unwrap_or_else(|error| panic!("{error}"));
    let (all, planned) = (all.get(), planned.get());
    assert!(planned * 8 > all, "only {planned} of {all} changes were planned by themselves");
}

/// The links of VRFs that have one table between them: nothing keeps these apart, whatever leads where at the moment.
fn sharing(kernel: &Model) -> Vec<String> {
    let table = |name: &str| kernel.vrf_of(name).map(|(_, table)| table);
    let vrfs = |table: u32| {
        let has = |link: &&Link| link.kind == LinkKind::Vrf { table };
        kernel.links.values().filter(has).count()
    };
    let names = kernel.links.keys().filter(|name| table(name).is_some_and(|table| vrfs(table) > 1));
    names.cloned().collect()
}

/// Link, addresses and routes of an interface, by what they are. Only links of ours count.
fn things_of(id: &VirtualInterfaceId, kernel: &Model) -> BTreeSet<String> {
    let name = id.as_str();
    let mut things = BTreeSet::new();
    let Some(link) = kernel.links.get(name) else { return things };
    if !Marks::default().owns_link(name, link) {
        return things;
    }
    things.insert(format!("{:?} up {}", link.kind, link.up));
    things.extend(link.addresses.iter().map(|address| format!("{address}")));
    let over = |way: &Way| way.link() == Some(name);
    things.extend(kernel.routes.iter().filter(|r| over(&r.way)).map(|r| format!("{r:?}")));
    things
}

/// Strict reverse-path filtering: what a customer did not announce it does not send from.
fn spoofed_are_dropped(router: &Router) -> Result<(), TestCaseError> {
    let kernel = &router.kernel;
    let (from, to) =
        ("10.0.0.9".parse().expect("an address"), "10.0.0.5".parse().expect("an address"));
    let vpc: IpNet = "10.0.0.0/16".parse().expect("a prefix");
    for (name, link) in &kernel.links {
        let Some((_, table)) = kernel.vrf_of(name) else { continue };
        let reached = kernel.routes.iter().any(|r| r.table == table && r.prefix == vpc);
        if reached && router.marks.owns_link(name, link) {
            let fate = kernel.forward(&Packet::new(name, from, to));
            prop_assert_eq!(fate, Fate::Dropped, "{} with an address of the VPC", name);
        }
    }
    Ok(())
}
