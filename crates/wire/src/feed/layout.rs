//! Reading a configuration of which most was read before.
//!
//! A text that is written as [`super::ConfigText::render`] writes it is read element by element, and where each lies is kept. An
//! element that stands in the next text byte for byte is taken over from there: no more than a comparison of memory. Any
//! other text is no error: it is read as a whole ([`serde_json::from_slice`]), which also finds the words for what is wrong.

use std::sync::Arc;

use linkway_domain::edge::{EdgeConfig, InterfaceConfig, PortConfig, RoutingDomainConfig};
use linkway_domain::id::EdgeId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const ROUTING_DOMAINS: &str = r#","routingDomains":["#;
const INTERFACES: &str = r#","interfaces":["#;

/// Where the elements of a configuration's lists lie in its text.
#[derive(Debug)]
pub(super) struct Layout {
    routing_domains: Spans,
    interfaces: Spans,
}

/// Where the elements of a list lie: one after the other with a comma between.
#[derive(Debug)]
struct Spans {
    start: usize,
    ends: Vec<usize>,
}

/// A configuration that was read before.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) config: &'a EdgeConfig,
    pub(super) text: &'a [u8],
    pub(super) layout: &'a Layout,
}

/// What comes before the lists.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Head {
    edge_id: EdgeId,
    epoch: u64,
    generation: u64,
    ports: Vec<PortConfig>,
}

/// The configuration and where its elements lie; `None`: the text is not written so, or not right.
pub(super) fn read(text: &[u8], known: Option<Known<'_>>) -> Option<(EdgeConfig, Layout)> {
    // A quote within a string has a backslash before it, so this is in none.
    let end = find(text, ROUTING_DOMAINS)?;
    let head: Head = serde_json::from_slice(&[&text[..end], b"}"].concat()).ok()?;
    let old = known.map(|known| Old {
        items: &known.config.routing_domains,
        text: known.text,
        spans: &known.layout.routing_domains,
    });
    let (routing_domains, spans) =
        list(text, end + ROUTING_DOMAINS.len(), old, |domain: &RoutingDomainConfig| {
            domain.routing_domain_id.as_str()
        })?;
    let at = after(text, spans.after(), INTERFACES)?;
    let old = known.map(|known| Old {
        items: &known.config.interfaces,
        text: known.text,
        spans: &known.layout.interfaces,
    });
    let (interfaces, layout) =
        list(text, at, old, |interface: &InterfaceConfig| interface.virtual_interface_id.as_str())?;
    (&text[layout.after()..] == b"}").then_some(())?;
    let Head { edge_id, epoch, generation, ports } = head;
    let config = EdgeConfig { edge_id, epoch, generation, ports, routing_domains, interfaces };
    Some((config, Layout { routing_domains: spans, interfaces: layout }))
}

/// Where a word begins that is near the beginning.
pub(super) fn find(text: &[u8], word: &str) -> Option<usize> {
    text.windows(word.len()).position(|there| there == word.as_bytes())
}

/// Where a text goes on after this word.
fn after(text: &[u8], at: usize, word: &str) -> Option<usize> {
    text.get(at..)?.starts_with(word.as_bytes()).then_some(at + word.len())
}

impl Spans {
    /// Behind the bracket that ends the list.
    fn after(&self) -> usize {
        self.ends.last().map_or(self.start, |end| *end) + 1
    }
}

/// A list that was read before.
struct Old<'a, T> {
    items: &'a [Arc<T>],
    text: &'a [u8],
    spans: &'a Spans,
}

impl<'a, T> Old<'a, T> {
    fn get(&self, nth: usize) -> Option<(&'a Arc<T>, &'a [u8])> {
        let spans = self.spans;
        let start = nth.checked_sub(1).map_or(spans.start, |before| spans.ends[before] + 1);
        let end = *spans.ends.get(nth)?;
        Some((self.items.get(nth)?, &self.text[start..end]))
    }
}

/// The list whose first element begins at `at`. Both are in the order of ids; where they are not, more is read than needed.
fn list<T: DeserializeOwned + PartialEq>(
    text: &[u8],
    at: usize,
    old: Option<Old<'_, T>>,
    id: impl Fn(&T) -> &str,
) -> Option<(Vec<Arc<T>>, Spans)> {
    let room = old.as_ref().map_or(0, |old| old.items.len() + 1);
    let mut items = Vec::with_capacity(room);
    let mut spans = Spans { start: at, ends: Vec::with_capacity(room) };
    if *text.get(at)? == b']' {
        return Some((items, spans));
    }
    let known = |nth: usize| old.as_ref().and_then(|old| old.get(nth));
    let (mut at, mut nth) = (at, 0);
    loop {
        let same = known(nth).filter(|(_, old)| {
            let behind = text.get(at + old.len());
            matches!(behind, Some(b',' | b']')) && text[at..].starts_with(old)
        });
        let (item, end) = match same {
            Some((item, old)) => {
                nth += 1;
                (Arc::clone(item), at + old.len())
            }
            None => {
                let (item, length) = element::<T>(&text[at..])?;
                while known(nth).is_some_and(|(old, _)| id(old) < id(&item)) {
                    nth += 1;
                }
                let place = known(nth).filter(|(old, _)| id(old) == id(&item));
                nth += usize::from(place.is_some());
                let unchanged = place.map(|(old, _)| old).filter(|old| ***old == item);
                (unchanged.map_or_else(|| Arc::new(item), Arc::clone), at + length)
            }
        };
        items.push(item);
        spans.ends.push(end);
        match text.get(end)? {
            b',' => at = end + 1,
            b']' => return Some((items, spans)),
            _ => return None,
        }
    }
}

/// The value at the beginning of a text, and how long it is.
fn element<T: DeserializeOwned>(text: &[u8]) -> Option<(T, usize)> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<T>();
    let value = values.next()?.ok()?;
    Some((value, values.byte_offset()))
}
