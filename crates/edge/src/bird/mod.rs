//! BIRD 2 as the BGP daemon.
//!
//! What shall be is written as a whole configuration ([`render`]), which BIRD compares with the one that it has: sessions
//! that stay the same are undisturbed. What is, is read from its control socket ([`control`], [`parse`]). BIRD lives
//! longer than the agent: it is started as a daemon of its own, and found again by its socket.
//!
//! * The configuration carries its digest as the name of a protocol, so that what is loaded can be recognised.
//! * BIRD takes a configuration before that takes the old one's place on disk, so that the file there is always one that
//!   BIRD can be started with.
//! * BIRD would start again, at every reconfiguration, a session that the prefix limit has shut. So each new configuration
//!   says of each shut session that it is disabled, until a reset gives the session another name.

pub mod control;
pub mod hold;
mod ours;
pub mod parse;
mod process;
pub mod render;
mod settings;
pub mod version;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use settings::{Bfd, BirdSettings};

use linkway_domain::edge::PeerStatus;
use linkway_domain::id::VirtualInterfaceId;

use self::control::Control;
use self::hold::Hold;
use self::parse::Protocol;
use self::process::Files;
use self::render::{Plain, Surroundings};
use self::version::{Dialect, Version};
use crate::session::{Daemon, DaemonError, Digest, Observed, Sessions};
use crate::waiting::waiting;

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
    /// The text of the sessions that were last asked about: a plan asks for its digest, then it is applied.
    drafted: RefCell<Option<Draft>>,
    /// The sessions by their protocols' names, as they were last seen in detail.
    known: HashMap<String, Protocol>,
}

/// Sessions and what BIRD is told of them.
#[derive(Clone)]
struct Draft {
    sessions: Arc<Sessions>,
    plain: Arc<Plain>,
}

/// The text holds keys.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Draft").field(&self.plain.digest).finish()
    }
}

impl Bird {
    /// A driver for the BIRD whose files are in this directory: `bird.conf` and `bird.conf.new` (0600), `bird.ctl`,
    /// `bird.pid`, `bird.log` and `bird.log.1` (4 MB each at most), `bird.start`. The directory is made (0700) when it is
    /// needed.
    #[must_use]
    pub fn new(settings: BirdSettings, dir: &Path) -> Self {
        let (drafted, known) = (RefCell::new(None), HashMap::new());
        Self { settings, files: Files::of(dir), hold: Hold::Unknown, drafted, known }
    }

