//! One more interface on an edge that has many: from the feed's answer to programmed.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkway_domain::edge::Traffic;
use linkway_edge::agent::stored_config::{StateDir, StoredConfig};
use linkway_edge::agent::{Agent, Look, Round};
use linkway_edge::bird::{BirdSettings, Processes};
use linkway_edge::fence::Drops;
use linkway_edge::kernel::{Kernel, Link};
use linkway_edge::mark::Marks;
use linkway_edge::netlink::Netlink;
use linkway_wire::feed::{ConfigText, packed, read_answer};
use serde_json::{Value, json};

use crate::feed;
use crate::proc;
use crate::timed::{Timed, Times};
use crate::world;

/// How often it is looked again: some news of the kernel's come a moment later, and wake the agent too.
const LATE_NEWS: usize = 3;
/// Enough to grow to any size, unless something is wrong.
const ROUNDS_TO_GROW: usize = 10;

struct Edge {
    agent: Agent<Timed<Netlink>, Timed<Processes>>,
    state: StateDir,
    times: Times,
    base: ConfigText,
    dir: PathBuf,
}

/// For each size, `rounds` times.
pub fn run(sizes: &[usize], rounds: usize, dir: &Path) -> Value {
    let mut handoffs = 0;
    world::fresh(dir);
    let mut edge = Edge::new(dir);
    let mut generation = 0;
    let mut next = |interfaces| {
        generation += 1;
        world::config(interfaces, generation)
    };
    let mut found = Vec::new();
    for size in sizes {
        // BIRD has no more links to look at than a router of this size has.
        let needed = handoffs.max(*size + 1);
        world::operators_links(handoffs..needed, false);
        handoffs = needed;
        let began = Instant::now();
        edge.grow(&next(*size));
        eprintln!("{size} interfaces after {:.1} s", began.elapsed().as_secs_f64());
        let mut measured = Vec::new();
        let mut bytes = Value::Null;
        for round in 1..=rounds {
            let one_more = next(*size + 1);
            bytes = feed::sizes(&edge.base, &one_more);
            measured.push(edge.step(&one_more));
            edge.step(&next(*size));
            eprintln!("{size}: {round} of {rounds}, {:.1} s", began.elapsed().as_secs_f64());
        }
        let memory = proc::memory(&edge.dir);
        found.push(
            json!({ "interfaces": size, "rounds": measured, "bytes": bytes, "memory": memory }),
        );
    }
    json!(found)
}

impl Edge {
    fn new(dir: &Path) -> Self {
        let times = Times::default();
        let marks = Marks::default();
        let kernel = Netlink::open(marks).unwrap();
        let daemon = Processes::new(BirdSettings::default(), dir);
        let kernel = Timed { inner: kernel, times: times.clone() };
        let daemon = Timed { inner: daemon, times: times.clone() };
        let base = world::config(0, 0);
        let agent = Agent::new(kernel, daemon, marks, Some(Arc::clone(base.config())));
        Self { agent, state: StateDir::open(dir).unwrap(), times, base, dir: dir.to_owned() }
    }

    /// Makes the edge so, in as many rounds as it takes: BIRD may need longer for hundreds of sessions than a round waits.
    fn grow(&mut self, next: &ConfigText) {
        self.agent.take(Arc::clone(next.config()));
        let rounds = (0..ROUNDS_TO_GROW).map(|_| self.agent.converge());
        let last = rounds.take_while(|round| round.unfinished).count();
        let trouble = &self.agent.last().daemon_error;
        assert!(last < ROUNDS_TO_GROW, "not done after {last} rounds: {trouble:?}");
        self.base = next.clone();
    }

    /// What the agent does with an answer, as `follow` and `Shell` do it.
    fn step(&mut self, next: &ConfigText) -> Value {
        let body = feed::packed_answer(&self.base, next);
        // The question that this answers was asked with it.
        let _ = self.base.digest();
        let times = self.times.clone();
        times.take();
        let used = proc::processor_times(&self.dir);
        let began = Instant::now();
        let base = &self.base;
        let (text, stored) = times.of("answer", || {
            let known = Some((base.digest(), &base.text()[..]));
            let text = packed::answer(body, Some(packed::ENCODING), Some(base.digest()), known);
            let config = read_answer(text.unwrap(), Some(base)).unwrap().config.unwrap();
            let stored = StoredConfig {
                config: Arc::clone(config.config()),
                text: config.text().clone(),
                migrated: false,
            };
            (config, stored)
        });
        self.agent.judge(&stored.config).unwrap();
        times.of("save", || self.state.save(&stored)).unwrap();
        self.agent.take(stored.config);
        let round = times.of("round", || self.agent.round(Look::News));
        let total = began.elapsed();
        let round_failed: Vec<String> = round.failed.into_iter().map(|(_, why)| why).collect();
        assert!(round.configured && !round.unfinished, "{round_failed:?}");
        let status = times.of("report", || self.agent.report(1)).expect("there is a report");
        assert!(status.interfaces.iter().all(|one| one.programmed));
        self.base = text;
        let spent: serde_json::Map<String, Value> = times
            .take()
            .into_iter()
            .map(|(what, spent)| (what.to_owned(), json!(ms(spent))))
            .collect();
        let again = self.must_be_so();
        let used = proc::most_used(&used, &proc::processor_times(&self.dir));
        json!({ "total": ms(total), "parts": spent, "bird": ms(used), "again": again })
    }

    /// What the agent does next, when the kernel tells it of the changes: it looks at everything. It must find what it took
    /// for so, and nothing to do; but that a busy BIRD, which had not heard of the new VRF when it read of its session, gave that
    /// session up and is told of it once more. Whether it was.
    fn must_be_so(&mut self) -> bool {
        let before = picture(&self.agent.last().kernel);
        let mut again = false;
        for late in 0..LATE_NEWS {
            let round = self.agent.round(Look::News);
            if late == 0 && round.configured {
                again = true;
                continue;
            }
            assert_eq!(round, Round::default(), "a second round has nothing to do");
            std::thread::sleep(Duration::from_millis(50));
        }
        let after = picture(&self.agent.last().kernel);
        assert!(before == after, "the picture of what was changed is not the kernel's");
        again
    }
}

/// What is there, but for the counters: a digest of each part, since whole copies would leave the allocator with more to clear up
/// than the agent ever does.
fn picture(kernel: &Kernel) -> Vec<u64> {
    let digest = |part: &dyn Debug| {
        let mut hasher = DefaultHasher::new();
        format!("{part:?}").hash(&mut hasher);
        hasher.finish()
    };
    let Kernel { links, routes, rules, forwards_ipv6, checks_ipv6_sources } = kernel;
    let links = links.iter().map(|(name, link)| {
        let counters = (Traffic::default(), Drops::default());
        let link = Link { traffic: counters.0, drops: counters.1, ..link.clone() };
        digest(&(name, link))
    });
    let routes = routes.iter().map(|route| digest(route));
    let flags = (rules, forwards_ipv6, checks_ipv6_sources);
    links.chain(routes).chain([digest(&flags)]).collect()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
