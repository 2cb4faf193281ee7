//! Sessions that are kept shut, whatever becomes of BIRD and of the agent.
//!
//! BIRD forgets at its end which sessions it has shut for too many prefixes, and would start them at a reconfiguration. So what
//! is seen is on disk before it is acted on, and what was not seen is in BIRD's log, which it writes before it shuts a session.
//! A name of a protocol has the number of resets in it: a reset is another name, which nothing is known of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::fragments::replace;
use super::names::session_of;
use crate::session::DaemonError;

/// Why a protocol is kept disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// The customer's router announced more prefixes than the limit. Until a reset.
    PrefixLimit,
    /// Its routes came and went too often. For a time.
    Flapping,
    /// The operator has drained it. Until that is undone.
    Drained,
    /// It was down when BIRD died. Until its successor has begun.
    Late,
    /// It is under a BGP failover test. Until the test is over ([`super::failover`]).
    FailoverTest,
    /// It is what is announced to customers while the session with the fabric beside it is up, which it is not ([`super::reachable`]).
    Unreachable,
}

impl Shut {
    /// The description that the session has in BIRD's configuration.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::PrefixLimit => "shut: prefix limit",
            Self::Flapping => "shut: routes flap",
            Self::FailoverTest => "shut: failover test",
            Self::Drained => "shut: drained by the operator",
            Self::Late => "down before BIRD's restart",
            Self::Unreachable => "the VPC is not reached",
        }
    }

    /// Why a session of this description is to stay shut.
    #[must_use]
    pub fn of_description(text: &str) -> Option<Self> {
        let all = [Self::PrefixLimit, Self::Flapping, Self::FailoverTest, Self::Drained];
        all.into_iter().find(|one| one.description() == text)
    }
}

/// A session that is kept shut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Why.
    pub why: Shut,
    /// Until when; `None`: until a reset.
    pub until: Option<SystemTime>,
}

/// The sessions that are kept shut, by the names of their protocols, with a file (0600) that has them.
#[derive(Debug)]
pub struct Latch {
    path: PathBuf,
    held: BTreeMap<String, Held>,
    /// Those that the last configuration had no session for.
    absent: BTreeSet<String>,
}

impl Latch {
    /// With what the file has; one that cannot be read has nothing.
    #[must_use]
    pub fn open(path: PathBuf) -> Self {
        let held = read(&fs::read_to_string(&path).unwrap_or_default());
        Self { path, held, absent: BTreeSet::new() }
    }

    /// Those that are kept shut at this time.
    #[must_use]
    pub fn at(&self, now: SystemTime) -> BTreeMap<String, Shut> {
        let held = self.held.iter().filter(|(_, held)| held.until.is_none_or(|until| now < until));
        held.map(|(name, held)| (name.clone(), held.why)).collect()
    }

    /// Those that are shut for a time, until when.
    pub fn timed(&self) -> impl Iterator<Item = (&str, SystemTime)> {
        self.held.iter().filter_map(|(name, held)| Some((name.as_str(), held.until?)))
    }

    /// Keeps these shut too; they are on disk then.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(
        &mut self,
        names: impl IntoIterator<Item = String>,
        held: Held,
    ) -> Result<(), DaemonError> {
        let mut changed = false;
        for name in names {
            let is_known = self.held.get(&name).is_some_and(|old| old.why == Shut::PrefixLimit);
            changed |= !is_known && self.held.insert(name, held) != Some(held);
        }
        if changed { self.save() } else { Ok(()) }
    }

    /// Another limit counts for these: what the one before had shut may run again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn release(&mut self, names: &[String]) -> Result<(), DaemonError> {
        let before = self.held.len();
        self.held.retain(|name, held| held.why != Shut::PrefixLimit || !names.contains(name));
        if self.held.len() == before { Ok(()) } else { self.save() }
    }

    /// BIRD has a configuration with sessions of these names. One that is not among them for the second time is forgotten: when its
    /// link is made anew a session is missing once.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configured(
        &mut self,
        there: impl Fn(&str) -> bool,
        now: SystemTime,
    ) -> Result<(), DaemonError> {
        let before = self.held.len();
        let absent = std::mem::take(&mut self.absent);
        self.held.retain(|name, held| {
            held.until.is_none_or(|until| now < until) && (there(name) || !absent.contains(name))
        });
        self.absent = self.held.keys().filter(|name| !there(name)).cloned().collect();
        if self.held.len() == before { Ok(()) } else { self.save() }
    }

    fn save(&self) -> Result<(), DaemonError> {
        let fault = |why| DaemonError::Io { doing: format!("write {}", self.path.display()), why };
        replace(&self.path, &write(&self.held)).map_err(fault)
    }
}

