//! What happens, one thing at a time.

use linkway_domain::access_key::Principal;
use linkway_domain::epoch::RenewEpoch;
use linkway_domain::tag::decide::TagChange;
use linkway_domain::virtual_interface::NewInterface;
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface, ConfirmPrivateVirtualInterface, CreatePrivateVirtualInterface,
};
use linkway_domain::virtual_interface::{Phase, VirtualInterface};

use crate::common::build::{FABRIC, PORTS};
use crate::installation::command::{Command, Outcome};
use crate::installation::scene::{A, B, C, account, due_calls, plain};
use crate::state::{Server, Simulation};

const ACCOUNTS: [&str; 3] = [A, B, C];

impl Simulation {
    pub fn event(&mut self) {
        self.scene.later(1);
        match self.dice.below(40) {
            0..=9 => self.tenants(),
            10..=13 => self.ask(),
            14..=18 => self.deliver_config(),
            19..=22 => self.send(),
            23..=27 => self.deliver_report(),
            28..=29 => {
                self.say("the agent makes a round");
                self.converge();
            }
            30..=31 => self.process(),
            32..=33 => self.router_fault(),
            34 => self.server_fault(),
            35..=36 => self.cables(),
            37 => self.daemon_fault(),
            38 => self.time(),
            _ => self.customer(),
        }
        self.customers();
    }

    /// One call, or two at once of which the second finds that something has changed.
    fn tenants(&mut self) {
        let (Some(first), second) = (self.command(), self.command()) else { return };
        let first = self.scene.call(first.0, first.1);
        let second = second.map(|(who, command)| self.scene.call(who, command));
        let other =
            second.filter(|_| self.dice.one_in(3)).map(|call| (self.world().decide(&call), call));
        let outcome = self.scene.world.run(&first);
        self.acknowledged(&format!("{:?}", first.command), outcome);
        if let Some((prepared, call)) = other {
            let world = &mut self.scene.world;
            let outcome = match prepared {
                Ok(prepared) if world.commit(&prepared).is_ok() => Ok(prepared.decision.outcome),
                Ok(_) => {
                    self.count("conflict");
                    self.scene.world.run(&call)
                }
                Err(fault) => Err(fault),
            };
            self.acknowledged(&format!("at once: {:?}", call.command), outcome);
        }
    }

    fn acknowledged(&mut self, what: &str, outcome: Result<Outcome, linkway_domain::Fault>) {
        let shown = match outcome {
            Ok(Outcome::VirtualInterface(interface)) => {
                let shown = format!("{} {:?}", interface.id, interface.phase);
                self.told.insert(interface.id, interface.phase);
                shown
            }
            Ok(_) => "done".to_owned(),
            Err(fault) => fault.to_string(),
        };
        self.say(format!("{what}: {shown}"));
    }

    fn command(&mut self) -> Option<(Principal, Command)> {
        let live = |i: &&VirtualInterface| !i.phase.is_terminal();
        let all: Vec<VirtualInterface> = self.world().interfaces().filter(live).cloned().collect();
        let waiting: Vec<_> =
            all.iter().filter(|i| i.phase == Phase::Confirming).cloned().collect();
        let by = |who: &str| Principal::Account(account(who));
        let new = NewInterface {
            address_family: self.dice.one_in(4).then(|| "ipv6".to_owned()),
            mtu: self.dice.one_in(4).then_some(9_001),
            ..plain(i64::try_from(self.dice.below(3)).expect("is small") + 10)
        };
        let line = self.dice.below(2);
        let (lender, connection) = ([A, C][line], self.lines[line].to_string());
        match self.dice.below(12) {
            0..=3 => {
                let owner = ACCOUNTS[self.dice.below(3)].to_owned();
                let allocate = AllocatePrivateVirtualInterface { connection, owner, new };
                Some((by(lender), Command::Allocate(allocate)))
            }
            4 => {
                let gateway = self.gateways[lender].first().map(ToString::to_string);
                let rest = CreatePrivateVirtualInterface::default();
                let create = CreatePrivateVirtualInterface { connection, new, gateway, ..rest };
                Some((by(lender), Command::Create(create)))
            }
            5..=7 => {
                let interface = self.dice.pick(&waiting)?;
                let gateway =
                    self.gateways[interface.owner.as_str()].first().map(ToString::to_string);
                let confirm = ConfirmPrivateVirtualInterface {
                    interface: interface.id.to_string(),
                    gateway,
                    direct_connect_gateway: None,
                };
                Some((Principal::Account(interface.owner), Command::Confirm(confirm)))
            }
            8..=9 => {
                let interface = self.dice.pick(&all)?;
                let who = if self.dice.one_in(2) { interface.owner } else { interface.lender };
                Some((Principal::Account(who), Command::DeleteInterface(interface.id.to_string())))
            }
            10 => {
                let interface = self.dice.pick(&all)?;
                Some((Principal::Operator, Command::ResetSession(interface.id.to_string())))
            }
            _ => {
                let interface = self.dice.pick(&all)?;
                let change = TagChange {
                    arn: format!(
                        "arn:aws:directconnect:eu-west-2:{}:dxvif/{}",
                        interface.owner, interface.id
                    ),
                    add: vec![("k".to_owned(), Some(self.dice.below(99).to_string()))],
                    remove: Vec::new(),
                };
                Some((Principal::Account(interface.owner), Command::Tag(change)))
            }
        }
    }

