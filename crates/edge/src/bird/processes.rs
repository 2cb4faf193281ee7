//! Several BIRDs as one daemon. A BIRD has one thread, and takes the longer for a change the more it has; so from a size on there
//! are more of them, each with its own routing domains, files, start and end.
//!
//! The first has the state directory, as if it were alone; the others have directories in it. Where a routing domain is, is on
//! disk before any BIRD is told of it; and an agent that begins asks those that run: what they say goes before
//! the file. Who loses a routing domain or a kernel table is told before who gets one. So none is ever in two of them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use linkway_domain::id::RoutingDomainId;
use sha2::{Digest as _, Sha256};

use super::assignment::{self, Places, Room, Split};
use super::fragments::replace;
use super::{Bird, BirdSettings};
use crate::fabric::FabricStates;
use crate::kernel::RouteCounts;
use crate::session::{Daemon, DaemonError, Digest, Observed, Peers, Sessions};

/// The BIRDs of an edge.
#[derive(Debug)]
pub struct Processes {
    settings: BirdSettings,
    dir: PathBuf,
    members: Vec<Member>,
    /// Where routing domains were when the agent began.
    known: Places,
    /// What the members were told, as far as this agent knows.
    told: Split,
    /// What was last asked about: a plan asks for its digest, then it is applied.
    asked: RefCell<Option<Split>>,
    /// Whether `told` is what they have.
    is_certain: bool,
}

#[derive(Debug)]
struct Member {
    bird: Bird,
    /// What it had loaded when it was last looked at or told.
    loaded: Option<Digest>,
}

impl Processes {
    /// Those whose files are in this directory: see [`Bird::new`]; the second's are in `bird-2` there, and so on, and the places of
    /// routing domains in `bird.places`.
    #[must_use]
    pub fn new(settings: BirdSettings, dir: &Path) -> Self {
        let known = assignment::read(&fs::read_to_string(file(dir)).unwrap_or_default());
        let mut new = Self {
            settings,
            dir: dir.to_owned(),
            members: Vec::new(),
            known,
            told: Split::default(),
            asked: RefCell::default(),
            is_certain: false,
        };
        let last = (1..1000).rev().find(|number| dir_of(dir, *number).is_dir()).unwrap_or(0);
        new.grow(last + 1);
        new
    }

    /// Ends all that run.
    ///
    /// # Errors
    /// When one cannot be ended.
    pub fn stop(&self) -> Result<(), DaemonError> {
        self.members.iter().try_for_each(|member| member.bird.stop())
    }

    fn grow(&mut self, count: usize) {
        for number in self.members.len()..count {
            let bird = Bird::new(self.settings.clone(), &dir_of(&self.dir, number));
            self.members.push(Member { bird, loaded: None });
        }
    }

    fn split(&self, sessions: &Sessions) -> Split {
        let mut asked = self.asked.borrow_mut();
        if let Some(split) = asked.as_ref().filter(|split| split.sessions.is_same(sessions)) {
            return split.clone();
        }
        asked.insert(self.told.next(sessions, &self.known, self.room())).clone()
    }

    fn room(&self) -> Room {
        let routing_domains = self.settings.routing_domains_per_process;
        Room {
            routing_domains: usize::try_from(routing_domains).unwrap_or(usize::MAX),
            tables: self.settings.tables,
        }
    }

    /// Which routing domains each BIRD that runs has; what they say is known from then on.
    fn ask(&mut self) -> Result<Vec<BTreeSet<RoutingDomainId>>, DaemonError> {
        let all: Vec<_> = self
            .members
            .iter()
            .map(|member| member.bird.routing_domains())
            .collect::<Result<_, _>>()?;
        for (number, domains) in all.iter().enumerate().rev() {
            self.known.extend(domains.iter().map(|id| (id.clone(), number)));
        }
        Ok(all)
    }

    fn tell(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        let has = if self.is_certain {
            self.told
                .parts
                .iter()
                .map(|part| part.routing_domains.keys().cloned().collect())
                .collect()
        } else {
            self.known.extend(self.told.places());
            let has = self.ask()?;
            (self.told, *self.asked.borrow_mut()) = (Split::default(), None);
            has
        };
        self.is_certain = false;
        let before: Vec<_> = self.told.parts.iter().map(|part| Arc::clone(&part.tables)).collect();
        let split = self.split(sessions);
        self.grow(split.parts.len());
        self.save(&split.places())?;
        let loses = |number: &usize| {
            let part = split.parts.get(*number);
            let keeps = |id| part.is_some_and(|part| part.routing_domains.contains_key(id));
            let had = before.get(*number).is_some_and(|had: &Arc<BTreeSet<u32>>| {
                !part.is_some_and(|part| had.is_subset(&part.tables))
            });
            had || has.get(*number).is_some_and(|has: &BTreeSet<_>| !has.iter().all(keeps))
        };
        let (losing, others): (Vec<usize>, Vec<usize>) = (0..self.members.len()).partition(loses);
        let nothing = Sessions::default();
        for number in losing.into_iter().chain(others) {
            let part = split.parts.get(number).unwrap_or(&nothing);
            // Those after the last that is needed are told of the end of their sessions, if they run.
            let is_needed = number <= last_used(&split);
            let member = &mut self.members[number];
            let digest = member.bird.digest(part);
            let runs = is_needed || has.get(number).is_some_and(|has| !has.is_empty());
            if runs && member.loaded != Some(digest) {
                member.loaded = None;
                member.bird.apply(part)?;
                member.loaded = Some(digest);
            }
        }
        self.close(&split)?;
        (self.told, self.is_certain) = (split, true);
        self.known.clear();
        Ok(())
    }

