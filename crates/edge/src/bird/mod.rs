//! BIRD 2 as the BGP daemon.
//!
//! The sessions that are to be are written as a whole configuration ([`configuration`]), which BIRD compares with the one that it has: sessions
//! that stay the same are undisturbed. What is, is read from its control socket ([`control`], [`parse`]). BIRD lives
//! longer than the agent: it is started as a daemon of its own, and found again by its socket.
//!
//! * The configuration carries its digest as the name of a protocol, so that what is loaded can be recognised.
//! * BIRD takes a configuration before that takes the old one's place on disk, so that the file there is always one that
//!   BIRD can be started with.
//! * BIRD would start again, at every reconfiguration, a session that the prefix limit has shut. So each new configuration
//!   says of each shut session that it is disabled, until a reset gives the session another name.

mod assignment;
mod backbone;
pub mod configuration;
pub mod control;
mod device;
pub mod fabric;
pub mod failover;
mod flaps;
mod fragments;
mod gather;
pub mod hold;
mod import;
pub mod keys;
mod known;
pub mod leak;
pub mod log;
mod look;
mod moments;
pub mod names;
mod ours;
pub mod parse;
mod process;
mod processes;
pub mod questions;
mod reachable;
pub mod render;
pub mod routes;
mod settings;
pub mod shut;
mod spare;
mod start;
pub mod version;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

pub use processes::Processes;
pub use settings::{Bfd, BirdSettings};

use linkway_domain::Time;
use linkway_domain::id::RoutingDomainId;
use linkway_domain::net::AuthKey;

use self::configuration::Configuration;
use self::control::Control;
use self::failover::Failover;
use self::flaps::Flaps;
use self::fragments::Fragments;
use self::hold::Hold;
use self::keys::Keys;
use self::known::Known;
use self::process::Files;
use self::reachable::Fabric;
use self::render::{Device, Surroundings};
use self::shut::{Latch, Shut};
use self::version::{Dialect, Version};
use crate::agent::clock_milliseconds;
use crate::fabric::FabricStates;
use crate::kernel::RouteCounts;
use crate::session::{Daemon, DaemonError, Digest, Observed, SessionId, Sessions};

/// How long a BIRD that is alive may have no socket: it makes it early, but reads its configuration first.
const BIRTH: Duration = Duration::from_secs(5);
/// How long a BIRD may take to have what it was given.
const LOADING: Duration = Duration::from_secs(180);
/// How often is looked.
const PACE: Duration = Duration::from_millis(20);
/// The longest path that a socket can have (unix(7)).
const LONGEST_SOCKET: usize = 107;
/// How many sessions are asked about one by one; from there on all are.
const FEW: usize = 32;

/// One BIRD and its directory.
#[derive(Debug)]
pub struct Bird {
    settings: BirdSettings,
    files: Files,
    hold: Hold,
    configurations: RefCell<Configurations>,
    fragments: Fragments,
    known: Known,
    /// The names of the sessions that the last reconfiguration was about, if they are few: nobody has looked at them since.
    fresh: Vec<String>,
    fabric: Fabric,
    latch: Latch,
    flaps: Flaps,
    failover: Failover,
    /// When BIRD was last looked at, and how much time of a processor it had used.
    used: Option<(Instant, Duration)>,
    /// The names of the sessions that were up when BIRD was last seen alive.
    were_up: Option<BTreeSet<String>>,
    /// Whether BIRD's device protocol is known to be enabled.
    device_is_on: bool,
    /// Whether BIRD is known to have no configuration of an earlier version, which has other tables.
    is_current: bool,
}

/// What BIRD is told.
#[derive(Debug)]
struct Configurations {
    /// The sessions that were last asked about: a plan asks for their digest, then they are applied.
    asked: Option<Sessions>,
    /// For these, each with the key that it is to have.
    last: Option<Arc<Configuration>>,
    /// For those that BIRD was last given.
    given: Option<Arc<Configuration>>,
    /// Which keys they have.
    keys: Keys,
    /// The keys that BIRD has, while it has been given nothing by this agent.
    found: Option<BTreeMap<SessionId, AuthKey>>,
    /// Whether a session is to have another key than in the last one.
    is_stale: bool,
}

impl Configurations {
    fn new() -> Self {
        let keys = Keys::new(Instant::now());
        Self { asked: None, last: None, given: None, keys, found: None, is_stale: false }
    }

