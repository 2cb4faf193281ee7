//! The sessions of a BIRD as they were last seen, so that only those are asked about in detail, and made into what the agent
//! knows of them, that have changed since. Pure.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::names::{session_of, symbol};
use super::parse::{self, Protocol};
use super::shut::Shut;
use crate::session::Peers;

/// What was last seen.
#[derive(Debug, Default)]
pub struct Known {
    /// The table of protocols.
    table: String,
    /// By the protocols' names.
    sessions: BTreeMap<String, Protocol>,
    /// Those that the limit has shut.
    shut: BTreeSet<String>,
    /// Those whose configuration keeps them shut because their routes came and went.
    flapping: BTreeSet<String>,
    /// Those whose configuration keeps them shut for a failover test.
    tested: BTreeSet<String>,
    /// Those that BIRD has given up.
    given_up: BTreeSet<String>,
    peers: Arc<Peers>,
}

impl Known {
    /// From all of `show protocols all`.
    #[must_use]
    pub fn of(answer: &str) -> Self {
        let protocols = parse::protocols(answer.lines());
        let mut known = Self { peers: Arc::new(parse::peers(&protocols)), ..Self::default() };
        // What is not indented is the table.
        for line in answer.lines().filter(|line| !line.is_empty() && !line.starts_with(' ')) {
            known.table.push_str(line);
            known.table.push('\n');
        }
        for protocol in protocols {
            known.keep(protocol);
        }
        known
    }

    /// All of `show protocols`: drops the sessions that are not there any more; the names of those that are not as they were
    /// and have to be learned.
    #[must_use]
    pub fn compare(&mut self, table: String) -> Vec<String> {
        let old = std::mem::replace(&mut self.table, table);
        let trusted = !old.is_empty();
        let (old, new) = differing(&old, &self.table);
        let new = parse::protocols(new.lines());
        let there: HashSet<&str> = new.iter().map(|protocol| protocol.name.as_str()).collect();
        let mut gone: Vec<String> = match trusted {
            true => parse::protocols(old.lines()).into_iter().map(|old| old.name).collect(),
            false => self.sessions.keys().cloned().collect(),
        };
        gone.retain(|name| !there.contains(name.as_str()));
        for name in gone {
            self.remove(&name);
        }
        let known =
            |new: &Protocol| self.sessions.get(&new.name).is_some_and(|old| old.is_like(new));
        new.into_iter().filter(|new| !known(new)).map(|new| new.name).collect()
    }

    /// What `show protocols all` says of one session.
    pub fn learn(&mut self, protocol: Protocol) {
        let name = protocol.name.clone();
        self.keep(protocol);
        self.tell(&name);
    }

    /// The table is not to be trusted: a session that it has could not be learned. All of the next one is looked at.
    pub fn invalidate(&mut self) {
        self.table.clear();
    }

    fn keep(&mut self, protocol: Protocol) {
        let note = |set: &mut BTreeSet<String>, is| match is {
            true => drop(set.insert(protocol.name.clone())),
            false => drop(set.remove(&protocol.name)),
        };
        note(&mut self.shut, parse::is_shut(&protocol));
        note(&mut self.flapping, parse::shut(&protocol) == Some(Shut::Flapping));
        note(&mut self.tested, parse::shut(&protocol) == Some(Shut::FailoverTest));
        note(&mut self.given_up, parse::is_given_up(&protocol));
        self.sessions.insert(protocol.name.clone(), protocol);
    }

    /// A session is not there any more.
    pub fn remove(&mut self, name: &str) {
        self.sessions.remove(name);
        self.shut.remove(name);
        self.flapping.remove(name);
        self.tested.remove(name);
        self.given_up.remove(name);
        self.tell(name);
    }

    /// Brings what is known of a session up to date.
    fn tell(&mut self, name: &str) {
        let Some((id, _)) = session_of(name) else { return };
        // While a session is being replaced by its reset there are two, of names that begin the same.
        let begins = symbol(id.interface.as_str());
        let from = self.sessions.range(begins.clone()..);
        let own = from.take_while(|(name, _)| name.starts_with(&begins));
        let own = own.filter(|(name, _)| session_of(name).is_some_and(|(other, _)| other == id));
        let own: Vec<Protocol> = own.map(|(_, protocol)| protocol.clone()).collect();
        let peers = Arc::make_mut(&mut self.peers);
        match parse::peers(&own).remove(&id) {
            Some(status) => drop(peers.insert(id, status)),
            None => drop(peers.remove(&id)),
        }
    }

    /// The state of the sessions.
    #[must_use]
    pub const fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// The names of the sessions that the limit has shut.
    #[must_use]
    pub const fn shut(&self) -> &BTreeSet<String> {
        &self.shut
    }

    /// The names of the sessions whose configuration keeps them shut for a time.
    #[must_use]
    pub const fn flapping(&self) -> &BTreeSet<String> {
        &self.flapping
    }

    /// The names of the sessions whose configuration keeps them shut for a failover test.
    #[must_use]
    pub const fn tested(&self) -> &BTreeSet<String> {
        &self.tested
    }

