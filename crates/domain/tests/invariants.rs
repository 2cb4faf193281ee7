//! What must always hold, whatever tenants, the operator, routers, reconcilers and clocks do in whatever order.
//!
//! Each invariant of the design that concerns the domain has a test named after its number. `PROPTEST_CASES` sets how
//! many stories each plays; a failure prints its seed and the shortest story that breaks the invariant.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use common::command::{Command, Outcome};
use common::judge::{belongs, changes, may_write, moves, secret};
use common::operators::has_way_in;
use common::scene::{DAY, due_calls};
use common::story::{Did, Moment, Stage, Step, outcome, story};
use common::{World, is_party, malformed};
use linkway_domain::access_key::Principal;
use linkway_domain::connection::ConnectionPhase;
use linkway_domain::edge::{EdgeConfig, project};
use linkway_domain::gateway_association::{
    AssociatedGateway, Association, Phase as AssociationPhase, State as AssociationState,
};
use linkway_domain::id::{RoutingDomainId, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::key;
use linkway_domain::tag::TaggedResource;
use linkway_domain::tag::decide::Tagged;
use linkway_domain::virtual_interface::Phase;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

type Checked = Result<(), TestCaseError>;

fn config() -> ProptestConfig {
    let persistence = FileFailurePersistence::WithSource("regressions");
    ProptestConfig {
        failure_persistence: Some(Box::new(persistence)),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    }
}

/// Plays a story and looks at every call.
fn each_call(story: &[Step], mut check: impl FnMut(&Moment<'_>) -> Checked) -> Checked {
    let mut stage = Stage::new();
    story.iter().try_for_each(|step| stage.play(step, &mut check))
}

/// Plays a story and looks at where it stands after every step.
fn each_step(story: &[Step], mut check: impl FnMut(&Stage) -> Checked) -> Checked {
    let mut stage = Stage::new();
    for step in story {
        stage.play(step, &mut |_| Ok::<_, TestCaseError>(()))?;
        check(&stage)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_store_never_has_violations(story in story()) {
        each_step(&story, |stage| {
            prop_assert_eq!(stage.scene.world.violations(), Vec::<String>::new());
            Ok(())
        })?;
    }

    #[test]
    fn invariant_1_a_vlan_serves_one_live_interface_of_a_connection(story in story()) {
        each_step(&story, |stage| {
            let mut live = BTreeMap::new();
            for interface in stage.scene.world.interfaces().filter(|i| !i.phase.is_terminal()) {
                let place = (&interface.connection, interface.vlan);
                prop_assert_eq!(live.insert(place, &interface.id), None, "{:?}", place);
            }
            for router in &stage.scene.routers {
                let config = stage.scene.world.config(&router.id);
                let on_wire = config.interfaces.iter().map(|i| (&i.interface, i.vlan));
                prop_assert_eq!(on_wire.collect::<BTreeSet<_>>().len(), config.interfaces.len());
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_2_nothing_is_on_a_router_before_its_confirmation_or_after_its_end(story in story()) {
        let mut confirmed: BTreeSet<VirtualInterfaceId> = BTreeSet::new();
        each_call(&story, |moment| {
            if let Some(Outcome::VirtualInterface(interface)) = outcome(moment.did) {
                match moment.call.command {
                    Command::Create(_)
                    | Command::Confirm(_)
                    | Command::CreateTransit(_)
                    | Command::ConfirmTransit(_) => confirmed.insert(interface.id.clone()),
                    Command::Move(_) if interface.phase == Phase::Moving => {
                        confirmed.remove(&interface.id)
                    }
                    Command::Verify(_) if interface.phase == Phase::Accepted => {
                        confirmed.insert(interface.id.clone())
                    }
                    Command::DeleteInterface(_) => confirmed.remove(&interface.id),
                    _ => false,
                };
            }
            let was_moving = |id| moment.before.interface(id).is_some_and(|i| i.phase == Phase::Moving);
            let now = moment.after.interfaces().filter(|i| i.phase == Phase::Accepted);
            confirmed.extend(now.filter(|i| was_moving(&i.id)).map(|i| i.id.clone()));
            prop_assert_eq!(&on_routers(moment.after), &confirmed);
            Ok(())
        })?;
    }

    #[test]
    fn invariant_2_what_a_router_holds_is_not_given_to_others(story in story()) {
        each_step(&story, |stage| {
            for (router, held) in stage.scene.routers.iter().filter_map(|router| Some((router, router.held.as_ref()?))) {
                for item in &held.interfaces {
                    let found = stage.scene.world.interface(&item.virtual_interface_id);
                    let phase = found.map(|i| i.phase);
                    prop_assert!(matches!(phase, Some(Phase::Accepted | Phase::Moving | Phase::Deleting)), "{item:?}: {phase:?}");
                    let place = found.map(|i| (&i.edge, &i.port));
                    prop_assert_eq!(place, Some((&router.id, &item.interface)), "no second router has it");
                }
                for port in &held.ports {
                    let connection = stage.scene.world.connection(&port.connection_id);
                    prop_assert!(connection.is_some_and(|c| !c.phase.is_terminal()), "{port:?}");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_3_no_account_changes_or_sees_what_another_owns(story in story()) {
        each_call(&story, |moment| {
            let Principal::Account(who) = &moment.call.principal else { return Ok(()) };
            for (key, before, after) in changes(moment) {
                let allowed = may_write(moment, who, key)
                    && before.is_none_or(|r| belongs(r, who))
                    && after.is_none_or(|r| belongs(r, who));
                prop_assert!(allowed, "{who} wrote {key}: {before:?} -> {after:?}");
            }
            match outcome(moment.did) {
                Some(Outcome::Connection(c)) => prop_assert_eq!(&c.owner, who),
                Some(Outcome::VirtualInterface(i)) => prop_assert!(is_party(i, who)),
                Some(Outcome::DirectConnectGateway(g)) => prop_assert_eq!(&g.owner, who),
                Some(Outcome::Association(a)) => prop_assert!(a.is_visible_to(who)),
                Some(Outcome::Proposal(p)) => prop_assert!(p.is_visible_to(who)),
                Some(Outcome::FailoverTest(test)) => {
                    prop_assert!([&test.owner, &test.lender].contains(&who))
                }
                Some(Outcome::Rotated(rotated)) => {
                    let interface = moment.before.interface(&rotated.interface);
                    prop_assert!(interface.is_some_and(|i| i.owner == *who));
                }
                Some(Outcome::Agreement(agreement)) => prop_assert_eq!(&agreement.account, who),
                Some(Outcome::Tagged(Tagged(resource))) => {
                    let seen = moment.before.as_seen_by(who);
                    let key = match resource {
                        TaggedResource::Connection(id) => key::connection(id),
                        TaggedResource::VirtualInterface(id) => key::interface(id),
                        TaggedResource::DirectConnectGateway(id) => key::dx_gateway(id),
                    };
                    prop_assert!(seen.records.contains_key(key.as_str()), "{who} labelled {key}");
                }
                Some(other) => prop_assert!(false, "a tenant got {:?}", other),
                None => {}
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_3_what_another_owns_answers_as_if_it_did_not_exist(story in story()) {
        each_call(&story, |moment| {
            let Principal::Account(who) = &moment.call.principal else { return Ok(()) };
            let answer = |world: &World| world.decide(moment.call).map(|p| p.decision);
            prop_assert_eq!(answer(moment.before), answer(&moment.before.as_seen_by(who)));
            Ok(())
        })?;
    }

    #[test]
    fn invariant_4_an_interface_is_only_under_a_gateway_of_its_owner(story in story()) {
        each_step(&story, |stage| {
            let world = &stage.scene.world;
            for router in &stage.scene.routers {
                let config = world.config(&router.id);
                let mut subnets = Vec::new();
                for item in &config.interfaces {
                    let interface = world.interface(&item.virtual_interface_id).expect("is there");
                    let domain = &item.routing_domain_id;
                    let owner = match domain.as_str().parse::<VirtualGatewayId>() {
                        Ok(id) => world.gateway(&id).map(|gateway| &gateway.owner),
                        Err(_) => {
                            let mut direct = world.dx_gateways();
                            direct.find(|it| it.routing_domain == *domain).map(|it| &it.owner)
                        }
                    };
                    let is_public = *domain == RoutingDomainId::public();
                    prop_assert!(is_public || owner == Some(&interface.owner), "{:?}", item);
                    let peers = item.peers.iter();
                    subnets.extend(peers.map(|peer| (domain, peer.addresses.amazon().trunc())));
                }
                for (index, (gateway, net)) in subnets.iter().enumerate() {
                    let clash = subnets[..index].iter().any(|(other, taken)| {
                        other == gateway && (taken.contains(net) || net.contains(taken))
                    });
                    prop_assert!(!clash, "{net} twice in {gateway}");
                }
                let reached = config.routing_domains.iter().flat_map(|domain| &domain.associations);
                let reached = reached.map(|association| association.routing_domain_id.clone());
                let of_interfaces = config.interfaces.iter().map(|item| item.routing_domain_id.clone());
                let used: BTreeSet<_> = of_interfaces.chain(reached).collect();
                let listed: Vec<_> =
                    config.routing_domains.iter().map(|g| g.routing_domain_id.clone()).collect();
                prop_assert_eq!(listed, used.into_iter().collect::<Vec<_>>(), "each once, none unused");
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_4_a_routing_domain_reaches_only_what_a_live_association_allows(story in story()) {
        each_step(&story, |stage| {
            let world = &stage.scene.world;
            for router in &stage.scene.routers {
                for domain in &world.config(&router.id).routing_domains {
                    let mut direct = world.dx_gateways();
                    let direct = direct.find(|it| it.routing_domain == domain.routing_domain_id);
                    let Some(direct) = direct else {
                        prop_assert!(domain.associations.is_empty(), "{:?}", domain);
                        continue;
                    };
                    prop_assert!(domain.handoffs.is_empty() && domain.cidrs.is_empty());
                    let live = world.associations().filter(|it| it.gateway == direct.id && it.phase.is_live());
                    let expected: BTreeMap<_, _> = live
                        .map(|it| {
                            let prefixes = match it.associated {
                                AssociatedGateway::Virtual(_) => it.allowed.filter(&it.cidrs),
                                AssociatedGateway::Transit(_) => it.allowed.as_slice().to_vec(),
                            };
                            (it.associated.as_str().to_owned(), prefixes)
                        })
                        .collect();
                    let reached: BTreeMap<_, _> = domain
                        .associations
                        .iter()
                        .map(|it| (it.routing_domain_id.to_string(), it.prefixes.clone()))
                        .collect();
                    prop_assert_eq!(reached, expected);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_2_an_association_has_not_ended_while_a_router_still_has_it(story in story()) {
        each_step(&story, |stage| {
            let world = &stage.scene.world;
            for held in stage.scene.routers.iter().filter_map(|router| router.held.as_ref()) {
                for domain in &held.routing_domains {
                    for reached in &domain.associations {
                        let is_it = |it: &&Association| {
                            Some(it.gateway.as_str()) == domain.alias.as_deref()
                                && it.associated.as_str() == reached.routing_domain_id.as_str()
                        };
                        let mut all = world.associations().filter(is_it);
                        prop_assert!(all.any(|it| !it.phase.is_terminal()), "{:?}", reached);
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_association_is_shown_as_associated_only_when_every_edge_has_it(story in story()) {
        each_step(&story, |stage| {
            let world = &stage.scene.world;
            for association in world.associations() {
                let state = world.association_state(&association.id).expect("is there");
                if state != AssociationState::Associated {
                    continue;
                }
                for router in &stage.scene.routers {
                    let now = world.config(&router.id);
                    let here = |config: &EdgeConfig| {
                        let alias = Some(association.gateway.to_string());
                        let domain = config.routing_domains.iter().find(|it| it.alias == alias);
                        let domain = domain.map(|domain| domain.associations.clone());
                        domain.map(|all| all.into_iter().find(|it| it.routing_domain_id.as_str() == association.associated.as_str()))
                    };
                    // An interface that came after the association is attaching by itself.
                    let held = router.held.as_ref().and_then(here);
                    if let (Some(held), Some(now)) = (held, here(&now)) {
                        prop_assert_eq!(held, now);
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_5_a_refused_call_and_a_conflict_write_nothing(story in story()) {
        each_call(&story, |moment| {
            match moment.did {
                Did::Committed(prepared) => {
                    let silent = prepared.decision.writes.is_empty();
                    prop_assert_eq!(silent, moment.before.revision == moment.after.revision);
                }
                Did::Refused(_) | Did::Prepared | Did::Conflicted(_) => {
                    prop_assert_eq!(moment.before, moment.after);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_5_a_commit_is_what_would_be_decided_now(story in story()) {
        each_call(&story, |moment| {
            if let Did::Committed(prepared) = moment.did {
                let now = moment.before.decide(moment.call).map(|p| p.decision);
                prop_assert_eq!(now, Ok(prepared.decision.clone()));
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_5_every_store_can_take_every_commit_as_one(story in story()) {
        each_call(&story, |moment| {
            if let Did::Committed(prepared) = moment.did {
                prop_assert_eq!(malformed(prepared), None);
            }
            Ok(())
        })?;
    }

    #[test]
    fn invariant_6_state_changes_only_along_the_tables(story in story()) {
        each_call(&story, |moment| {
            changes(moment).into_iter().try_for_each(|(key, before, after)| moves(key, before, after))
        })?;
    }

    #[test]
    fn invariant_10_secrets_never_appear_in_debug_output_or_faults(story in story()) {
        let mut secrets = BTreeSet::from(["fjord-Secret-1", "bad Secret-2", "Zq9!"].map(str::to_owned));
        each_call(&story, |moment| {
            let mut shown = format!("{:?} {:?}", moment.call, moment.did);
            if let Did::Refused(fault) = moment.did {
                shown.push_str(&fault.to_string());
            }
            for (_, before, after) in changes(moment) {
                shown.push_str(&format!("{before:?} {after:?}"));
                secrets.extend(after.and_then(secret));
            }
            for edge in moment.after.edges() {
                shown.push_str(&format!("{:?}", moment.after.config(&edge)));
            }
            prop_assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{}", shown);
            Ok(())
        })?;
    }

    #[test]
    fn a_report_that_comes_twice_changes_nothing_the_second_time(story in story()) {
        each_call(&story, |moment| {
            let item = matches!(
                moment.call.command,
                Command::ReportInterface(_)
                    | Command::ReportConnection(_)
                    | Command::ReportAssociation(_)
                    | Command::GiveUp(_)
                    | Command::Due(_)
            );
            if item && matches!(moment.did, Did::Committed(_)) {
                let again = moment.after.decide(moment.call).map(|p| p.decision.writes);
                prop_assert_eq!(again, Ok(Vec::new()));
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_call_takes_the_last_way_in_of_an_admin(story in story()) {
        each_call(&story, |moment| {
            if matches!(moment.did, Did::Committed(_)) {
                let now = moment.call.now;
                prop_assert!(!has_way_in(moment.before, now) || has_way_in(moment.after, now));
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_interface_is_let_go_only_by_a_router_that_has_heard_of_its_deletion(story in story()) {
        // By interface: the revision of its deletion.
        let mut deleted_at: HashMap<VirtualInterfaceId, u64> = HashMap::new();
        each_call(&story, |moment| {
            if let (Command::DeleteInterface(_), Some(Outcome::VirtualInterface(i))) =
                (&moment.call.command, outcome(moment.did))
                && i.phase == Phase::Deleting
            {
                deleted_at.entry(i.id.clone()).or_insert(moment.after.revision);
            }
            if let Command::ReportInterface(report) = &moment.call.command {
                let phase = |world: &World| world.interface(&report.interface).map(|i| i.phase);
                let let_go = phase(moment.before) == Some(Phase::Deleting)
                    && phase(moment.after) == Some(Phase::Deleted);
                let heard = deleted_at.get(&report.interface).is_some_and(|at| report.head.version.generation >= *at);
                prop_assert!(!let_go || (heard && report.report.is_none()));
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_configuration_depends_on_the_records_and_not_on_their_order_or_the_index(
        story in story(),
        rotation in any::<prop::sample::Index>(),
    ) {
        each_step(&story, |stage| {
            let world = &stage.scene.world;
            let connections: Vec<_> = rotated(world.connections(), rotation);
            let interfaces: Vec<_> = rotated(world.interfaces(), rotation);
            let gateways: Vec<_> = rotated(world.gateways(), rotation);
            let transit: Vec<_> = rotated(world.transit_gateways(), rotation);
            let associations: Vec<_> = rotated(world.associations(), rotation);
            for router in &stage.scene.routers {
                let indexed = world.config(&router.id);
                let generation = indexed.generation;
                let version = (world.epoch(), generation);
                let all = project(&router.id, version, &connections, &interfaces, &gateways, &transit, &associations);
                prop_assert_eq!(indexed, world.with_networks(&router.id, all));
            }
            Ok(())
        })?;
    }

    #[test]
    fn in_the_end_routers_let_go_and_reconcilers_leave_nothing_behind(story in story()) {
        let mut stage = Stage::new();
        for step in &story {
            stage.play(step, &mut |_| Ok::<_, TestCaseError>(()))?;
        }
        let scene = &mut stage.scene;
        scene.settle(true, true);
        for interface in scene.world.interfaces() {
            prop_assert_ne!(interface.phase, Phase::Deleting, "{}", interface.id);
            prop_assert_ne!(interface.phase, Phase::Moving, "{}", interface.id);
        }
        for connection in scene.world.connections() {
            prop_assert_ne!(connection.phase, ConnectionPhase::Deleting, "{}", connection.id);
        }
        for association in scene.world.associations() {
            prop_assert_ne!(association.phase, AssociationPhase::Disassociating, "{}", association.id);
        }
        // Everything expires and is approved, then everything that has ended is forgotten.
        for _ in 0..2 {
            scene.later(30 * DAY).reconcile();
            prop_assert_eq!(due_calls(&scene.world, scene.now).len(), 0);
        }
        let ended = scene.world.interfaces().any(|i| i.phase.is_terminal())
            || scene.world.connections().any(|c| c.phase.is_terminal())
            || scene.world.associations().any(|a| a.phase.is_terminal())
            || scene.world.dx_gateways().any(|g| g.phase.is_terminal())
            || scene.world.proposals().next().is_some();
        prop_assert!(!ended, "not forgotten");
        prop_assert_eq!(scene.world.violations(), Vec::<String>::new());
    }

    #[test]
    fn a_configuration_never_changes_without_a_new_generation(story in story()) {
        each_call(&story, |moment| {
            for edge in moment.after.edges() {
                let (before, after) = (moment.before.config(&edge), moment.after.config(&edge));
                prop_assert!(before == after || before.generation < after.generation, "{edge}");
            }
            Ok(())
        })?;
    }
}

fn rotated<'a, T: Clone + 'a>(
    things: impl Iterator<Item = &'a T>,
    by: prop::sample::Index,
) -> Vec<T> {
    let mut things: Vec<T> = things.cloned().collect();
    if !things.is_empty() {
        let middle = by.index(things.len());
        things.rotate_left(middle);
        things[middle / 2..].reverse();
    }
    things
}

fn on_routers(world: &World) -> BTreeSet<VirtualInterfaceId> {
    let configs = world.edges().into_iter().map(|edge| world.config(&edge));
    configs.flat_map(|config| config.interfaces).map(|i| i.virtual_interface_id.clone()).collect()
}