    /// The sessions, each with the key that it is to have.
    fn with_keys(&mut self, sessions: &Sessions, files: &Files) -> Sessions {
        let (given, found) = (&self.given, &mut self.found);
        let mut has = |id: &SessionId| match given {
            Some(given) => given.sessions.sessions.get(id).map(|session| session.auth_key.clone()),
            None => found.get_or_insert_with(|| keys::on_disk(files)).get(id).cloned(),
        };
        self.keys.chosen(sessions, &mut has, Instant::now())
    }
}

impl Bird {
    /// A driver for the BIRD whose files are in this directory: `bird.conf` and `bird.conf.new` (0600), their fragments in
    /// `bird.d`, `bird.ctl`, `bird.pid`, `bird.log` and `bird.log.1` (4 MB each at most), `bird.start`. The directory is
    /// made (0700) when it is needed.
    #[must_use]
    pub fn new(settings: BirdSettings, dir: &Path) -> Self {
        let (files, configurations) = (Files::of(dir), RefCell::new(Configurations::new()));
        let fragments = Fragments::of(files.fragments.clone());
        let latch = Latch::open(files.shut.clone());
        Self {
            settings,
            files,
            hold: Hold::Unknown,
            configurations,
            fragments,
            known: Known::default(),
            fresh: Vec::new(),
            fabric: Fabric::default(),
            latch,
            flaps: Flaps::default(),
            failover: Failover::default(),
            used: None,
            were_up: None,
            device_is_on: false,
            is_current: false,
        }
    }

