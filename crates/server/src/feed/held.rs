//! What this server keeps in memory of the feed: what each edge last said here, and the configurations that were last given
//! out. Neither is needed to be right: another server, or this one after a restart, has the store alone.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use linkway_domain::Time;
use linkway_domain::edge::{ConfigVersion, EdgeStatus};
use linkway_domain::id::{AccessKeyId, ConnectionId, EdgeId, VirtualInterfaceId};
use linkway_wire::feed::ConfigText;

/// The last report of an edge that came to this server.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it came.
    pub at: Time,
    /// The access key that signed it; `None` of the built-in edge.
    pub access_key: Option<AccessKeyId>,
    /// The number that the store had of the edge's reports then: a lower one later says that they were forgotten.
    pub stored: u64,
    /// The whole of it, less what is not this edge's to speak of.
    pub status: EdgeStatus,
    /// The connection of each interface in it.
    pub connections: HashMap<VirtualInterfaceId, ConnectionId>,
}

/// How many configurations of an edge are kept: the one that it has, and what it may still ask from.
const EACH: usize = 3;

/// How many bytes of configurations are kept in all: enough for some 100,000 interfaces.
const ALL: usize = 64 << 20;

/// The configurations that were last given out, the newest at the end.
#[derive(Default)]
pub struct Given {
    kept: VecDeque<(EdgeId, Arc<ConfigText>)>,
    bytes: usize,
}

impl Given {
    /// The configuration of that version, if it is kept.
    pub fn find(&self, edge: &EdgeId, version: ConfigVersion) -> Option<Arc<ConfigText>> {
        self.of(edge).find(|text| text.version() == version).cloned()
    }

    /// The configuration with that digest, if it is kept.
    pub fn base(&self, edge: &EdgeId, digest: &str) -> Option<Arc<ConfigText>> {
        self.of(edge).find(|text| text.digest() == digest).cloned()
    }

    fn of<'a>(&'a self, edge: &'a EdgeId) -> impl Iterator<Item = &'a Arc<ConfigText>> {
        self.kept.iter().rev().filter(move |(of, _)| of == edge).map(|(_, text)| text)
    }

    /// Keeps one more, and forgets the oldest of what is too much.
    pub fn keep(&mut self, edge: &EdgeId, text: &Arc<ConfigText>) {
        if self.base(edge, text.digest()).is_some() {
            return;
        }
        self.bytes += text.text().len();
        self.kept.push_back((edge.clone(), Arc::clone(text)));
        if self.of(edge).count() > EACH
            && let Some(at) = self.kept.iter().position(|(of, _)| of == edge)
        {
            self.forget(at);
        }
        while self.bytes > ALL && !self.kept.is_empty() {
            self.forget(0);
        }
    }

    fn forget(&mut self, at: usize) {
        if let Some((_, text)) = self.kept.remove(at) {
            self.bytes -= text.text().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use linkway_domain::edge::project;

    use super::*;

    fn text(edge: &EdgeId, generation: u64) -> Arc<ConfigText> {
        Arc::new(ConfigText::render(project(edge, (1, generation), &[], &[], &[], &[], &[])))
    }

    #[test]
    fn the_newest_few_of_each_edge_are_kept() {
        let edges = ["a", "b"].map(|id| EdgeId::parse(id).expect("an edge's id"));
        let mut given = Given::default();
        for generation in 1..=5 {
            for edge in &edges {
                given.keep(edge, &text(edge, generation));
                given.keep(edge, &text(edge, generation));
            }
        }
        for edge in &edges {
            for generation in 1..=5 {
                let version = ConfigVersion { epoch: 1, generation };
                let there = generation > 2;
                assert_eq!(given.find(edge, version).is_some(), there, "{generation}");
                let digest = text(edge, generation).digest().to_owned();
                assert_eq!(given.base(edge, &digest).is_some(), there, "{generation}");
            }
        }
        assert_eq!(given.base(&edges[0], text(&edges[1], 5).digest()), None);
        let bytes: usize = given.kept.iter().map(|(_, text)| text.text().len()).sum();
        assert_eq!((given.bytes, given.kept.len()), (bytes, 2 * EACH));
    }

    #[test]
    fn all_together_stay_within_their_bytes() {
        let mut given = Given { bytes: ALL - 200, ..Given::default() };
        let edges: Vec<_> =
            (0..9).map(|nth| EdgeId::parse(&format!("e{nth}")).expect("an edge's id")).collect();
        for edge in &edges {
            given.keep(edge, &text(edge, 1));
            assert!(given.bytes <= ALL);
        }
    }
}