/// A line for each: the name, and until when in seconds of Unix time if there is a time.
fn write(held: &BTreeMap<String, Held>) -> String {
    let line = |(name, held): (&String, &Held)| match held.until {
        None => format!("{name}\n"),
        Some(until) => {
            let seconds = until.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            format!("{name} {seconds}\n")
        }
    };
    held.iter().map(line).collect()
}

fn read(text: &str) -> BTreeMap<String, Held> {
    let line = |line: &str| {
        let (name, until) =
            line.split_once(' ').map_or((line, None), |(name, at)| (name, Some(at)));
        session_of(name)?;
        let held = match until {
            None => Held { why: Shut::PrefixLimit, until: None },
            Some(seconds) => {
                let until = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))?;
                Held { why: Shut::Flapping, until: Some(until) }
            }
        };
        Some((name.to_owned(), held))
    };
    text.lines().filter_map(line).collect()
}

/// The sessions that the limit has shut, as BIRD's logs tell: of one that is removed or started later, no more.
pub fn in_logs(logs: &[&Path]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for log in logs {
        let text = fs::read(log).or_else(|why| match why.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(why),
        });
        match text {
            Ok(text) => follow(&String::from_utf8_lossy(&text), &mut found),
            Err(error) => tracing::warn!(%error, log = %log.display(), "BIRD's log cannot be read"),
        }
    }
    found
}

/// A line is `DATE TIME <CLASS> TEXT`; the texts are those of `channel_notify_limit` and `protos_commit` (nest/proto.c).
fn follow(text: &str, shut: &mut BTreeSet<String>) {
    for line in text.lines() {
        let said = line.split_once("<WARN> Protocol ").and_then(|(_, said)| said.split_once(' '));
        if let Some((name, what)) = said {
            if what.starts_with("hits route receive limit") && session_of(name).is_some() {
                shut.insert(name.to_owned());
            }
            continue;
        }
        for doing in ["Removing", "Adding", "Enabling", "Restarting"] {
            if let Some((_, name)) = line.split_once(&format!("<INFO> {doing} protocol ")) {
                shut.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_tell_what_nobody_has_seen() {
        let check = |lines: &[&str], expected: &[&str]| {
            let mut shut = BTreeSet::new();
            let lines: String =
                lines.iter().map(|line| format!("2026-11-30 08:05:57.394 {line}\n")).collect();
            follow(&lines, &mut shut);
            assert_eq!(shut.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{lines}");
        };
        let hit =
            "<WARN> Protocol dxvif_f0000001_2 hits route receive limit (100), action: disable";
        check(&[hit], &["dxvif_f0000001_2"]);
        check(&[hit, "<INFO> Reloading protocol dxvif_f0000001_2"], &["dxvif_f0000001_2"]);
        check(&[hit, "<INFO> Removing protocol dxvif_f0000001"], &["dxvif_f0000001_2"]);
        check(&[hit, "<INFO> Removing protocol dxvif_f0000001_2"], &[]);
        check(&["<INFO> Removing protocol dxvif_f0000001_2", hit], &["dxvif_f0000001_2"]);
        // What a customer's router says is part of a line of another class.
        check(
            &[
                "<RMT> dxvif_f0000002: Received: Administrative shutdown (\"Protocol dxvif_f0000001 hits route receive limit\")",
            ],
            &[],
        );
        check(&["<WARN> Protocol other hits route receive limit (1), action: disable"], &[]);
    }

    #[test]
    fn what_is_held_outlives_the_agent_until_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bird.shut");
        let now = UNIX_EPOCH + Duration::from_secs(1_000);
        let later = now + Duration::from_secs(300);
        let limit = Held { why: Shut::PrefixLimit, until: None };
        let flap = Held { why: Shut::Flapping, until: Some(later) };
        let mut latch = Latch::open(path.clone());
        latch.add(["dxvif_f0000001".to_owned()], limit).unwrap();
        latch.add(["dxvif_f0000001", "dxvif_f0000002_v6_3"].map(str::to_owned), flap).unwrap();
        let both = [
            ("dxvif_f0000001".to_owned(), Shut::PrefixLimit),
            ("dxvif_f0000002_v6_3".to_owned(), Shut::Flapping),
        ];
        let mut latch = Latch::open(path.clone());
        assert_eq!(latch.at(now), both.clone().into());
        assert_eq!(latch.at(later), both[..1].iter().cloned().collect());
        // A link is made anew: its session is missing once.
        latch.configured(|name| name != "dxvif_f0000001", now).unwrap();
        latch.configured(|_| true, now).unwrap();
        assert_eq!(Latch::open(path.clone()).at(now), both.into());
        latch.configured(|_| false, now).unwrap();
        latch.configured(|_| false, now).unwrap();
        assert!(Latch::open(path).held.is_empty());
    }
}
