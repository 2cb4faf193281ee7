//! Random stories: what tenants, the operator, routers, reconcilers and a jumping clock do to one installation.
//!
//! A step names things by small numbers that are looked up when it is played, so that a shrunk story still makes sense.

use linkway_domain::access_key::Principal;
use linkway_domain::edge::EdgeConfig;
use linkway_domain::operator::decide::FirstOperator;
use linkway_domain::{Fault, Time};
use proptest::prelude::*;

use super::act::{ACCOUNTS, Act, act, command};
use super::command::{Command, Outcome};
use super::edge::Report;
use super::scene::{A, B, R1, R2, Scene, due_calls};
use super::{Call, Conflict, Prepared, World, direct, undo};

/// What one step does.
#[derive(Clone, Debug)]
pub enum Step {
    /// Someone calls, and it is decided and committed at once.
    Call(Act),
    /// Someone calls; the decision waits for its commit while others go on.
    Prepare(Act),
    /// The decision that waits longest is committed, or is a conflict.
    Commit,
    /// The clock jumps, back too.
    Jump(i64),
    /// Everything due happens.
    Reconcile,
    /// A configuration sets out towards a router.
    Read { edge: u8 },
    /// A configuration arrives, not always in order.
    Arrive { which: u8 },
    /// A router writes a report.
    Report { edge: u8, carrier: bool, bgp_up: bool },
    /// A report arrives; it may be old, and it may arrive again.
    Deliver { which: u8 },
    /// All four for one router, without delay.
    Settle { edge: u8, carrier: bool, bgp_up: bool },
}

pub fn step() -> impl Strategy<Value = Step> {
    const MINUTE: i64 = 60_000;
    const WEEK: i64 = 7 * 24 * 60 * MINUTE;
    let jump = prop::sample::select(vec![
        1,
        1_000,
        16_000,
        2 * MINUTE,
        15 * MINUTE,
        WEEK - 15 * MINUTE,
        WEEK,
        -1_000,
        -15 * MINUTE,
        -WEEK,
    ]);
    prop_oneof![
        16 => act().prop_map(Step::Call),
        6 => act().prop_map(Step::Prepare),
        5 => Just(Step::Commit),
        3 => jump.prop_map(Step::Jump),
        3 => Just(Step::Reconcile),
        5 => (0..3_u8).prop_map(|edge| Step::Read { edge }),
        5 => any::<u8>().prop_map(|which| Step::Arrive { which }),
        5 => (0..3_u8, any::<bool>(), any::<bool>())
            .prop_map(|(edge, carrier, bgp_up)| Step::Report { edge, carrier, bgp_up }),
        5 => any::<u8>().prop_map(|which| Step::Deliver { which }),
        5 => (0..3_u8, any::<bool>(), any::<bool>())
            .prop_map(|(edge, carrier, bgp_up)| Step::Settle { edge, carrier, bgp_up }),
    ]
}

pub fn story() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..80)
}

/// What one call did.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one per call")]
pub enum Did {
    Refused(Fault),
    Prepared,
    Conflicted(Conflict),
    Committed(Prepared),
}

/// One call within a story, with the world before and after it.
pub struct Moment<'a> {
    pub call: &'a Call,
    pub before: &'a World,
    pub after: &'a World,
    pub did: &'a Did,
}

/// An installation in the middle of a story.
pub struct Stage {
    pub scene: Scene,
    waiting: Vec<Prepared>,
    configs: Vec<EdgeConfig>,
    reports: Vec<Report>,
}

impl Stage {
    /// Each account has a gateway; A has one behind a Direct Connect gateway and a transit gateway behind another, and B such a gateway without; A and B have a line on the same router and A has one on the other.
    pub fn new() -> Self {
        let mut scene = Scene::new();
        scene.operate(Command::FirstOperator(FirstOperator { keys: Vec::new() }));
        let [first @ .., last] = ACCOUNTS;
        scene.operate(undo::account(last));
        scene.operate(undo::location("LON1"));
        scene.operate(undo::edge("lon1-r1"));
        for who in first {
            scene.vpc(who);
        }
        scene.vpc_with(B, &["10.1.0.0/16"]);
        let (gateway, vpc) = (scene.direct(A).id, scene.vpc_with(A, &["10.2.0.0/16"]).id);
        scene.tenant(A, direct::associate_these(&gateway, &vpc)).expect("both are A's");
        scene.direct(B);
        let (hub, transit) = (scene.direct(A).id, scene.transit(A, &[R1]).id);
        scene.tenant(A, direct::associate_transit(&hub, &transit)).expect("both are A's");
        scene.line(A, R1, "eth1");
        scene.line(B, R1, "eth2");
        scene.line(A, R2, "eth1");
        Self { scene, waiting: Vec::new(), configs: Vec::new(), reports: Vec::new() }
    }

