//! Looks at a BIRD: at all of it, or at what has changed since the last look; and what follows from what is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use linkway_domain::edge::SessionState;

use linkway_domain::net::{AddressFamily, AuthKey};

use super::configuration::Configuration;
use super::control::{Answer, Control};
use super::failover::TESTED;
use super::flaps::Allowance;
use super::hold::Hold;
use super::keys::Seen;
use super::known::Known;
use super::names::session_of;
use super::parse::is_established;
use super::reachable::Switch;
use super::shut::{Held, Shut};
use super::version::Version;
use super::{Bird, FEW, fabric, moment, names, parse, process, render};
use crate::kernel::RouteCounts;
use crate::session::{
    DaemonError, Digest, FLAPPING, Observed, Peers, Session, SessionId, Sessions,
};

/// BIRD is looked at in detail when it has used more than this part (1 of so many) of a processor since the last look:
/// in quiet times nothing is counted, and while somebody keeps it busy, who that is.
const BUSY: u32 = 20;

impl Bird {
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

    /// Looks at the sessions; in detail only where something has changed since the last look. Right after a reconfiguration
    /// that is where it was about: it came after such a look.
    pub(super) fn refresh(&mut self, control: &mut Control) -> Result<(), DaemonError> {
        let fresh = std::mem::take(&mut self.fresh);
        if !fresh.is_empty() {
            return self.learn(control, fresh);
        }
        let answer =
            control.show("its sessions", &format!("show protocols \"{}\"", names::SESSIONS))?;
        let unlike = self.known.compare(answer.text);
        if unlike.len() > FEW || self.is_busy() {
            self.known = Known::of(&all_sessions(control)?.text);
            return Ok(());
        }
        self.learn(control, unlike)
    }