    /// Whether there is a session of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.sessions.contains_key(name)
    }

    /// The session of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Protocol> {
        self.sessions.get(name)
    }

    /// All sessions, by the names of their protocols.
    pub fn sessions(&self) -> impl Iterator<Item = &Protocol> {
        self.sessions.values()
    }

    /// Whether there is a session that BIRD has given up.
    #[must_use]
    pub fn has_given_up(&self) -> bool {
        !self.given_up.is_empty()
    }
}

/// Two texts without the lines with which both begin and end.
fn differing<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str) {
    /// So many bytes are compared at once.
    const PIECE: usize = 256;
    let (a, b) = (old.as_bytes(), new.as_bytes());
    let same = |(a, b): &(&[u8], &[u8])| a == b && a.len() == PIECE;
    let pieces = a.chunks(PIECE).zip(b.chunks(PIECE)).take_while(same).count() * PIECE;
    let begin = a[pieces..].iter().zip(&b[pieces..]).take_while(|(a, b)| a == b).count() + pieces;
    let begin = a[..begin].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (a, b) = (&a[begin..], &b[begin..]);
    let pieces = a.rchunks(PIECE).zip(b.rchunks(PIECE)).take_while(same).count() * PIECE;
    let (left, right) = (a[..a.len() - pieces].iter().rev(), b[..b.len() - pieces].iter().rev());
    let end = left.zip(right).take_while(|(a, b)| a == b).count() + pieces;
    let begins_line =
        |text: &[u8]| text[..text.len() - end].last().is_none_or(|byte| *byte == b'\n');
    let end = match begins_line(a) && begins_line(b) {
        true => end,
        false => {
            let first = a[a.len() - end..].iter().position(|byte| *byte == b'\n');
            first.map_or(0, |at| end - at - 1)
        }
    };
    (&old[begin..old.len() - end], &new[begin..new.len() - end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_differs_is_whole_lines() {
        let check =
            |old, new, expected| assert_eq!(differing(old, new), expected, "{old:?} {new:?}");
        check("a\nb\nc\n", "a\nb\nc\n", ("", ""));
        check("a\nb\nc\n", "a\nbb\nc\n", ("b\n", "bb\n"));
        check("a\nb\nc\n", "a\nc\n", ("b\n", ""));
        check("", "a\n", ("", "a\n"));
        check("xa\n", "ya\n", ("xa\n", "ya\n"));
        check("a\na\n", "a\n", ("a\n", ""));
        let long = "0123456789\n".repeat(100);
        let (old, new) = (format!("{long}x\n{long}"), format!("{long}y\nz\n{long}"));
        check(&old, &new, ("x\n", "y\nz\n"));
        check(&long, &long, ("", ""));
    }

    /// Sessions by number (two of an interface), each in some state since some time, with the number of its reset.
    type Table = Vec<(u8, u8, u8, u8)>;

    fn tables() -> impl Strategy<Value = Vec<(bool, Table)>> {
        let session = (0..6_u8, 0..3_u8, 0..3_u8, 0..2_u8);
        let table = prop::collection::vec(session, 0..7).prop_map(|mut table| {
            let mut names = BTreeSet::new();
            table.retain(|(name, .., resets)| names.insert((*name, *resets)));
            table
        });
        prop::collection::vec((prop::bool::weighted(0.2), table), 1..6)
    }

    fn line((name, state, since, resets): (u8, u8, u8, u8)) -> String {
        let six = if name % 2 == 1 { "_v6" } else { "" };
        let reset = if resets == 0 { String::new() } else { format!("_{resets}") };
        let name = name / 2;
        let (state, info) =
            [("up", "Established"), ("down", ""), ("start", "Connect")][usize::from(state)];
        format!(
            "dxvif_f000000{name}{six}{reset} BGP        ---        {state}     10:0{since}     {info}"
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// However the table changes, what is known is what a look at everything would tell.
        #[test]
        fn looks_at_what_has_changed_see_all(tables in tables()) {
            let mut known = Known::default();
            for (invalid, table) in tables {
                if invalid {
                    known.invalidate();
                }
                let brief: String = table.iter().map(|one| line(*one) + "\n").collect();
                let detail = |one: (u8, u8, u8, u8)| {
                    format!("{}\n  Channel ipv4\n    Routes: {} imported\n", line(one), one.0 + one.2)
                };
                for name in known.compare(brief) {
                    let one = table.iter().find(|one| line(**one).starts_with(&format!("{name} ")));
                    let told = detail(*one.expect("is in the table"));
                    known.learn(parse::protocols(told.lines()).remove(0));
                }
                let whole: String = table.iter().map(|one| detail(*one)).collect();
                let whole = Known::of(&whole);
                prop_assert_eq!(known.peers(), whole.peers());
                prop_assert_eq!(known.shut(), whole.shut());
                prop_assert_eq!(known.has_given_up(), whole.has_given_up());
                prop_assert_eq!(&known.table, &whole.table);
                prop_assert_eq!(&known.sessions, &whole.sessions);
            }
        }
    }
}