    /// Ends the BIRD that was started for this directory, if it runs.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub fn stop(&self) -> Result<(), DaemonError> {
        ours::end(&self.files)
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings { settings: &self.settings, log: &self.files.log }
    }

    fn draft(&self, sessions: &Sessions) -> Draft {
        let mut drafted = self.drafted.borrow_mut();
        match &*drafted {
            Some(draft) if *draft.sessions == *sessions => draft.clone(),
            _ => {
                let plain = Arc::new(Plain::new(sessions, self.around()));
                drafted.insert(Draft { sessions: Arc::new(sessions.clone()), plain }).clone()
            }
        }
    }

    fn text(&self, draft: &Draft, dialect: Dialect, shut: &BTreeSet<String>) -> String {
        let (plain, sessions, held) = (&draft.plain, &draft.sessions, self.hold.is_on());
        render::render_from(plain, sessions, self.around(), dialect, shut, held)
    }

    /// Gives a BIRD that answers the new configuration. One that it cannot read changes nothing.
    fn reconfigure(
        &mut self,
        mut control: Control,
        sessions: &Sessions,
    ) -> Result<(), DaemonError> {
        let dialect = dialect(control.version)?;
        let now = self.sessions_in_brief(&mut control)?;
        let shut = now.iter().filter(|p| parse::is_shut(p)).map(|p| p.name.clone()).collect();
        self.remember(now);
        let draft = self.draft(sessions);
        self.write_next(&self.text(&draft, dialect, &shut))?;
        let load = format!("configure \"{}\"", self.files.next.display());
        self.command(&mut control, "the new configuration", &load, sessions)?;
        self.rename_next()?;
        self.wait_loaded(draft.plain.digest)
    }

    /// Starts a BIRD with the new configuration.
    fn start(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.hold = match self.files.is_bereft() {
            true => Hold::begin(Instant::now()),
            false => Hold::No,
        };
        let program = process::find(&self.settings.program);
        let dialect = dialect(process::version(&program)?)?;
        let old = fs::read_to_string(&self.files.config).unwrap_or_default();
        let draft = self.draft(sessions);
        self.write_next(&self.text(&draft, dialect, &render::shut_in(&old)))?;
        let refused = |what| {
            move |text: String| DaemonError::Refused {
                what,
                text: render::without_keys(&text, sessions),
            }
        };
        process::check(&program, &self.files)?.map_err(refused("the new configuration"))?;
        self.rename_next()?;
        process::start(&program, &self.files)?.map_err(refused("to start"))?;
        self.wait_loaded(draft.plain.digest)
    }

    /// An agent that ended between BIRD's taking a configuration and its place on disk has left that to this one.
    fn finish_rename(&self, loaded: Option<Digest>, version: Version) -> Result<(), DaemonError> {
        let (Some(digest), Some(dialect)) = (loaded, version.dialect()) else { return Ok(()) };
        let mut head = [0; 4096];
        let read = fs::File::open(&self.files.next).and_then(|mut file| file.read(&mut head));
        let marker = render::marker(digest, dialect);
        match read {
            Ok(length) if String::from_utf8_lossy(&head[..length]).contains(&marker) => {
                self.rename_next()
            }
            // The usual case: there is none.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The sessions, asked about in detail where something has changed since they were.
    fn sessions_in_brief(&mut self, control: &mut Control) -> Result<Vec<Protocol>, DaemonError> {
        let answer = control.show("its sessions", "show protocols \"dxvif_*\"")?;
        let mut found = parse::protocols(answer.lines.iter().map(String::as_str));
        let mut known = std::mem::take(&mut self.known);
        let mut unlike = Vec::new();
        for (at, protocol) in found.iter_mut().enumerate() {
            match known.remove(&protocol.name).filter(|known| known.is_like(protocol)) {
                Some(known) => *protocol = known,
                None => unlike.push(at),
            }
        }
        if unlike.len() > FEW {
            return sessions_of(control);
        }
        for at in unlike {
            let command = format!("show protocols all \"{}\"", found[at].name);
            let answer = control.show("a session", &command)?;
            let detailed = parse::protocols(answer.lines.iter().map(String::as_str));
            if let Some(detailed) = detailed.into_iter().next() {
                found[at] = detailed;
            }
        }
        Ok(found)
    }

    fn remember(&mut self, sessions: Vec<Protocol>) {
        self.known = sessions.into_iter().map(|one| (one.name.clone(), one)).collect();
    }

    fn look(&mut self, brief: bool) -> Result<Observed, DaemonError> {
        let Some(mut control) = Control::connect(&self.files.socket)? else {
            self.known.clear();
            return Ok(Observed::default());
        };
        let loaded = loaded(&mut control)?;
        self.finish_rename(loaded, control.version)?;
        let sessions = match brief {
            true => self.sessions_in_brief(&mut control)?,
            false => sessions_of(&mut control)?,
        };
        let peers = parse::peers(&sessions);
        self.settle(&mut control, &peers)?;
        // BIRD gives up a session whose socket it could not have (the VRF came later, the port was taken), and starts it at
        // the next reconfiguration. So what does not run does not count as loaded.
        let loaded = loaded.filter(|_| !sessions.iter().any(parse::is_given_up));
        self.remember(sessions);
        Ok(Observed { loaded, peers })
    }

    /// Lets BIRD have the kernel's routes when they need to be held no longer.
    fn settle(
        &mut self,
        control: &mut Control,
        peers: &BTreeMap<VirtualInterfaceId, PeerStatus>,
    ) -> Result<(), DaemonError> {
        if self.hold == Hold::Unknown {
            let command = format!("show protocols \"{}\"", hold::KERNEL_PROTOCOLS);
            let answer = control.show("its kernel protocols", &command)?;
            let found = parse::protocols(answer.lines.iter().map(String::as_str));
            self.hold = Hold::found(&found, Instant::now());
        }
        let longest = Duration::from_secs(self.settings.graceful_restart_wait.into());
        let (hold, over) = self.hold.after(peers.values(), longest, Instant::now());
        self.hold = hold;
        if over {
            let what = "to take over the kernel's routes";
            let command = format!("enable \"{}\"", hold::KERNEL_PROTOCOLS);
            self.command(control, what, &command, &Sessions::default())?;
            self.hold = Hold::No;
        }
        Ok(())
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
        let text = render::without_keys(&answer.lines.join("; "), sessions);
        Err(DaemonError::Refused { what, text })
    }

    fn loaded_now(&self) -> Result<Option<Digest>, DaemonError> {
        match Control::connect(&self.files.socket)? {
            Some(mut control) => loaded(&mut control),
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
            waiting(|| thread::sleep(PACE));
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
            waiting(|| thread::sleep(PACE));
        }
    }

    fn prepare(&self) -> Result<(), DaemonError> {
        let dir = &self.files.dir;
        let fault = |why| DaemonError::Io { doing: format!("use {}", dir.display()), why };
        let refuse = |rule| Err(fault(io::Error::new(io::ErrorKind::InvalidInput, rule)));
        let text = dir.to_str().unwrap_or("\"");
        if text.contains(['"', '\n']) {
            return refuse("BIRD cannot be told a path with quotes, line ends or other than UTF-8");
        }
        if self.files.socket.as_os_str().len() > LONGEST_SOCKET {
            return refuse("the path of a socket in it would be longer than 107 bytes");
        }
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault)
    }

    fn write_next(&self, text: &str) -> Result<(), DaemonError> {
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
        write().map_err(|why| DaemonError::Io { doing: format!("write {}", path.display()), why })
    }

    fn rename_next(&self) -> Result<(), DaemonError> {
        let (from, to) = (&self.files.next, &self.files.config);
        let doing = || format!("rename {} to {}", from.display(), to.display());
        fs::rename(from, to).map_err(|why| DaemonError::Io { doing: doing(), why })
    }
}

