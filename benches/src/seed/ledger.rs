//! Decides commands one after the other on records in memory, and collects their writes. So every record of a filled
//! store, with its claims and indexes, is made by the rules.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use anyhow::{Result, bail};
use linkway_domain::access_key::Principal;
use linkway_domain::decide::{Command, Context};
use linkway_domain::fault::Fault;
use linkway_domain::id::{SPAN_MILLIS, SPANS, VirtualInterfaceId};
use linkway_domain::key::Key;
use linkway_domain::record::Record;
use linkway_domain::seed::Seed;
use linkway_domain::settings::Settings;
use linkway_domain::time::Time;
use linkway_domain::view::{Ask, Stop, View};
use linkway_server::codec;
use linkway_store::seal::Sealer;
use linkway_store::{Commit, Write};

/// Writes of a commit, at most a dozen more: the writes of one command stay together.
const FULL: usize = 110;

/// The kinds of records that later commands read. Interfaces and their indexes are not among them, which saves the memory of
/// a million of them.
const KEPT: [&str; 8] =
    ["account", "location", "edge", "port", "handoff", "connection", "gateway", "peer"];
/// The kind of records that many commits would write, in an order that is undefined.
const LAST: &str = "count";

/// The records that later commands need.
pub struct Ledger {
    settings: Settings,
    now: Time,
    seed: u64,
    kept: BTreeMap<Key, Record>,
    interfaces: HashSet<VirtualInterfaceId>,
    /// The counters of quotas, and those of them that no commit has since they changed.
    counters: BTreeMap<Key, Record>,
    changed_counters: BTreeSet<Key>,
    /// Writes that are not in a commit yet; later commands see them.
    pending: BTreeMap<Key, Option<Record>>,
}

impl Ledger {
    /// Empty. Commands are decided at moments before `now`, in each of the [`SPANS`] in turn.
    pub fn new(settings: Settings, now: Time) -> Self {
        Self {
            settings,
            now,
            seed: 0,
            kept: BTreeMap::new(),
            counters: BTreeMap::new(),
            changed_counters: BTreeSet::new(),
            interfaces: HashSet::new(),
            pending: BTreeMap::new(),
        }
    }

    /// Decides a command and keeps its writes; `Ok(Err)` if a rule refuses it.
    pub fn run<C: Command>(
        &mut self,
        principal: &Principal,
        command: &C,
    ) -> Result<Result<C::Outcome, Fault>> {
        let seed = self.fresh_seed();
        let now = self.moment();
        let context = Context { principal: principal.clone(), now, seed, settings: &self.settings };
        let mut view = View::default();
        let decision = loop {
            match command.decide(&view, &context) {
                Ok(decision) => break decision,
                Err(Stop::Fault(fault)) => return Ok(Err(fault)),
                Err(Stop::Need(asks)) => {
                    for ask in asks {
                        match ask {
                            Ask::Record(key) => {
                                let record = self.get(&key);
                                view.load(key, u64::from(record.is_some()), record);
                            }
                            Ask::Empty(range) => {
                                let empty = self.is_empty(&range)?;
                                view.load_empty(range, empty);
                            }
                        }
                    }
                }
            }
        };
        for (_, record) in &decision.writes {
            if let Some(Record::VirtualInterface(interface)) = record {
                self.interfaces.insert(interface.id.clone());
            }
        }
        self.pending.extend(decision.writes);
        Ok(Ok(decision.outcome))
    }

    /// Like [`Ledger::run`], where a refusal is an error.
    pub fn must<C: Command>(&mut self, principal: &Principal, command: &C) -> Result<C::Outcome> {
        Ok(self.run(principal, command)??)
    }

    /// A commit of the writes so far, if they are enough for one. To be called between resources: records that were written
    /// and deleted since the last commit are left out.
    pub fn take_full(&mut self, sealer: &Sealer) -> Option<Commit> {
        (self.pending.len() >= FULL).then(|| self.take(sealer))
    }

    /// A commit of the writes so far; to be called between resources, as [`Ledger::take_full`].
    pub fn take(&mut self, sealer: &Sealer) -> Commit {
        let mut writes = Vec::with_capacity(self.pending.len());
        for (key, record) in std::mem::take(&mut self.pending) {
            if key.kind() == LAST {
                self.changed_counters.insert(key.clone());
                match record {
                    Some(record) => self.counters.insert(key, record),
                    None => self.counters.remove(&key),
                };
                continue;
            }
            let Some(record) = record else { continue };
            writes.push(Write::put(key.as_str(), codec::encode(sealer, &key, &record)));
            if KEPT.contains(&key.kind()) {
                self.kept.insert(key, record);
            }
        }
        Commit { writes, ..Commit::default() }
    }

    /// Commits of the counters that have changed, to be made after all others.
    pub fn take_counters(&mut self, sealer: &Sealer) -> Vec<Commit> {
        let changed: Vec<Key> = std::mem::take(&mut self.changed_counters).into_iter().collect();
        let write = |key: &Key| match self.counters.get(key) {
            Some(record) => Write::put(key.as_str(), codec::encode(sealer, key, record)),
            None => Write::delete(key.as_str()),
        };
        let commit =
            |keys: &[Key]| Commit { writes: keys.iter().map(write).collect(), ..Commit::default() };
        changed.chunks(FULL).map(commit).collect()
    }

    fn get(&self, key: &Key) -> Option<Record> {
        match self.pending.get(key) {
            Some(record) => record.clone(),
            None if key.kind() == LAST => self.counters.get(key).cloned(),
            None => self.kept.get(key).cloned(),
        }
    }

    fn is_empty(&self, range: &Key) -> Result<bool> {
        if !KEPT.contains(&range.kind()) {
            bail!("the range {range} is not kept");
        }
        let within = |key: &Key| key.as_str().starts_with(range.as_str());
        let pending = self.pending.range(range..).find(|(_, record)| record.is_some());
        let kept = self.kept.range(range..).next();
        Ok(!pending.is_some_and(|(key, _)| within(key))
            && !kept.is_some_and(|(key, _)| within(key)))
    }

    /// A seed whose interface id is new: among a million ids drawn from seeds a few occur twice.
    fn fresh_seed(&mut self) -> Seed {
        loop {
            self.seed += 1;
            let seed = Seed::from_number(self.seed);
            let id = VirtualInterfaceId::draw(&mut seed.draws(), self.moment());
            if !self.interfaces.contains(&id) {
                return seed;
            }
        }
    }

    /// The moment at which the current command is decided. Interface ids begin with it; those of a store that has grown for
    /// years have every possible beginning.
    fn moment(&self) -> Time {
        Time::from_millis(self.now.millis().saturating_sub(self.seed % SPANS * SPAN_MILLIS))
    }
}