    /// Ends the BIRD that was started for this directory, if it runs.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn stop(&self) -> Result<(), DaemonError> {
        ours::end(&self.files)
    }

    /// The routing domains that the BIRD has, if one runs.
    ///
    /// # Errors
    /// When it runs and cannot be asked.
    pub fn routing_domains(&self) -> Result<BTreeSet<RoutingDomainId>, DaemonError> {
        let Some(mut control) = Control::connect(&self.files.socket)? else {
            return Ok(BTreeSet::new());
        };
        let command = format!("show protocols \"{}\"", names::ANNOUNCING_PROTOCOLS);
        let answer = control.show("what it announces", &command)?;
        let protocols = parse::protocols(answer.lines());
        Ok(protocols.iter().filter_map(|one| names::routing_domain_of(&one.name)).collect())
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings { settings: &self.settings, log: &self.files.log }
    }

    fn configuration(&self, sessions: &Sessions) -> Arc<Configuration> {
        let all = &mut *self.configurations.borrow_mut();
        let is_same = all.asked.as_ref().is_some_and(|asked| asked.is_same(sessions));
        if let Some(last) = all.last.as_ref().filter(|_| is_same && !all.is_stale) {
            return Arc::clone(last);
        }
        let with_keys = all.with_keys(sessions, &self.files);
        (all.asked, all.is_stale) = (Some(sessions.clone()), false);
        let before = all.last.as_deref();
        let next = Arc::new(Configuration::new(&with_keys, self.around(), before));
        if all.given.as_ref().is_some_and(|given| given.digest == next.digest) {
            // The same, but it shares more with what comes next.
            all.given = Some(Arc::clone(&next));
        }
        Arc::clone(all.last.insert(next))
    }

    /// Gives a BIRD the new configuration, or starts one with it.
    fn tell(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.prepare()?;
        match self.connect()? {
            Some(control) => self.reconfigure_or_replace(control, sessions),
            None if self.settings.spawn => self.start(sessions),
            None => {
                let doing = format!("connect to BIRD's socket {}", self.files.socket.display());
                let why = "no BIRD answers, and the settings say that the agent does not start it";
                let why = io::Error::new(io::ErrorKind::NotConnected, why);
                Err(DaemonError::Io { doing, why })
            }
        }
    }

    /// Gives a BIRD that answers the new configuration. One that it cannot read changes nothing.
    fn reconfigure(
        &mut self,
        mut control: Control,
        sessions: &Sessions,
    ) -> Result<(), DaemonError> {
        let dialect = dialect(control.version)?;
        self.fresh.clear();
        self.refresh(&mut control)?;
        let next = self.configuration(sessions);
        let before = self.configurations.borrow().given.clone();
        let limits = before.map(|before| next.other_limits_than(&before)).unwrap_or_default();
        self.latch.release(&limits)?;
        let shut = self.kept_disabled(sessions);
        self.shut_for_tests(&mut control, &shut)?;
        let fragments = self.write_next(&next, dialect, &shut, Device::On)?;
        let load = format!("configure \"{}\"", self.files.next.display());
        let told = self.command(&mut control, "the new configuration", &load, sessions);
        told.map_err(|error| without_keys(error, &next.sessions))?;
        self.rename_next()?;
        self.wait_loaded(next.digest)?;
        self.fragments.keep(fragments);
        self.unlatch(&next)?;
        let configurations = self.configurations.get_mut();
        let before = configurations.given.replace(Arc::clone(&next));
        let changes = before.map(|before| next.changed_since(&before));
        let changed = changes.iter().flatten().filter_map(|name| names::session_of(name));
        configurations.keys.given(changed.map(|(id, _)| id), Instant::now());
        self.fresh = changes.filter(|names| names.len() <= FEW).unwrap_or_default();
        Ok(())
    }

    /// The protocols that a configuration has to say of that they are disabled, since BIRD would start them.
    fn kept_disabled(&mut self, sessions: &Sessions) -> BTreeMap<String, Shut> {
        let unreachable = self.fabric.disabled(sessions, Instant::now()).into_iter();
        let tested = self.failover.shut(sessions, moment()).into_keys();
        let mut all: BTreeMap<String, Shut> =
            tested.map(|name| (name, Shut::FailoverTest)).collect();
        all.extend(self.latch.at(SystemTime::now()));
        all.extend(unreachable.map(|name| (name, Shut::Unreachable)));
        all
    }

    /// Shuts the sessions whose test begins as an operator would, so that the customer's router is told why (RFC 4486: administrative
    /// shutdown); by a configuration alone BIRD would say that the peer was removed.
    fn shut_for_tests(
        &self,
        control: &mut Control,
        shut: &BTreeMap<String, Shut>,
    ) -> Result<(), DaemonError> {
        let begins = |name: &String| self.known.has(name) && !self.known.tested().contains(name);
        let tested = shut.iter().filter(|(_, why)| **why == Shut::FailoverTest);
        for (name, _) in tested.filter(|(name, _)| begins(name)) {
            tracing::info!(session = name, "shut for a failover test");
            let command = format!("disable {name} \"BGP failover test\"");
            self.command(control, "to shut a session", &command, &Sessions::default())?;
        }
        Ok(())
    }

    /// Sessions that are not there any more need not be kept shut.
    fn unlatch(&mut self, next: &Configuration) -> Result<(), DaemonError> {
        self.latch.configured(|name| next.has(name), SystemTime::now())
    }

    fn command(
        &self,
        control: &mut Control,
        what: &'static str,
        command: &str,
        sessions: &Sessions,
    ) -> Result<(), DaemonError> {
        let answer = control.ask(what, command)?;
        if answer.code < 8000 {
            return Ok(());
        }
        let text = render::without_keys(&answer.joined(), sessions);
        Err(DaemonError::Refused { what, text })
    }

    fn loaded_now(&self) -> Result<Option<Digest>, DaemonError> {
        match Control::connect(&self.files.socket)? {
            Some(mut control) => look::loaded(&mut control),
            None => Ok(None),
        }
    }

    /// Waits until BIRD has it: a start takes its time, and while an earlier reconfiguration goes on, the next is queued.
    fn wait_loaded(&self, wanted: Digest) -> Result<(), DaemonError> {
        let wanted = Some(wanted);
        let deadline = Instant::now() + LOADING;
        loop {
            match self.loaded_now() {
                Ok(loaded) if loaded == wanted => return Ok(()),
                // It is busy: thousands of sessions take their time to start.
                Ok(_) | Err(DaemonError::Silent { .. }) => {}
                Err(error) => return Err(error),
            }
            if Instant::now() > deadline {
                let what = "with the new configuration";
                return Err(DaemonError::Silent { what, seconds: LOADING.as_secs() });
            }
            thread::sleep(PACE);
        }
    }

    /// Connects. A BIRD that is alive but cannot be reached any more (its socket was removed, with the whole directory
    /// perhaps) is ended, for another to take its place.
    fn connect(&self) -> Result<Option<Control>, DaemonError> {
        let deadline = Instant::now() + BIRTH;
        loop {
            if let Some(control) = Control::connect(&self.files.socket)? {
                return Ok(Some(control));
            }
            if !ours::is_alive(&self.files)? {
                return Ok(None);
            }
            if Instant::now() > deadline {
                ours::end(&self.files)?;
                return Ok(None);
            }
            thread::sleep(PACE);
        }
    }

    fn prepare(&mut self) -> Result<(), DaemonError> {
        let dir = &self.files.dir;
        let fault = |why| DaemonError::Io { doing: format!("use {}", dir.display()), why };
        let refuse = |rule| Err(fault(io::Error::new(io::ErrorKind::InvalidInput, rule)));
        let text = dir.to_str().unwrap_or("\"");
        if text.contains(['"', '\n', '*', '?', '[', '\\']) {
            return refuse(
                "BIRD cannot be told a path with quotes, line ends, patterns or other than UTF-8",
            );
        }
        if self.files.socket.as_os_str().len() > LONGEST_SOCKET {
            return refuse("the path of a socket in it would be longer than 107 bytes");
        }
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault)?;
        self.fragments.prepare()
    }

    /// Writes the next configuration; the names of its fragments.
    fn write_next(
        &mut self,
        next: &Configuration,
        dialect: Dialect,
        shut: &BTreeMap<String, Shut>,
        device: Device,
    ) -> Result<BTreeSet<Arc<str>>, DaemonError> {
        let mut text = next.head(self.around(), dialect, shut, device);
        let mut names = BTreeSet::new();
        for (name, fragment) in next.fragments(&self.settings, shut, self.hold.is_on()) {
            self.fragments.write(&name, &fragment)?;
            text.extend(["include \"", process::FRAGMENTS, "/", &name, "\";\n"]);
            names.insert(name);
        }
        let path = &self.files.next;
        let write = || {
            // Whatever is there from before may have another mode.
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())
        };
        let doing = || format!("write {}", path.display());
        write().map_err(|why| DaemonError::Io { doing: doing(), why })?;
        Ok(names)
    }

    fn rename_next(&self) -> Result<(), DaemonError> {
        let (from, to) = (&self.files.next, &self.files.config);
        let doing = || format!("rename {} to {}", from.display(), to.display());
        fs::rename(from, to).map_err(|why| DaemonError::Io { doing: doing(), why })
    }
}