    fn learn(&mut self, control: &mut Control, names: Vec<String>) -> Result<(), DaemonError> {
        for name in names {
            let command = format!("show protocols all \"{name}\"");
            let told = control.show("a session", &command);
            let protocol = told.map(|answer| parse::protocols(answer.lines()).into_iter().next());
            match protocol {
                Ok(Some(protocol)) => self.known.learn(protocol),
                Ok(None) => {
                    self.known.remove(&name);
                    self.known.invalidate();
                }
                Err(error) => {
                    self.known.invalidate();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// How many routes its kernel protocols have that are at work.
    pub(super) fn route_counts(&self) -> Result<RouteCounts, DaemonError> {
        let Some(mut control) = Control::connect(&self.files.socket)? else {
            return Ok(RouteCounts::new());
        };
        let command = format!("show protocols all \"{}\"", names::KERNEL_PROTOCOLS);
        let answer = control.show("its kernel protocols", &command)?;
        let protocols = parse::protocols(answer.lines());
        let at_work = protocols.iter().filter(|one| one.state == "up");
        Ok(at_work
            .filter_map(|one| Some((names::kernel_table_of(&one.name)?, one.exported)))
            .collect())
    }

    /// Has BIRD send the kernel its routes in these tables again, and read the tables for what else is there. Tables that it does not
    /// have are none of its.
    pub(super) fn repair_routes(&self, tables: &BTreeSet<u32>) -> Result<(), DaemonError> {
        let Some(mut control) = Control::connect(&self.files.socket)? else { return Ok(()) };
        for table in tables {
            for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
                let name = names::kernel_protocol(*table, family);
                control.show("to repair routes", &format!("reload out \"{name}\""))?;
            }
        }
        Ok(())
    }

    /// Whether BIRD has had much to do since it was last asked.
    fn is_busy(&mut self) -> bool {
        let now = Instant::now();
        let Some(used) = process::processor_time(&self.files) else { return false };
        let before = self.used.replace((now, used));
        before.is_some_and(|(at, before)| used.saturating_sub(before) * BUSY > now - at)
    }

    pub(super) fn look(&mut self, brief: bool) -> Result<Observed, DaemonError> {
        let Some(mut control) = Control::connect(&self.files.socket)? else {
            self.is_gone();
            return Ok(Observed::default());
        };
        let loaded = loaded(&mut control)?;
        self.finish_rename(loaded, control.version)?;
        self.check_device(&mut control)?;
        if brief {
            self.refresh(&mut control)?;
        } else {
            self.fresh.clear();
            self.known = Known::of(&all_sessions(&mut control)?.text);
        }
        let limited = self.known.shut().iter().cloned();
        self.latch.add(limited, Held { why: Shut::PrefixLimit, until: None })?;
        self.damp(&mut control)?;
        self.settle(&mut control)?;
        self.look_at_fabric(&mut control, brief)?;
        let (now, mut peers) = (SystemTime::now(), Arc::clone(self.known.peers()));
        self.tell_flapping(&mut peers, now);
        let tested = self.tested_now();
        self.tell_tested(&mut peers, &tested);
        let (other_keys, keys) = self.try_keys();
        // BIRD gives up a session whose socket it could not have (the VRF came later, the port was taken), and starts it at
        // the next reconfiguration. So what does not run does not count as loaded; nor what is to run again.
        let held = self.latch.at(now);
        let is_over = self.known.flapping().iter().any(|name| !held.contains_key(name))
            || self.known.tested().iter().any(|name| !tested.contains_key(name));
        let given_up = self.known.has_given_up() || self.fabric.has_given_up();
        let loaded = loaded.filter(|_| !given_up && !is_over && !other_keys);
        Ok(Observed { loaded, peers, fabric: Arc::clone(self.fabric.states()), keys })
    }

    /// Looks at the sessions with the fabric, and lets BIRD announce what is reached over those that are up. Briefly: in detail only
    /// where something but counters may have changed.
    pub(super) fn look_at_fabric(
        &mut self,
        control: &mut Control,
        brief: bool,
    ) -> Result<(), DaemonError> {
        let what = "its sessions with the fabric";
        if brief {
            let table = format!("show protocols \"{}\"", fabric::PROTOCOLS);
            if !self.fabric.is_news(&control.show(what, &table)?.text) {
                return Ok(());
            }
        }
        let all = control.show(what, &format!("show protocols all \"{}\"", fabric::PROTOCOLS))?;
        for Switch { name, enable } in self.fabric.seen(&all.text, Instant::now()) {
            let word = if enable { "enable" } else { "disable" };
            let what = "to announce what the fabric reaches, or not to";
            self.command(control, what, &format!("{word} \"{name}\""), &Sessions::default())?;
        }
        Ok(())
    }

    /// There is no BIRD.
    pub(super) fn is_gone(&mut self) {
        let known = std::mem::take(&mut self.known);
        if known.sessions().next().is_some() {
            let up = known.sessions().filter(|one| is_established(one));
            self.were_up = Some(up.map(|one| one.name.clone()).collect());
        }
        (self.fresh, self.used) = (Vec::new(), None);
        (self.device_is_on, self.is_current) = (false, false);
        self.fabric.lost();
    }

    /// Shuts the sessions whose routes come and go more than they may, for a time. BIRD is told of it by the next configuration too.
    fn damp(&mut self, control: &mut Control) -> Result<(), DaemonError> {
        let settings = &self.settings;
        if settings.flap_limit == 0 {
            return Ok(());
        }
        let each = Duration::from_secs(60) / settings.prefix_limit.max(1);
        let allowance = Allowance { changes: settings.flap_limit, each };
        let sessions = self.known.sessions().map(|one| (one.name.as_str(), one.changes));
        let over = self.flaps.look(sessions, allowance, Instant::now());
        if over.is_empty() {
            return Ok(());
        }
        let until = SystemTime::now() + Duration::from_secs(settings.flap_penalty.into());
        self.latch.add(over.clone(), Held { why: Shut::Flapping, until: Some(until) })?;
        for name in &over {
            tracing::warn!(
                session = name,
                seconds = settings.flap_penalty,
                "its routes flap: shut for a time"
            );
            self.command(
                control,
                "to shut a session",
                &format!("disable {name}"),
                &Sessions::default(),
            )?;
        }
        self.learn(control, over)
    }

    /// Says of each session that is shut for a time that it is.
    fn tell_flapping(&self, peers: &mut Arc<Peers>, now: SystemTime) {
        for (name, until) in self.latch.timed() {
            let (Ok(left), Some((id, _))) = (until.duration_since(now), session_of(name)) else {
                continue;
            };
            if !peers.contains_key(&id) || !self.known.has(name) {
                continue;
            }
            if let Some(peer) = Arc::make_mut(peers).get_mut(&id) {
                peer.state = SessionState::Idle;
                peer.last_error = Some(format!(
                    "{FLAPPING}; the session is shut for another {} s",
                    left.as_secs() + 1
                ));
            }
        }
    }

    /// The sessions that are shut for a failover test, and for how long.
    fn tested_now(&mut self) -> BTreeMap<String, Duration> {
        let configurations = self.configurations.borrow();
        let known = configurations.given.as_ref().or(configurations.last.as_ref());
        known.map(|known| self.failover.shut(&known.sessions, moment())).unwrap_or_default()
    }

    /// Decides which keys the sessions are to have for which a new one waits; whether BIRD has yet to be given some, and those that it has.
    fn try_keys(&mut self) -> (bool, BTreeMap<SessionId, AuthKey>) {
        let all = self.configurations.get_mut();
        let Some(asked) = &all.asked else { return (false, BTreeMap::new()) };
        let known = &self.known;
        let seen = |session: &Session| Seen::of(known.get(&names::protocol_name(session)));
        all.is_stale |= all.keys.look(asked, seen, moment());
        match all.keys.is_pending() {
            true => (true, BTreeMap::new()),
            false => (false, all.keys.in_use()),
        }
    }

    /// Says of each session that is shut for a failover test that it is.
    fn tell_tested(&self, peers: &mut Arc<Peers>, tested: &BTreeMap<String, Duration>) {
        for name in self.known.tested() {
            let (Some(left), Some((id, _))) = (tested.get(name), session_of(name)) else {
                continue;
            };
            if let Some(peer) = Arc::make_mut(peers).get_mut(&id) {
                peer.state = SessionState::Idle;
                let seconds = left.as_secs() + 1;
                peer.last_error = Some(format!("{TESTED} for another {seconds} s"));
            }
        }
    }

    /// The sessions that have no part in the recovery of a BIRD that starts in the place of one that has died: those that were
    /// down before. BIRD would hold back all announcements until it has heard them.
    pub(super) fn late(&self, next: &Configuration) -> Vec<String> {
        match &self.were_up {
            Some(up) if self.hold.is_on() => {
                next.names().filter(|name| !up.contains(name)).collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    /// Starts these, which the configuration has disabled. A session that cannot be started is one that BIRD has given up, which the
    /// next look finds.
    pub(super) fn start_late(&self, names: Vec<String>) -> Result<(), DaemonError> {
        let Some(mut control) = Control::connect(&self.files.socket)? else { return Ok(()) };
        for name in names {
            let command = format!("enable {name}");
            self.command(&mut control, "to start a session", &command, &Sessions::default())?;
        }
        Ok(())
    }

    /// Lets BIRD have the kernel's routes when they need to be held no longer.
    fn settle(&mut self, control: &mut Control) -> Result<(), DaemonError> {
        let now = Instant::now();
        if self.hold == Hold::Unknown {
            let command = format!("show protocols \"{}\"", names::KERNEL_PROTOCOLS);
            let answer = control.show("its kernel protocols", &command)?;
            let found = parse::protocols(answer.lines());
            self.hold = Hold::found(&found, now);
        }
        if !self.hold.is_on() {
            return Ok(());
        }
        // One that is shut, or was down before, is not expected.
        let is_expected = |name| self.were_up.as_ref().is_none_or(|up| up.contains(name));
        let mut expected = self
            .known
            .sessions()
            .filter(|one| parse::shut(one).is_none() && is_expected(&one.name));
        let all = expected.all(is_established);
        let longest = Duration::from_secs(self.settings.graceful_restart_wait.into());
        let (hold, over) = self.hold.after(all, longest, now);
        self.hold = hold;
        if over {
            let what = "to take over the kernel's routes";
            let command = format!("enable \"{}\"", names::KERNEL_PROTOCOLS);
            self.command(control, what, &command, &Sessions::default())?;
            self.hold = Hold::No;
        }
        Ok(())
    }
}

pub(super) fn loaded(control: &mut Control) -> Result<Option<Digest>, DaemonError> {
    let answer = control.show("its marker", "show protocols \"linkway_*\"")?;
    let protocols = parse::protocols(answer.lines());
    Ok(control.version.dialect().and_then(|dialect| parse::loaded(&protocols, dialect)))
}

fn all_sessions(control: &mut Control) -> Result<Answer, DaemonError> {
    control.show("its sessions", &format!("show protocols all \"{}\"", names::SESSIONS))
}
