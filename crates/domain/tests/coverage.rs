//! The random stories of the invariants are worth something only if they go everywhere: every arrow of both state tables,
//! conflicts, refusals, several interfaces on one router.

mod common;

use std::collections::BTreeMap;

use common::command::Command;
use common::scene::{ASSOCIATION_EVENTS, CONNECTION_EVENTS, EVENTS, PROPOSAL_EVENTS};
use common::story::{Did, Moment, Stage, story};
use linkway_domain::association_proposal::Phase as ProposalPhase;
use linkway_domain::connection::ConnectionPhase;
use linkway_domain::gateway_association::Phase as AssociationPhase;
use linkway_domain::id::RoutingDomainId;
use linkway_domain::key;
use linkway_domain::virtual_interface::Phase;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// How many stories; the same ones each time.
const STORIES: usize = 1000;

#[test]
fn stories_reach_every_arrow_of_the_state_tables() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    for _ in 0..STORIES {
        let story = story().new_tree(&mut runner).expect("a story").current();
        let mut stage = Stage::new();
        for step in &story {
            let done = stage.play(step, &mut |moment| {
                for what in happened(moment) {
                    *seen.entry(what).or_default() += 1;
                }
                Ok::<_, ()>(())
            });
            assert_eq!(done, Ok(()));
        }
    }
    let missing: Vec<_> = wanted().into_iter().filter(|what| !seen.contains_key(what)).collect();
    assert!(missing.is_empty(), "never happened: {missing:#?}\nhappened: {seen:#?}");
}

/// Every arrow of the tables, and what else gives the invariants something to judge.
fn wanted() -> Vec<String> {
    let mut all: Vec<String> =
        ["conflict", "refused", "nothing to change"].map(str::to_owned).into();
    all.push("three interfaces on a router".to_owned());
    all.extend(["account", "location", "edge", "port"].map(|kind| format!("deleted: {kind}")));
    all.push("a handoff moved".to_owned());
    for old in Phase::ALL {
        let after = EVENTS.iter().filter_map(|event| old.after(*event));
        all.extend(
            after.filter(|new| *new != old).map(|new| format!("interface: {old:?} -> {new:?}")),
        );
        all.extend(old.is_terminal().then(|| format!("interface: {old:?} -> forgotten")));
    }
    for old in ConnectionPhase::ALL {
        let after = CONNECTION_EVENTS.iter().filter_map(|event| old.after(*event));
        all.extend(
            after.filter(|new| *new != old).map(|new| format!("connection: {old:?} -> {new:?}")),
        );
        all.extend(old.is_terminal().then(|| format!("connection: {old:?} -> forgotten")));
    }
    for old in AssociationPhase::ALL {
        let after = ASSOCIATION_EVENTS.iter().filter_map(|event| old.after(*event));
        all.extend(
            after.filter(|new| *new != old).map(|new| format!("association: {old:?} -> {new:?}")),
        );
        all.extend(old.is_terminal().then(|| format!("association: {old:?} -> forgotten")));
    }
    for new in PROPOSAL_EVENTS.iter().filter_map(|event| ProposalPhase::Requested.after(*event)) {
        all.push(format!("proposal: Requested -> {new:?}"));
    }
    all.push("an association of two accounts".to_owned());
    all.push("two VPCs behind one interface".to_owned());
    all.push("a transit gateway behind a transit interface".to_owned());
    all.push("a handoff to the backbone".to_owned());
    all
}

fn happened(moment: &Moment<'_>) -> Vec<String> {
    let mut all = Vec::new();
    match moment.did {
        Did::Refused(_) => all.push("refused".to_owned()),
        Did::Conflicted(_) => all.push("conflict".to_owned()),
        Did::Prepared => {}
        Did::Committed(prepared) if prepared.decision.writes.is_empty() => {
            all.push("nothing to change".to_owned());
        }
        Did::Committed(prepared) => {
            all.extend(arrows(moment));
            all.extend(undone(&prepared.call.command));
        }
    }
    all
}

fn undone(command: &Command) -> Option<String> {
    let kind = match command {
        Command::DeleteAccount(_) => "account",
        Command::DeleteLocation(_) => "location",
        Command::DeleteEdge(_) => "edge",
        Command::DeletePort(_) => "port",
        Command::UpdateGateway(_) => return Some("a handoff moved".to_owned()),
        _ => return None,
    };
    Some(format!("deleted: {kind}"))
}

fn arrows(moment: &Moment<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for new in moment.after.interfaces() {
        match moment.before.interface(&new.id).map(|old| old.phase) {
            None => all.push(format!("interface: new -> {:?}", new.phase)),
            Some(old) if old != new.phase => {
                all.push(format!("interface: {old:?} -> {:?}", new.phase));
            }
            Some(_) => {}
        }
    }
    for old in moment.before.interfaces() {
        if moment.after.interface(&old.id).is_none() {
            all.push(format!("interface: {:?} -> forgotten", old.phase));
        }
    }
    for new in moment.after.connections() {
        match moment.before.connection(&new.id).map(|old| old.phase) {
            Some(old) if old != new.phase => {
                all.push(format!("connection: {old:?} -> {:?}", new.phase));
            }
            None | Some(_) => {}
        }
    }
    for old in moment.before.connections() {
        if moment.after.connection(&old.id).is_none() {
            all.push(format!("connection: {:?} -> forgotten", old.phase));
        }
    }
    for new in moment.after.associations() {
        if new.gateway_owner != new.associated_owner {
            all.push("an association of two accounts".to_owned());
        }
        if let Some(old) = moment.before.association(&new.id).filter(|old| old.phase != new.phase) {
            all.push(format!("association: {:?} -> {:?}", old.phase, new.phase));
        }
    }
    for old in moment.before.associations() {
        if moment.after.association(&old.id).is_none() {
            all.push(format!("association: {:?} -> forgotten", old.phase));
        }
    }
    for new in moment.after.proposals() {
        if let Some(old) = moment.before.proposal(&new.id).filter(|old| old.phase != new.phase) {
            all.push(format!("proposal: {:?} -> {:?}", old.phase, new.phase));
        }
    }
    for edge in moment.after.edges() {
        let domains = moment.after.config(&edge).routing_domains;
        if domains.iter().any(|domain| domain.associations.len() > 1) {
            all.push("two VPCs behind one interface".to_owned());
        }
        let is_transit = |id: &RoutingDomainId| id.as_str().starts_with("tgw-");
        if domains.iter().any(|domain| is_transit(&domain.routing_domain_id)) {
            all.push("a transit gateway behind a transit interface".to_owned());
        }
        let mut direct = domains.iter().filter(|one| one.routing_domain_id.is_of_dx_gateway());
        if direct.any(|one| !one.handoffs.is_empty()) {
            all.push("a handoff to the backbone".to_owned());
        }
        let count = moment.after.ids_in(&key::edge_interfaces(&edge)).count();
        if count >= 3 {
            all.push("three interfaces on a router".to_owned());
        }
    }
    all
}