    /// An answer of those that are under way, not always in order; it is lost or comes again.
    fn deliver_config(&mut self) {
        if self.configs.is_empty() {
            return;
        }
        let index = self.dice.below(self.configs.len());
        let config = self.configs[index].clone();
        if !self.dice.one_in(4) {
            self.configs.remove(index);
        }
        if self.dice.one_in(6) {
            return self.say("a configuration is lost");
        }
        self.say(format!("configuration {:?} arrives", config.version()));
        self.receive(config);
    }

    fn deliver_report(&mut self) {
        if self.reports.is_empty() {
            return;
        }
        let index = self.dice.below(self.reports.len());
        let report = self.reports[index].clone();
        if !self.dice.one_in(4) {
            self.reports.remove(index);
        }
        if self.dice.one_in(6) {
            return self.say("a report is lost");
        }
        let server = self.dice.below(2);
        self.say(format!(
            "server {server} takes report {} about {:?}",
            report.sequence,
            report.version()
        ));
        self.take(server, report);
    }

    /// The agent is killed, now or in the middle of its next round; started; installed anew.
    fn process(&mut self) {
        if self.agent.is_none() {
            if self.dice.one_in(4) {
                self.say("the edge is installed anew");
                self.disk = None;
            }
            self.say("the agent starts");
            self.start();
            return self.converge();
        }
        if self.dice.one_in(2) {
            let steps = self.dice.below(12);
            self.say(format!("the agent dies after {steps} steps"));
            let mut router = self.router.0.borrow_mut();
            router.faults.die_at = Some(router.steps + 1 + steps);
            return;
        }
        self.say("the agent is killed");
        if self.dice.one_in(3) {
            // Between the disk and the router.
            self.disk = self
                .configs
                .pop()
                .filter(|c| self.agent.as_ref().is_some_and(|a| a.judge(c).is_ok()))
                .or(self.disk.take());
        }
        self.kill();
    }

    /// Steps that fail; a kernel that cannot be seen.
    fn router_fault(&mut self) {
        let (blind, first) = (self.dice.one_in(4), self.dice.below(10));
        let mut router = self.router.0.borrow_mut();
        router.faults.blind = blind && !router.faults.blind;
        let steps = router.steps;
        router.faults.fail = [steps + 1 + first, steps + 3 + first].into_iter().collect();
        drop(router);
        self.say(format!("steps fail, blind {blind}"));
    }

    /// A server starts anew; the store is copied, or replaced by a copy.
    fn server_fault(&mut self) {
        match self.dice.below(4) {
            0 | 1 => {
                let which = self.dice.below(2);
                self.servers[which] = Server::default();
                self.say(format!("server {which} starts anew"));
            }
            2 => {
                self.backup = Some(self.world().clone());
                self.say("the store is copied");
            }
            _ => {
                let Some(backup) = self.backup.clone() else { return };
                let known: Vec<_> = self.world().interfaces().map(|i| i.id.clone()).collect();
                self.unknown.extend(known);
                // The edge's own numbers go on: they are no part of the copy's past.
                let before = backup.epoch();
                let latest = self.world().epoch();
                self.scene.world = backup;
                self.scene.operate(Command::RenewEpoch(RenewEpoch::After(before)));
                assert!(self.world().epoch() > latest, "a later epoch");
                self.servers = [Server::default(); 2];
                self.told.clear();
                self.count("replaced by a copy");
                self.say("the store is replaced by the copy");
            }
        }
    }

    fn cables(&mut self) {
        let names: Vec<&str> = PORTS[..2].iter().chain(&FABRIC).copied().collect();
        let name = self.dice.pick(&names).expect("has some");
        let how = self.dice.below(4);
        let mut router = self.router.0.borrow_mut();
        let kernel = &mut router.kernel;
        match how {
            0 => {
                kernel.plugged.remove(name);
            }
            1 => {
                kernel.plugged.insert(name.to_owned());
            }
            2 => kernel.set_down(name),
            _ => kernel.set_up(name).expect("a port can always be set up"),
        }
        kernel.settle();
        drop(router);
        self.say(format!("{name}: {}", ["unplugged", "plugged", "set down", "set up"][how]));
    }

    fn daemon_fault(&mut self) {
        let crash = self.dice.one_in(2);
        let mut router = self.router.0.borrow_mut();
        if crash {
            router.bgp.crash();
        } else {
            router.faults.daemon_silent = !router.faults.daemon_silent;
        }
        drop(router);
        self.say(if crash { "the daemon crashes" } else { "the daemon falls silent, or speaks" });
    }

    fn time(&mut self) {
        let days = if self.dice.one_in(4) { 8 * 24 * 3_600_000 } else { 20_000 };
        self.scene.later(days);
        self.say(format!("{days} ms pass"));
        for call in due_calls(&self.scene.world, self.scene.now) {
            self.scene.world.run(&call).expect("a deadline is never refused");
        }
    }

    /// A customer announces too much, or mends it.
    fn customer(&mut self) {
        let ids: Vec<_> = self.world().interfaces().map(|i| i.id.clone()).collect();
        let (Some(id), many) = (self.dice.pick(&ids), self.dice.one_in(2)) else { return };
        if let Some(customer) = self.router.0.borrow_mut().bgp.customers.get_mut(&id) {
            customer.more = if many { 99 } else { 0 };
        }
        self.say(format!("{id} announces too much: {many}"));
    }
}