impl Daemon for Bird {
    fn digest(&self, sessions: &Sessions) -> Digest {
        self.draft(sessions).plain.digest
    }

    fn read(&mut self) -> Result<Observed, DaemonError> {
        self.look(false)
    }

    fn glance(&mut self) -> Result<Observed, DaemonError> {
        self.look(true)
    }

    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError> {
        self.prepare()?;
        match self.connect()? {
            Some(control) => self.reconfigure(control, sessions),
            None if self.settings.spawn => self.start(sessions),
            None => {
                let doing = format!("connect to BIRD's socket {}", self.files.socket.display());
                let why = "no BIRD answers, and the settings say that the agent does not start it";
                let why = io::Error::new(io::ErrorKind::NotConnected, why);
                Err(DaemonError::Io { doing, why })
            }
        }
    }
}

fn dialect(version: Version) -> Result<Dialect, DaemonError> {
    version.dialect().ok_or_else(|| DaemonError::Refused {
        what: "to be driven: it must be BIRD 2",
        text: format!("it is BIRD {version}"),
    })
}

fn loaded(control: &mut Control) -> Result<Option<Digest>, DaemonError> {
    let answer = control.show("its marker", "show protocols \"linkway_*\"")?;
    let protocols = parse::protocols(answer.lines.iter().map(String::as_str));
    Ok(control.version.dialect().and_then(|dialect| parse::loaded(&protocols, dialect)))
}

fn sessions_of(control: &mut Control) -> Result<Vec<Protocol>, DaemonError> {
    let answer = control.show("its sessions", "show protocols all \"dxvif_*\"")?;
    Ok(parse::protocols(answer.lines.iter().map(String::as_str)))
}
