//! The model.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::installation::command::Command;
use crate::installation::edge::Report;
use crate::installation::scene::{self, A, B, R1, Scene, plain};
use crate::installation::{Call, World};
use linkway_domain::access_key::Principal;
use linkway_domain::edge::EdgeConfig;
use linkway_domain::edge::report::ReportSeen;
use linkway_domain::epoch::RenewEpoch;
use linkway_domain::id::{EdgeId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;
use linkway_domain::virtual_interface::{InterfaceReport, PeerReport, Phase};
use linkway_edge::agent::Agent;
use linkway_edge::kernel::{Change, Driver, Kernel};
use linkway_edge::mark::Marks;
use linkway_edge::session::{Daemon, DaemonError, Digest, Observed, Sessions};
use stateright::{Model, Property};

/// A router that is not looked at: the model says what is on it.
struct Nothing;

impl Driver for Nothing {
    fn observe(&mut self) -> Result<Kernel, String> {
        Ok(Kernel::default())
    }
    fn apply(&mut self, changes: &[Change]) -> Vec<Result<(), String>> {
        changes.iter().map(|_| Ok(())).collect()
    }
}

impl Daemon for Nothing {
    fn digest(&self, _: &Sessions) -> Digest {
        Digest(0)
    }
    fn read(&mut self) -> Result<Observed, DaemonError> {
        Ok(Observed::default())
    }
    fn apply(&mut self, _: &Sessions) -> Result<(), DaemonError> {
        Ok(())
    }
}

/// What may still happen; each of these only so often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Left {
    pub asks: u8,
    pub reports: u8,
    pub repeats: u8,
    pub copies: u8,
    pub restores: u8,
    pub installs: u8,
    pub restarts: u8,
    pub confirms: u8,
    pub deletes: u8,
}

#[derive(Clone, Debug)]
pub struct State {
    world: World,
    copy: Option<World>,
    /// What each server remembers: the report that it took last.
    servers: [Option<u64>; 2],
    held: Option<EdgeConfig>,
    /// What the router does: the interfaces of the configuration that was last applied.
    router: Vec<VirtualInterfaceId>,
    applied: bool,
    sequence: u64,
    configs: Vec<EdgeConfig>,
    reports: Vec<Report>,
    left: Left,
    /// Whether an older configuration was ever taken.
    went_back: bool,
}

impl State {
    /// All that tells two states apart. The rest of the store never changes here.
    fn essence(&self) -> String {
        let changing = |world: &World| -> Vec<String> {
            let kinds = ["vif/", "edge-seen/", "edge-generation/", "epoch/"];
            let of =
                world.records.iter().filter(|(key, _)| kinds.iter().any(|k| key.starts_with(k)));
            of.map(|(key, (version, record))| {
                format!("{key} {version} {}", serde_json::to_string(record).expect("is plain data"))
            })
            .collect()
        };
        let configs: Vec<String> = self.configs.iter().map(short).collect();
        format!(
            "{:?} {:?} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {}",
            changing(&self.world),
            self.copy.as_ref().map(changing),
            self.servers,
            self.held.as_ref().map(short),
            self.router,
            self.applied,
            self.sequence,
            configs,
            self.reports,
            self.left,
            self.went_back
        )
    }
}

fn short(config: &EdgeConfig) -> String {
    let ids: Vec<_> = config.interfaces.iter().map(|i| i.virtual_interface_id.as_str()).collect();
    format!("{:?} {ids:?}", config.version())
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.essence() == other.essence()
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.essence().hash(hasher);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Ask,
    Config { index: usize, again: bool },
    LoseConfig(usize),
    Apply,
    Send,
    Report { index: usize, server: usize, again: bool },
    LoseReport(usize),
    Confirm,
    Delete(usize),
    Copy,
    Restore,
    Install,
    Restart(usize),
}

/// The model: a scene with one interface that is accepted and one that waits.
pub struct Feed {
    scene: Scene,
    interfaces: [VirtualInterfaceId; 2],
    left: Left,
}