    /// Ends the last ones that have nothing to do any more.
    fn close(&mut self, split: &Split) -> Result<(), DaemonError> {
        while self.members.len() > 1 + last_used(split) {
            let number = self.members.len() - 1;
            self.members[number].bird.stop()?;
            let dir = dir_of(&self.dir, number);
            match fs::remove_dir_all(&dir) {
                Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                    return Err(DaemonError::Io {
                        doing: format!("remove {}", dir.display()),
                        why,
                    });
                }
                Ok(()) | Err(_) => {}
            }
            self.members.pop();
        }
        Ok(())
    }

    fn save(&self, places: &Places) -> Result<(), DaemonError> {
        let (path, text) =
            (file(&self.dir), assignment::write(places, self.room().routing_domains));
        if fs::read_to_string(&path).unwrap_or_default() == text {
            return Ok(());
        }
        let fault = |why| DaemonError::Io { doing: format!("write {}", path.display()), why };
        fs::create_dir_all(&self.dir).and_then(|()| replace(&path, &text)).map_err(fault)
    }

    /// Looks at all; one that does not run has loaded nothing, whatever the others have.
    fn look(
        &mut self,
        look: impl Fn(&mut Bird) -> Result<Observed, DaemonError>,
    ) -> Result<Observed, DaemonError> {
        let mut loaded = Vec::new();
        let mut peers: Option<Arc<Peers>> = None;
        let mut fabric = Vec::new();
        let mut keys = BTreeMap::new();
        for member in &mut self.members {
            let seen = look(&mut member.bird)?;
            member.loaded = seen.loaded;
            loaded.push(seen.loaded);
            fabric.push(seen.fabric);
            keys.extend(seen.keys);
            match &mut peers {
                None => peers = Some(seen.peers),
                Some(all) => Arc::make_mut(all)
                    .extend(seen.peers.iter().map(|(id, peer)| (id.clone(), peer.clone()))),
            }
        }
        let loaded = loaded.into_iter().collect::<Option<Vec<_>>>().map(|all| joined(&all));
        Ok(Observed { loaded, peers: peers.unwrap_or_default(), fabric: united(fabric), keys })
    }
}

impl Daemon for Processes {
    fn digest(&self, sessions: &Sessions) -> Digest {
        let split = self.split(sessions);
        let nothing = Sessions::default();
        // One in between that has nothing stays, for its successors' numbers. One that is not there yet has loaded nothing,
        // so that any digest will do.
        let all = (0..=last_used(&split)).map(|number| {
            let part = split.parts.get(number).unwrap_or(&nothing);
            self.members.get(number).map_or(Digest(0), |member| member.bird.digest(part))
        });
        joined(&all.collect::<Vec<_>>())
    }

    fn read(&mut self) -> Result<Observed, DaemonError> {
        self.look(Bird::read)
    }

    fn glance(&mut self, last: Observed) -> Result<Observed, DaemonError> {
        drop(last);
        self.look(|bird| bird.glance(Observed::default()))
    }

    /// All are looked at, whatever becomes of one: what is announced to the customers of the others does not depend on it.
    fn tend_fabric(&mut self) -> Result<Option<Arc<FabricStates>>, DaemonError> {
        let all: Vec<_> = self.members.iter_mut().map(|member| member.bird.tend_fabric()).collect();
        let told = all.into_iter().collect::<Result<Vec<_>, _>>()?;
        if told.iter().all(Option::is_none) {
            return Ok(None);
        }
        let states = self.members.iter().map(|member| Arc::clone(member.bird.fabric.states()));
        Ok(Some(united(states)))
    }

    fn process_ids(&self) -> Vec<u32> {
        self.members.iter().flat_map(|member| member.bird.process_ids()).collect()
    }

    fn route_counts(&mut self) -> Result<RouteCounts, DaemonError> {
        let mut all = RouteCounts::new();
        for member in &mut self.members {
            all.extend(Daemon::route_counts(&mut member.bird)?);
        }
        Ok(all)
    }

    fn repair_routes(&mut self, tables: &BTreeSet<u32>) -> Result<(), DaemonError> {
        self.members
            .iter_mut()
            .try_for_each(|member| Daemon::repair_routes(&mut member.bird, tables))
    }

    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.tell(sessions)
    }
}

/// The number of the last process that has a routing domain; the first is there in any case.
fn last_used(split: &Split) -> usize {
    split.parts.iter().rposition(|part| !part.routing_domains.is_empty()).unwrap_or(0)
}

/// The states of several, none of which has another's sessions; of those that have some, one is changed in place if it can be.
fn united(all: impl IntoIterator<Item = Arc<FabricStates>>) -> Arc<FabricStates> {
    let mut united = Arc::<FabricStates>::default();
    for one in all.into_iter().filter(|one| !one.is_empty()) {
        match united.is_empty() {
            true => united = one,
            false => Arc::make_mut(&mut united)
                .extend(one.iter().map(|(id, state)| (id.clone(), state.clone()))),
        }
    }
    united
}

/// One digest of several; of one that itself, so that an agent that knew one BIRD only has not written another.
fn joined(all: &[Digest]) -> Digest {
    if let [one] = all {
        return *one;
    }
    let mut hash = Sha256::new();
    all.iter().for_each(|digest| hash.update(digest.0.to_be_bytes()));
    let hash: [u8; 32] = hash.finalize().into();
    Digest(u64::from_be_bytes(*hash.first_chunk().expect("SHA-256 has 32 bytes")))
}

fn file(dir: &Path) -> PathBuf {
    dir.join("bird.places")
}

fn dir_of(dir: &Path, number: usize) -> PathBuf {
    match number {
        0 => dir.to_owned(),
        _ => dir.join(format!("bird-{}", number + 1)),
    }
}
