//! A routing rule in the kernel's answer, out of bytes (linux/fib_rules.h). Pure.

use linkway_domain::net::AddressFamily;

use super::reply::{Parsed, array, attributes, u8_at, u32_at};
use crate::kernel::{Rule, RuleAction, Selector};

/// A rule, and what the kernel said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RuleRecord {
    pub(super) rule: Rule,
    pub(super) body: Vec<u8>,
}

impl RuleRecord {
    fn attributes(&self) -> Vec<Parsed<(u16, &[u8])>> {
        attributes(self.body.get(HEADER..).unwrap_or_default()).collect()
    }
}

/// `FRA_…`.
mod fra {
    pub(super) const GOTO: u16 = 4;
    pub(super) const PRIORITY: u16 = 6;
    pub(super) const FWMARK: u16 = 10;
    pub(super) const SUPPRESS_IFGROUP: u16 = 13;
    pub(super) const SUPPRESS_PREFIXLEN: u16 = 14;
    pub(super) const TABLE: u16 = 15;
    pub(super) const FWMASK: u16 = 16;
    pub(super) const PAD: u16 = 18;
    pub(super) const L3MDEV: u16 = 19;
    pub(super) const PROTOCOL: u16 = 21;
}

const HEADER: usize = 12;
/// A suppressor that suppresses nothing.
const NONE: u32 = u32::MAX;

/// A rule; `None` for one of another family than IPv4 and IPv6.
pub(super) fn rule(body: &[u8]) -> Parsed<Option<RuleRecord>> {
    const AF_INET: u8 = 2;
    const AF_INET6: u8 = 10;
    const FIB_RULE_INVERT: u32 = 2;
    const FR_ACT_TO_TBL: u8 = 1;
    const FR_ACT_UNREACHABLE: u8 = 7;
    let [family, to, from, tos, table, _, _, action] = array(body, 0)?;
    let family = match family {
        AF_INET => AddressFamily::Ipv4,
        AF_INET6 => AddressFamily::Ipv6,
        _ => return Ok(None),
    };
    let mut table = u32::from(table);
    let (mut preference, mut protocol, mut l3mdev) = (0, 0, false);
    let (mut mark, mut mask) = (0, 0);
    let mut selects = (to, from, tos) != (0, 0, 0) || u32_at(body, 8)? & FIB_RULE_INVERT != 0;
    let mut suppresses = false;
    for attribute in attributes(body.get(HEADER..).unwrap_or_default()) {
        let (kind, value) = attribute?;
        match kind {
            fra::PRIORITY => preference = u32_at(value, 0)?,
            fra::TABLE => table = u32_at(value, 0)?,
            fra::PROTOCOL => protocol = u8_at(value, 0)?,
            fra::L3MDEV => l3mdev = u8_at(value, 0)? != 0,
            fra::FWMARK => mark = u32_at(value, 0)?,
            fra::FWMASK => mask = u32_at(value, 0)?,
            fra::SUPPRESS_IFGROUP | fra::SUPPRESS_PREFIXLEN => {
                suppresses |= u32_at(value, 0)? != NONE;
            }
            // What another action needs.
            fra::GOTO | fra::PAD => (),
            // Interfaces, ports, users, and whatever a later kernel knows.
            _ => selects = true,
        }
    }
    let selector = match (selects, mark, mask) {
        (false, 0, 0) => Selector::All,
        (false, mark, mask) if mark == mask => Selector::Mark(mark),
        _ => Selector::Other,
    };
    let action = match (action, l3mdev) {
        _ if suppresses => RuleAction::Other,
        (FR_ACT_TO_TBL, true) => RuleAction::L3mdev,
        (FR_ACT_TO_TBL, false) => RuleAction::Lookup(table),
        (FR_ACT_UNREACHABLE, _) => RuleAction::Blackhole,
        _ => RuleAction::Other,
    };
    let rule = Rule { family, preference, selector, action, protocol };
    Ok(Some(RuleRecord { rule, body: body.to_vec() }))
}

/// Whether the kernel, asked to remove `wanted`, would take `other` for it: what a request leaves out fits everything
/// (`rule_find`).
pub(super) fn fits(wanted: &RuleRecord, other: &RuleRecord) -> bool {
    let (wanted_has, other_has) = (wanted.attributes(), other.attributes());
    let header = |rule: &RuleRecord| -> [u8; 8] { array(&rule.body, 0).unwrap_or_default() };
    let same = header(wanted).into_iter().zip(header(other)).all(|(is, was)| is == 0 || is == was);
    same && wanted_has.iter().all(|attribute| other_has.contains(attribute))
}