    /// Plays one step; `watch` sees every call in it.
    pub fn play<E>(
        &mut self,
        step: &Step,
        watch: &mut dyn FnMut(&Moment<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match step {
            Step::Settle { edge, carrier, bgp_up } => {
                let (edge, carrier, bgp_up) = (*edge, *carrier, *bgp_up);
                let steps = [
                    Step::Read { edge },
                    Step::Arrive { which: 0 },
                    Step::Report { edge, carrier, bgp_up },
                    Step::Deliver { which: 0 },
                ];
                steps.iter().try_for_each(|step| self.play(step, watch))
            }
            Step::Call(act) => {
                let call = self.resolve(act);
                self.call(&call, watch)
            }
            Step::Prepare(act) => self.prepare(act, watch),
            Step::Commit => self.commit_oldest(watch),
            Step::Jump(millis) => {
                let now = self.scene.now.millis().saturating_add_signed(*millis);
                self.scene.now = Time::from_millis(now);
                Ok(())
            }
            Step::Reconcile => due_calls(&self.scene.world, self.scene.now)
                .iter()
                .try_for_each(|call| self.call(call, watch)),
            Step::Read { edge } => {
                let id = &self.scene.routers[usize::from(*edge)].id;
                self.configs.push(self.scene.world.config(id));
                Ok(())
            }
            Step::Arrive { which } => {
                if let Some(config) = recent(&self.configs, *which).cloned() {
                    let mut routers = self.scene.routers.iter_mut();
                    let router = routers.find(|router| router.id == config.edge_id);
                    router.expect("a router of the scene").take(config);
                }
                Ok(())
            }
            Step::Report { edge, carrier, bgp_up } => {
                let router = &mut self.scene.routers[usize::from(*edge)];
                self.reports.extend(router.report(*carrier, *bgp_up));
                Ok(())
            }
            Step::Deliver { which } => match recent(&self.reports, *which).cloned() {
                // A stale report is refused as a whole, but another server may be past that question already.
                Some(report) => report
                    .calls(&self.scene.world, self.scene.now)
                    .iter()
                    .try_for_each(|call| self.call(call, watch)),
                None => Ok(()),
            },
        }
    }

    fn call<E>(
        &mut self,
        call: &Call,
        watch: &mut dyn FnMut(&Moment<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.scene.world.clone();
        let did = match before.decide(call) {
            Ok(prepared) => self.commit(prepared),
            Err(fault) => Did::Refused(fault),
        };
        watch(&Moment { call, before: &before, after: &self.scene.world, did: &did })
    }

    fn prepare<E>(
        &mut self,
        act: &Act,
        watch: &mut dyn FnMut(&Moment<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let call = self.resolve(act);
        let did = match self.scene.world.decide(&call) {
            Ok(prepared) => {
                self.waiting.push(prepared);
                Did::Prepared
            }
            Err(fault) => Did::Refused(fault),
        };
        let world = &self.scene.world;
        watch(&Moment { call: &call, before: world, after: world, did: &did })
    }

    fn commit_oldest<E>(
        &mut self,
        watch: &mut dyn FnMut(&Moment<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let prepared = self.waiting.remove(0);
        let call = prepared.call.clone();
        let before = self.scene.world.clone();
        let did = self.commit(prepared);
        watch(&Moment { call: &call, before: &before, after: &self.scene.world, did: &did })
    }

    fn commit(&mut self, prepared: Prepared) -> Did {
        match self.scene.world.commit(&prepared) {
            Ok(()) => Did::Committed(prepared),
            Err(conflict) => Did::Conflicted(conflict),
        }
    }

    fn resolve(&mut self, act: &Act) -> Call {
        let (who, command) = command(&self.scene.world, act);
        if let Command::GiveUp(given_up) = &command {
            self.switch_off(&given_up.edge);
        }
        self.scene.call(who.map_or(Principal::Operator, Principal::Account), command)
    }
}

impl Stage {
    /// What the operator says of a router that is given up is true: nothing is on it, and nothing is on its way to it.
    fn switch_off(&mut self, edge: &str) {
        self.configs.retain(|config| config.edge_id.as_str() != edge);
        let routers = self.scene.routers.iter_mut();
        routers.filter(|router| router.id.as_str() == edge).for_each(|router| router.held = None);
    }
}

/// Mostly the last, sometimes an earlier one.
fn recent<T>(things: &[T], which: u8) -> Option<&T> {
    let back = which.trailing_ones() as usize;
    things.len().checked_sub(1).map(|last| &things[last.saturating_sub(back)])
}

/// What a committed call gave.
pub fn outcome(did: &Did) -> Option<&Outcome> {
    match did {
        Did::Committed(prepared) => Some(&prepared.decision.outcome),
        Did::Refused(_) | Did::Prepared | Did::Conflicted(_) => None,
    }
}
