//! What the kernel tells of, and what of it matters.
//!
//! Links, addresses, settings, rules and filters all matter. Of routes those in our tables and those of our protocol do, save
//! BIRD's: its churn would wake the agent without end. Who else changes those is heard elsewhere ([`super::meddling`]). The kernel's own matter when
//! they go. What this process asked for with a request is no news, except of links, where the kernel does not say who asked
//! (before Linux 6.2).

use std::collections::BTreeSet;

use socket2::SockFilter;

use super::reply::{self, Body, Parsed, rtm};
use super::reply_filter;
use crate::kernel::{Change, DAEMON_PROTOCOL};
use crate::mark::Marks;

/// rtnetlink(7) multicast groups (`RTNLGRP_…`): links, filters, both families' addresses, routes, rules and settings.
pub(super) const GROUPS: &[u32] = &[1, 4, 5, 9, 7, 11, 8, 19, 24, 25];

const RTPROT_KERNEL: u8 = 2;
/// What stands in a header for a table whose number it has no room for.
pub(super) const RT_TABLE_COMPAT: u8 = 252;

/// What has to be looked at again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// News were lost.
    pub(super) everything: bool,
    /// Links by index, with their addresses.
    pub(super) links: BTreeSet<u32>,
    /// Links by name.
    pub(super) names: BTreeSet<String>,
    /// Routing tables.
    pub(super) tables: BTreeSet<u32>,
    /// The rules.
    pub(super) rules: bool,
    /// The filters of links, by index.
    pub(super) filters: BTreeSet<u32>,
    /// Whether IPv6 sources are checked.
    pub(super) ipv6_sources: bool,
}

impl Heard {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in a datagram; `own` are the ports of this process's requests.
    pub(super) fn hear(&mut self, datagram: &[u8], marks: &Marks, own: &[u32]) {
        if self.try_hear(datagram, marks, own).is_err() {
            self.everything = true;
        }
    }

    fn try_hear(&mut self, datagram: &[u8], marks: &Marks, own: &[u32]) -> Parsed<()> {
        for frame in reply::frames(datagram)? {
            let ours = frame.port != 0 && own.contains(&frame.port);
            match frame.body {
                Body::Link(body) => {
                    self.links.insert(reply::link_of_link(body)?);
                }
                _ if ours => (),
                Body::Address(body) => {
                    self.links.insert(reply::link_of_address(body)?);
                }
                Body::Netconf(body) => self.links.extend(reply::link_of_netconf(body)?),
                Body::Rule(_) => self.rules = true,
                Body::Filter(body) => {
                    self.filters.insert(reply_filter::place(body)?.0);
                }
                Body::Qdisc(body) => {
                    let (link, parent) = reply_filter::place(body)?;
                    self.filters.extend(reply_filter::takes_filters(parent).then_some(link));
                }
                Body::Route(body) => {
                    let removed = frame.message_type == rtm::DELROUTE;
                    self.tables.extend(matters(body, removed, marks)?);
                }
                Body::Outcome(_) | Body::End(_) | Body::Something => (),
            }
        }
        Ok(())
    }

    /// Notes what a change of our own is about.
    pub(super) fn note(&mut self, change: &Change) {
        match change {
            Change::AddRule(_) | Change::DeleteRule(_) => self.rules = true,
            Change::CheckIpv6Sources(_) => self.ipv6_sources = true,
            Change::AddVrf { .. }
            | Change::AddVlan { .. }
            | Change::DeleteLink { .. }
            | Change::SetAlias { .. }
            | Change::SetMtu { .. }
            | Change::SetMaster { .. }
            | Change::SetConf { .. }
            | Change::SetUp { .. }
            | Change::AddAddress { .. }
            | Change::DeleteAddress { .. }
            | Change::RestoreRoutes { .. }
            | Change::SetFence { .. }
            | Change::AddRoute(_)
            | Change::DeleteRoute(_) => (),
        }
        self.names.extend(super::describe::names(change).into_iter().map(str::to_owned));
        if let Change::AddRoute(route) | Change::DeleteRoute(route) = change {
            self.tables.insert(route.table);
        }
    }
}

/// The table of a route that matters.
fn matters(body: &[u8], removed: bool, marks: &Marks) -> Parsed<Option<u32>> {
    let by = reply::protocol_of(body)?;
    if by == DAEMON_PROTOCOL || (by == RTPROT_KERNEL && !removed) {
        return Ok(None);
    }
    let table = reply::table_of(body)?;
    let ours = by == marks.route_protocol || marks.owns_table(table);
    Ok(ours.then_some(table))
}

/// The same as far as a header tells it, as a program for the kernel (SO_ATTACH_FILTER), so that a hundred thousand routes
/// of BIRD's or of the main table wake nobody.
pub(super) fn program(marks: &Marks) -> Vec<SockFilter> {
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const TYPE: u32 = 4;
    const TABLE: u32 = 16 + 4;
    const PROTOCOL: u32 = 16 + 5;
    let load = |code, at| SockFilter::new(code, 0, 0, at);
    let equal = |value: u32, yes, no| SockFilter::new(JUMP_EQUAL, yes, no, value);
    // The kernel's numbers are in the machine's order, and a program's in the network's.
    let message_type = |number: u16| u32::from(number.to_be());
    // Where all our tables have numbers that a header has no room for, another number is not one of ours.
    let other_table = if marks.first_table > u32::from(u8::MAX) { 1 } else { 0 };
    vec![
        load(LOAD_HALF, TYPE),
        equal(message_type(rtm::DELROUTE), 3, 0),
        equal(message_type(rtm::NEWROUTE), 0, 7),
        load(LOAD_BYTE, PROTOCOL),
        equal(u32::from(RTPROT_KERNEL), 6, 1),
        load(LOAD_BYTE, PROTOCOL),
        equal(u32::from(DAEMON_PROTOCOL), 4, 0),
        equal(u32::from(marks.route_protocol), 2, 0),
        load(LOAD_BYTE, TABLE),
        equal(u32::from(RT_TABLE_COMPAT), 0, other_table),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