fn edge() -> EdgeId {
    EdgeId::parse(R1).expect("an edge id")
}

impl Feed {
    pub fn new(left: Left) -> Self {
        let mut scene = Scene::new();
        scene.operate(Command::RenewEpoch(RenewEpoch::First { before: None }));
        let line = scene.line(A, R1, "eth1");
        let gateway = scene.vpc(B).id;
        let interfaces =
            [10, 11].map(|vlan| scene.allocate((A, B), &line, plain(vlan)).expect("is free").id);
        scene.confirm(B, &interfaces[0], &gateway).expect("B's own");
        // Nothing here asks about the other router and its ports.
        scene.world.records.retain(|key, _| !key.contains("par1-r2") && !key.contains("SIM1"));
        Self { scene, interfaces, left }
    }

    fn call(&self, principal: Principal, command: Command) -> Call {
        Call { principal, now: self.scene.now, seed: 7, command }
    }

    fn tenant(&self, state: &mut State, command: Command) {
        let call = self.call(Principal::Account(scene::account(B)), command);
        // A refusal is one of the things that happen.
        let _ = state.world.run(&call);
    }

    fn take(state: &mut State, config: EdgeConfig) {
        let agent =
            Agent::new(Nothing, Nothing, Marks::default(), state.held.clone().map(Arc::new));
        if agent.judge(&config).is_ok() {
            state.went_back |= config.version() < agent.version();
            state.held = Some(config);
            state.applied = false;
        }
    }

    fn apply(state: &mut State) {
        let Some(held) = &state.held else { return };
        state.router = held.interfaces.iter().map(|i| i.virtual_interface_id.clone()).collect();
        state.applied = true;
    }

    fn report(state: &mut State) -> Option<Report> {
        let held = state.held.as_ref().filter(|_| state.applied)?;
        state.sequence += 1;
        let peers = vec![PeerReport { family: AddressFamily::Ipv4, established: true }];
        let up = InterfaceReport { programmed: true, peers, error: None };
        Some(Report {
            edge: edge(),
            version: held.version(),
            sequence: state.sequence,
            access_key: None,
            ports: held.ports.iter().map(|p| (p.connection_id.clone(), true)).collect(),
            new_keys: BTreeSet::new(),
            interfaces: state
                .router
                .iter()
                .map(|id| (id.clone(), up.clone()))
                .collect::<BTreeMap<_, _>>(),
        })
    }

    /// What the shell does with a report.
    fn reported(&self, state: &mut State, server: usize, report: &Report) {
        let (world, now) = (&mut state.world, self.scene.now);
        let mut items = report.calls(world, now).split_off(1);
        items.retain(|call| world.decide(call).map_or(true, |it| !it.decision.writes.is_empty()));
        let follows = state.servers[server].is_some_and(|last| last + 1 == report.sequence);
        let quiet = items.is_empty() && follows;
        let seen = Command::ReportSeen(ReportSeen { head: report.head(), quiet });
        items.insert(0, self.call(Principal::Edge(edge()), seen));
        for call in &items {
            if state.world.run(call).is_err() {
                return;
            }
        }
        state.servers[server] = Some(report.sequence);
    }

    /// Whether everything comes right when nothing more goes wrong.
    fn comes_right(&self, state: &State) -> bool {
        let mut state = state.clone();
        for turn in 0..2 {
            let config = state.world.config(&edge());
            Self::take(&mut state, config);
            Self::apply(&mut state);
            let Some(report) = Self::report(&mut state) else { return false };
            self.reported(&mut state, turn, &report);
        }
        let accepted = state.world.interfaces().filter(|i| i.phase == Phase::Accepted);
        let mut accepted: Vec<_> =
            accepted.map(|i| (i.id.clone(), state.world.report(&i.id).is_some())).collect();
        accepted.sort();
        let on_router: Vec<_> = state.router.iter().map(|id| (id.clone(), true)).collect();
        accepted == on_router && state.world.interfaces().all(|i| i.phase != Phase::Deleting)
    }
}

