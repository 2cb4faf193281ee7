//! Filters in the kernel's answer, out of bytes (linux/pkt_cls.h). Pure.

use super::reply::{Parsed, array, attributes, text, u32_at};
use crate::fence::{COOKIE, Cookie, Direction, Drops, FenceDigest, Trace, counter_of, digest};

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FilterRecord {
    pub(super) trace: Trace,
    pub(super) handle: u32,
    /// The classifier.
    pub(super) kind: String,
    /// Filters of another chain than 0 are asked only if one of chain 0 leads there.
    pub(super) chain: u32,
    /// Packets that its action dropped.
    pub(super) drops: u64,
}

impl FilterRecord {
    pub(super) fn is_ours(&self) -> bool {
        self.trace.cookie.starts_with(&COOKIE)
    }
}

/// What is told of a link's filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Filters {
    pub(super) fence: Option<FenceDigest>,
    pub(super) drops: Drops,
}

impl Filters {
    pub(super) fn of(filters: &[FilterRecord]) -> Self {
        let fence = filters
            .iter()
            .any(FilterRecord::is_ours)
            .then(|| digest(filters.iter().map(|filter| filter.trace)));
        let mut drops = Drops::default();
        for filter in filters {
            if let Some(counter) = counter_of(&filter.trace.cookie) {
                drops.add(counter, filter.drops);
            }
        }
        Self { fence, drops }
    }
}

const TCA_KIND: u16 = 1;

/// `tcm_ifindex` and `tcm_parent` of a filter or a queueing discipline.
pub(super) fn place(body: &[u8]) -> Parsed<(u32, u32)> {
    Ok((u32_at(body, 4)?, u32_at(body, 12)?))
}

/// Whether a queueing discipline is in the place of those that take filters on the way in, `clsact` and `ingress`.
pub(super) const fn takes_filters(parent: u32) -> bool {
    const TC_H_CLSACT: u32 = 0xffff_fff1;
    parent == TC_H_CLSACT
}

/// A filter; `None` for the head of a priority, which comes before its filters.
pub(super) fn filter(body: &[u8], direction: Direction) -> Parsed<Option<FilterRecord>> {
    const HEADER: usize = 20;
    const TCA_OPTIONS: u16 = 2;
    const TCA_CHAIN: u16 = 11;
    let handle = u32_at(body, 8)?;
    if handle == 0 {
        return Ok(None);
    }
    let [high, low, _, _] = u32_at(body, 16)?.to_be_bytes();
    let priority = u16::from_be_bytes([high, low]);
    // In network order in the lower half of a number.
    let protocol = u16::from_be((u32_at(body, 16)? & 0xffff) as u16);
    let (mut kind, mut chain, mut act) = (String::new(), 0, Act::default());
    for attribute in attributes(body.get(HEADER..).unwrap_or_default()) {
        match attribute? {
            (TCA_KIND, value) => kind = text(value),
            (TCA_OPTIONS, value) => act = options(&kind, value)?,
            (TCA_CHAIN, value) => chain = u32_at(value, 0)?,
            _ => (),
        }
    }
    let trace = Trace { direction, priority, protocol, cookie: act.cookie };
    Ok(Some(FilterRecord { trace, handle, kind, chain, drops: act.drops }))
}

/// What is needed of a filter's action.
#[derive(Default)]
struct Act {
    cookie: Cookie,
    drops: u64,
}

/// The actions among a classifier's options; of several none is ours.
fn options(kind: &str, value: &[u8]) -> Parsed<Act> {
    const TCA_FLOWER_ACT: u16 = 3;
    const TCA_MATCHALL_ACT: u16 = 2;
    const TCA_FW_ACT: u16 = 4;
    let wanted = match kind {
        "flower" => TCA_FLOWER_ACT,
        "matchall" => TCA_MATCHALL_ACT,
        "fw" => TCA_FW_ACT,
        _ => return Ok(Act::default()),
    };
    let mut found = Act::default();
    for option in attributes(value) {
        let (kind, actions) = option?;
        if kind == wanted {
            for (number, act) in attributes(actions).enumerate() {
                found = if number == 0 { action(act?.1)? } else { Act::default() };
            }
        }
    }
    Ok(found)
}

fn action(value: &[u8]) -> Parsed<Act> {
    const TCA_ACT_STATS: u16 = 4;
    const TCA_ACT_COOKIE: u16 = 6;
    let mut act = Act::default();
    for attribute in attributes(value) {
        match attribute? {
            (TCA_ACT_COOKIE, cookie) => act.cookie = cookie.try_into().unwrap_or_default(),
            (TCA_ACT_STATS, counters) => act.drops = drops(counters)?,
            _ => (),
        }
    }
    Ok(act)
}

/// `struct gnet_stats_queue`: length, backlog, drops, requeues, overlimits.
fn drops(counters: &[u8]) -> Parsed<u64> {
    const TCA_STATS_QUEUE: u16 = 3;
    for counter in attributes(counters) {
        if let (TCA_STATS_QUEUE, value) = counter? {
            return array(value, 8).map(u32::from_ne_bytes).map(u64::from);
        }
    }
    Ok(0)
}