impl Daemon for Bird {
    fn digest(&self, sessions: &Sessions) -> Digest {
        self.configuration(sessions).digest
    }

    fn read(&mut self) -> Result<Observed, DaemonError> {
        self.look(false)
    }

    fn glance(&mut self, last: Observed) -> Result<Observed, DaemonError> {
        // Nobody else has it then, so that it can be changed in place.
        drop(last);
        self.look(true)
    }

    fn tend_fabric(&mut self) -> Result<Option<Arc<FabricStates>>, DaemonError> {
        if self.fabric.states().is_empty() {
            return Ok(None);
        }
        let Some(mut control) = Control::connect(&self.files.socket)? else { return Ok(None) };
        self.look_at_fabric(&mut control, true)?;
        Ok(Some(Arc::clone(self.fabric.states())))
    }

    fn process_ids(&self) -> Vec<u32> {
        process::id(&self.files).into_iter().collect()
    }

    fn route_counts(&mut self) -> Result<RouteCounts, DaemonError> {
        Self::route_counts(self)
    }

    fn repair_routes(&mut self, tables: &BTreeSet<u32>) -> Result<(), DaemonError> {
        Self::repair_routes(self, tables)
    }

    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        let done = self.tell(sessions);
        if done.is_err() {
            self.fragments.invalidate();
        }
        done
    }
}

/// By the clock, and since the machine started.
fn moment() -> (Time, Instant) {
    (Time::from_millis(clock_milliseconds()), Instant::now())
}

/// An error without the keys of these sessions, which may be others than those that the daemon is asked for.
fn without_keys(error: DaemonError, sessions: &Sessions) -> DaemonError {
    match error {
        DaemonError::Refused { what, text } => {
            DaemonError::Refused { what, text: render::without_keys(&text, sessions) }
        }
        DaemonError::Io { .. } | DaemonError::Silent { .. } => error,
    }
}

fn dialect(version: Version) -> Result<Dialect, DaemonError> {
    version.dialect().ok_or_else(|| DaemonError::Refused {
        what: "to be driven: it must be BIRD 2",
        text: format!("it is BIRD {version}"),
    })
}