impl Model for Feed {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State {
            world: self.scene.world.clone(),
            copy: None,
            servers: [None; 2],
            held: None,
            router: Vec::new(),
            applied: false,
            // As if by the clock: later than what the scene needed to begin.
            sequence: 1_000,
            configs: Vec::new(),
            reports: Vec::new(),
            left: self.left,
            went_back: false,
        };
        let config = state.world.config(&edge());
        Self::take(&mut state, config);
        Self::apply(&mut state);
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        let mut offer = |times: u8, action: Action| {
            if times > 0 {
                actions.push(action);
            }
        };
        offer(left.asks, Action::Ask);
        offer(left.reports, Action::Send);
        offer(left.confirms, Action::Confirm);
        offer(left.deletes, Action::Delete(0));
        offer(left.copies, Action::Copy);
        offer(left.restores, Action::Restore);
        offer(left.installs, Action::Install);
        offer(left.restarts, Action::Restart(0));
        offer(u8::from(!state.applied && state.held.is_some()), Action::Apply);
        for index in 0..state.configs.len() {
            offer(1, Action::Config { index, again: false });
            offer(left.repeats, Action::Config { index, again: true });
            offer(1, Action::LoseConfig(index));
        }
        for index in 0..state.reports.len() {
            offer(1, Action::LoseReport(index));
            for server in 0..2 {
                offer(1, Action::Report { index, server, again: false });
                offer(left.repeats, Action::Report { index, server, again: true });
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Ask => {
                state.left.asks -= 1;
                let config = state.world.config(&edge());
                state.configs.push(config);
            }
            Action::Config { index, again } => {
                let config = state.configs[index].clone();
                if again {
                    state.left.repeats -= 1;
                } else {
                    state.configs.remove(index);
                }
                Self::take(&mut state, config);
            }
            Action::LoseConfig(index) => drop(state.configs.remove(index)),
            Action::Apply => Self::apply(&mut state),
            Action::Send => {
                let report = Self::report(&mut state)?;
                state.left.reports -= 1;
                state.reports.push(report);
            }
            Action::Report { index, server, again } => {
                let report = state.reports[index].clone();
                if again {
                    state.left.repeats -= 1;
                } else {
                    state.reports.remove(index);
                }
                self.reported(&mut state, server, &report);
            }
            Action::LoseReport(index) => drop(state.reports.remove(index)),
            Action::Confirm => {
                state.left.confirms -= 1;
                let gateway = state.world.gateways().next()?.id.clone();
                let confirm = scene::confirm(&self.interfaces[1], &gateway);
                self.tenant(&mut state, confirm);
            }
            Action::Delete(which) => {
                state.left.deletes -= 1;
                let id = self.interfaces[which].to_string();
                self.tenant(&mut state, Command::DeleteInterface(id));
            }
            Action::Copy => {
                state.left.copies -= 1;
                state.copy = Some(state.world.clone());
            }
            Action::Restore => {
                state.left.restores -= 1;
                state.world = state.copy.take()?;
                let renew = Command::RenewEpoch(RenewEpoch::After(state.world.epoch()));
                state.world.run(&self.call(Principal::Operator, renew)).expect("a later epoch");
                state.servers = [None; 2];
            }
            Action::Install => {
                // The answers to the process that was there are for nobody; its links stay.
                state.left.installs -= 1;
                state.held = None;
                state.applied = false;
                state.configs.clear();
            }
            Action::Restart(server) => {
                state.left.restarts -= 1;
                state.servers[server] = None;
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("the edge never goes back", |_, state: &State| !state.went_back),
            Property::always("what is deleted is not on the router", |_, state: &State| {
                let gone = state.world.interfaces().filter(|i| i.phase.is_terminal());
                gone.into_iter().all(|i| !state.router.contains(&i.id))
            }),
            Property::always("everything comes right", |model: &Self, state: &State| {
                model.comes_right(state)
            }),
            Property::sometimes("a deletion is over", |model: &Self, state: &State| {
                let interface = state.world.interface(&model.interfaces[0]);
                interface.is_some_and(|i| i.phase == Phase::Deleted)
            }),
        ]
    }
}
