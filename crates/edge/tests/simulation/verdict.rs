//! What must hold after every event, and at the end.

use std::collections::BTreeSet;

use linkway_domain::connection::ConnectionPhase;
use linkway_domain::edge::SessionState;
use linkway_domain::virtual_interface::{Phase, State};
use linkway_edge::kernel::LinkKind;
use linkway_edge::plan::Plan;
use linkway_edge::session::SessionId;

use crate::common::build::{FABRIC, PORTS};
use crate::common::judge::leaks;
use crate::common::router::Faults;
use crate::installation::scene::due_calls;
use crate::state::Simulation;

impl Simulation {
    pub fn judge(&mut self) {
        self.invariant_2();
        self.invariant_5();
        self.invariant_4();
    }

    /// The interfaces with a link of ours on the router.
    fn programmed(&self) -> BTreeSet<String> {
        let router = self.router.0.borrow();
        let ours =
            router.kernel.links.iter().filter(|(name, link)| router.marks.owns_link(name, link));
        let vlans = ours.filter(|(_, link)| matches!(link.kind, LinkKind::Vlan { .. }));
        vlans.map(|(name, _)| name.clone()).collect()
    }

    /// What is on the router is accepted or being deleted. After the store was replaced by an older copy the edge first has
    /// to hear of it.
    fn invariant_2(&mut self) {
        for name in self.programmed() {
            let id = name.parse().expect("an id");
            match self.world().interface(&id).map(|i| i.phase) {
                Some(Phase::Accepted | Phase::Moving | Phase::Deleting) => {}
                other => assert!(
                    self.unknown.contains(&id),
                    "invariant 2: {id} is {other:?} and on the router"
                ),
            }
        }
        let epoch = self.world().epoch();
        let held = self.agent.as_ref().map(|agent| (agent.version().epoch, agent.last().seen));
        if held == Some((epoch, true))
            && self.config().version() == self.agent.as_ref().expect("is there").version()
        {
            self.unknown =
                self.programmed().into_iter().map(|name| name.parse().expect("an id")).collect();
            let world = &self.scene.world;
            self.unknown.retain(|id| {
                world.interface(id).is_none_or(|i| {
                    !matches!(i.phase, Phase::Accepted | Phase::Moving | Phase::Deleting)
                })
            });
        }
    }

    fn invariant_4(&mut self) {
        let allowed = &self.allowed;
        let (kernel, marks) = {
            let mut router = self.router.0.borrow_mut();
            // Each step of some seeds; the state after each event of all.
            let trace = router.trace.take().unwrap_or_default();
            for (step, kernel) in trace {
                let leaks = leaks(&kernel, &router.marks, allowed);
                assert!(leaks.is_empty(), "invariant 4, after {step}: {leaks:#?}");
            }
            router.trace = self.seed.is_multiple_of(16).then(Vec::new);
            (router.kernel.clone(), router.marks)
        };
        if self.looked.as_ref() == Some(&kernel) {
            return;
        }
        let leaks = leaks(&kernel, &marks, allowed);
        assert!(leaks.is_empty(), "invariant 4: {leaks:#?}");
        self.looked = Some(kernel);
    }

    /// What was acknowledged is there, or what may follow from it.
    fn invariant_5(&self) {
        for (id, told) in &self.told {
            let Some(interface) = self.world().interface(id) else {
                assert!(
                    told.is_terminal() || *told != Phase::Accepted,
                    "invariant 5: {id} is lost"
                );
                continue;
            };
            let may = match told {
                Phase::Confirming => true,
                Phase::Verifying => interface.phase != Phase::Confirming,
                Phase::Accepted | Phase::Moving => matches!(
                    interface.phase,
                    Phase::Accepted | Phase::Moving | Phase::Deleting | Phase::Deleted
                ),
                Phase::Deleting => matches!(interface.phase, Phase::Deleting | Phase::Deleted),
                Phase::Deleted | Phase::Rejected | Phase::Expired => interface.phase == *told,
            };
            assert!(may, "invariant 5: {id} was {told:?} and is {:?}", interface.phase);
        }
    }

    /// The faults stop; in a few turns everything is as it should be.
    pub fn settle(&mut self) {
        self.say("the faults stop");
        self.kill();
        {
            let mut router = self.router.0.borrow_mut();
            router.faults = Faults::default();
            for name in PORTS.iter().chain(&FABRIC) {
                router.kernel.plugged.insert((*name).to_owned());
                router.kernel.set_up(name).expect("a port can always be set up");
            }
        }
        self.start();
        for turn in 0..4 {
            self.scene.later(1_000);
            for call in due_calls(&self.scene.world, self.scene.now) {
                self.scene.world.run(&call).expect("a deadline is never refused");
            }
            self.ask();
            let config = self.configs.pop().expect("was asked for");
            self.receive(config);
            self.customers();
            self.converge();
            self.send();
            let report = self.reports.pop().expect("the kernel is seen");
            self.take(turn % 2, report);
            self.judge();
        }
        self.converged();
    }

    fn converged(&mut self) {
        let held = self.agent.as_ref().expect("is started").version();
        assert_eq!(held, self.config().version(), "the newest configuration");
        let plan = self.agent.as_mut().expect("is started").preview();
        assert_eq!(plan, Some(Plan::default()), "invariant 7");
        assert_eq!(self.world().violations(), Vec::<String>::new(), "invariant 5");
        let mut accepted = BTreeSet::new();
        let interfaces: Vec<_> = self.world().interfaces().cloned().collect();
        for interface in interfaces {
            let report = self.world().report(&interface.id);
            let family = interface.first_peer().addresses.family();
            let session = SessionId { interface: interface.id.clone(), family };
            let session = self.router.0.borrow().bgp.states.get(&session).copied();
            let state = interface.state(self.scene.now, report, false);
            match interface.phase {
                Phase::Accepted => {
                    accepted.insert(interface.id.to_string());
                    let up = session == Some(SessionState::Established);
                    let expected = if up { State::Available } else { State::Down };
                    assert_eq!(state, expected, "{}: {:?}", interface.id, report);
                    if session == Some(SessionState::PrefixLimit) {
                        self.count("shut");
                    }
                }
                Phase::Moving => panic!("{} is moving for ever", interface.id),
                Phase::Deleting => panic!("{} is deleting for ever", interface.id),
                Phase::Confirming
                | Phase::Verifying
                | Phase::Deleted
                | Phase::Rejected
                | Phase::Expired => {}
            }
            self.count(state.as_str());
        }
        assert_eq!(self.programmed(), accepted, "invariant 2: what is on the router");
        for connection in self.world().connections() {
            assert_eq!(connection.phase, ConnectionPhase::Up, "{}", connection.id);
        }
    }
}
