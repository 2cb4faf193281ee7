//! Changes become requests, many of them sent at once; answers come back by sequence number.
//!
//! The kernel works a batch off in order before `send` returns. A request that makes a link is followed, in the same batch, by
//! a question for that link: its answer has the index that addresses and routes need, and tells whether a link that was
//! there already is the one that was wanted. So a batch ends only where a change needs the index of a link that the batch
//! itself makes, or at a setting that is a file.

use std::io;

use ipnet::IpNet;

use super::error::KernelError;
use super::exchange::Answer;
use super::record::{KindRecord, LinkRecord};
use super::reply::Outcome;
use super::request::{self, NewVlan, Request};
use super::request_route::{self, RouteParts, WayParts};
use super::sysctl::{self, LinkLocal};
use super::{Netlink, describe, is_link_name};
use crate::kernel::{Change, LinkConf, Route, Way};

mod fence;
mod rules;

/// Requests in a batch: their answers must fit into what the kernel keeps for us (208 KiB where nothing else is allowed).
const BATCH: usize = 64;

mod errno {
    pub(super) const ENOENT: i32 = 2;
    pub(super) const ESRCH: i32 = 3;
    pub(super) const EEXIST: i32 = 17;
    pub(super) const ENODEV: i32 = 19;
    pub(super) const EINVAL: i32 = 22;
    pub(super) const EAFNOSUPPORT: i32 = 97;
    pub(super) const EADDRNOTAVAIL: i32 = 99;
}

pub(super) fn apply(netlink: &mut Netlink, changes: &[Change]) -> Vec<Result<(), KernelError>> {
    changes.iter().for_each(|change| netlink.heard.note(change));
    let results = changes.iter().map(|_| Ok(())).collect();
    let mut run = Run { netlink, changes, results, queue: Vec::new(), bytes: Vec::new() };
    for at in 0..changes.len() {
        if let Err(error) = run.start(at) {
            run.fail(at, error);
        }
    }
    run.flush();
    run.results
}

struct Run<'a> {
    netlink: &'a mut Netlink,
    changes: &'a [Change],
    results: Vec<Result<(), KernelError>>,
    /// What is to be sent, in order.
    queue: Vec<Queued>,
    bytes: Vec<u8>,
}

struct Queued {
    /// Which change it is for.
    at: usize,
    sequence: u32,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Does what the change says, or a part of it.
    Act,
    /// Makes a link; [`Role::Ask`] comes next.
    Make,
    /// Asks what link there is now.
    Ask,
    /// Turns link-local addresses off, which a link without IPv6 does not have.
    NoLinkLocal,
}

impl Run<'_> {
    /// Queues what a change takes.
    fn start(&mut self, at: usize) -> Result<(), KernelError> {
        let changes = self.changes;
        let change = &changes[at];
        if let Some(name) = describe::names(change).into_iter().find(|name| !is_link_name(name)) {
            return Err(KernelError::Name { doing: self.doing(at), name: name.to_owned() });
        }
        match change {
            Change::AddVrf { link, table, group } => {
                self.make(at, link, request::add_vrf(link, *table, *group));
            }
            Change::AddVlan { link, parent, vlan, master, mtu, group } => {
                let (parent, master) = (self.need(at, parent)?, self.need(at, master)?);
                let (vlan, mtu, group) = (*vlan, *mtu, *group);
                let new = NewVlan { link, parent, vlan, master, mtu, group };
                self.make(at, link, request::add_vlan(&new));
            }
            Change::DeleteLink { link } => self.delete_link(at, link)?,
            Change::SetAlias { link, alias } => self.act(at, request::set_alias(link, alias)),
            Change::SetMtu { link, mtu } => self.act(at, request::set_mtu(link, *mtu)),
            Change::SetMaster { link, master } => {
                let master = master.as_ref().map(|master| self.need(at, master)).transpose()?;
                self.act(at, request::set_master(link, master));
            }
            Change::SetConf { link, conf } => self.set_conf(at, link, *conf)?,
            Change::SetUp { link } => self.act(at, request::set_up(link)),
            Change::AddAddress { link, address } => {
                let link = self.need(at, link)?;
                self.act(at, request::add_address(link, *address));
            }
            Change::DeleteAddress { link, address } => self.delete_address(at, link, *address)?,
            Change::RestoreRoutes { link, address } => self.restore_routes(at, link, *address)?,
            Change::SetFence { link, fence } => self.set_fence(at, link, fence.as_deref())?,
            Change::AddRule(rule) => self.add_rule(at, rule)?,
            Change::DeleteRule(rule) => self.delete_rule(at, rule)?,
            Change::CheckIpv6Sources(check) => {
                self.flush();
                let doing = self.doing(at);
                let set = self.netlink.ip6tables.set(*check);
                set.map_err(|why| KernelError::Program { doing, why })?;
            }
            Change::AddRoute(route) => self.add_route(at, route)?,
            Change::DeleteRoute(route) => self.delete_route(at, route)?,
        }
        Ok(())
    }

    fn delete_link(&mut self, at: usize, link: &str) -> Result<(), KernelError> {
        let Some(index) = self.find(at, link)? else { return Ok(()) };
        let known = &mut self.netlink.index;
        let ours = self.netlink.marks.link_group;
        let not_ours =
            |record: &&LinkRecord| record.group != ours || record.kind == KindRecord::Other;
        if let Some(record) = known.links.get(link).filter(not_ours) {
            let found = describe::link(record, known);
            return Err(KernelError::NotOurs { link: link.to_owned(), found, ours });
        }
        known.links.remove(link);
        self.act(at, request::delete_link(index));
        Ok(())
    }

    /// The files come after all that was asked before: one of them must be set before the link is put into a VRF, and
    /// another exists only once the link does.
    fn set_conf(&mut self, at: usize, link: &str, conf: LinkConf) -> Result<(), KernelError> {
        self.act(at, request::set_conf_v4(link, conf));
        if !conf.link_local {
            self.push(at, request::set_no_link_local(link), Role::NoLinkLocal);
        }
        self.flush();
        if self.results[at].is_err() {
            return Ok(());
        }
        let up = self.netlink.index.links.get(link).is_some_and(|known| known.up);
        let known = self.netlink.index.links.conf_mut(link);
        let has_link_local = known.as_ref().is_some_and(|known| known.link_local);
        let link_local = match (has_link_local, conf.link_local) {
            (false, true) => LinkLocal::TurnOn,
            (true, false) if up => LinkLocal::Remove,
            (true, false) | (false, false) | (true, true) => LinkLocal::Stays,
        };
        match sysctl::set(link, conf, link_local) {
            Ok(()) => {
                if let Some(known) = known {
                    *known = conf;
                }
                Ok(())
            }
            Err((setting, why)) => {
                let detail = format!("in the file of {setting}");
                Err(KernelError::Refused { doing: self.doing(at), why, detail })
            }
        }
    }

    fn delete_address(&mut self, at: usize, link: &str, address: IpNet) -> Result<(), KernelError> {
        let Some(number) = self.find(at, link)? else { return Ok(()) };
        let peer = self.netlink.index.peer(number, address);
        self.act(at, request::delete_address(number, address, peer));
        Ok(())
    }

    fn restore_routes(&mut self, at: usize, link: &str, address: IpNet) -> Result<(), KernelError> {
        let number = self.need(at, link)?;
        let address = match address {
            IpNet::V4(address) => address,
            IpNet::V6(_) => {
                let peer = self.netlink.index.peer(number, address);
                self.make_room(2);
                self.act(at, request::delete_address(number, address, peer));
                self.act(at, request::add_address(number, address));
                return Ok(());
            }
        };
        let index = &self.netlink.index;
        let table = index.links.get(link).and_then(|record| index.table_of(record));
        let Some(table) = table else {
            return Err(KernelError::NoVrf { doing: self.doing(at), link: link.to_owned() });
        };
        let peer = index.peer(number, IpNet::V4(address));
        for request in request_route::restore_routes(number, table, address, peer) {
            self.act(at, request);
        }
        Ok(())
    }

    fn add_route(&mut self, at: usize, route: &Route) -> Result<(), KernelError> {
        let way = match &route.way {
            Way::Via { next_hop, link } => {
                WayParts::Via { next_hop: *next_hop, link: self.need(at, link)? }
            }
            Way::Dev { link } => WayParts::Dev { link: self.need(at, link)? },
            Way::Unreachable => WayParts::Unreachable,
            Way::Other => WayParts::Other(&[]),
        };
        let request = request_route::add_route(&parts(route, way))
            .ok_or_else(|| KernelError::Family { doing: self.doing(at) })?;
        self.act(at, request);
        Ok(())
    }

    fn delete_route(&mut self, at: usize, route: &Route) -> Result<(), KernelError> {
        let odd = self.netlink.index.odd_routes.get(route).cloned().unwrap_or_default();
        let way = match &route.way {
            Way::Via { next_hop, link } => match self.find(at, link)? {
                Some(link) => WayParts::Via { next_hop: *next_hop, link },
                // A route goes with its link.
                None => return Ok(()),
            },
            Way::Dev { link } => match self.find(at, link)? {
                Some(link) => WayParts::Dev { link },
                None => return Ok(()),
            },
            Way::Unreachable => WayParts::Unreachable,
            Way::Other => WayParts::Other(&odd),
        };
        for request in request_route::delete_route(&parts(route, way)) {
            self.act(at, request);
        }
        Ok(())
    }

    fn act(&mut self, at: usize, request: Request) {
        self.push(at, request, Role::Act);
    }

    fn make(&mut self, at: usize, link: &str, request: Request) {
        self.make_room(2);
        self.push(at, request, Role::Make);
        self.push(at, request::get_link(link), Role::Ask);
    }

    /// Has the next so many requests go to the kernel in one system call.
    fn make_room(&mut self, requests: usize) {
        if self.queue.len() + requests > BATCH {
            self.flush();
        }
    }

    fn push(&mut self, at: usize, request: Request, role: Role) {
        self.make_room(1);
        let sequence = self.netlink.next_sequence();
        self.bytes.extend(request.numbered(sequence));
        self.queue.push(Queued { at, sequence, role });
    }

    /// Sends what is queued and deals with the answers.
    fn flush(&mut self) {
        if self.queue.is_empty() {
            return;
        }
        let queue = std::mem::take(&mut self.queue);
        let bytes = std::mem::take(&mut self.bytes);
        let sequences: Vec<u32> = queue.iter().map(|queued| queued.sequence).collect();
        let mut answers = self.netlink.exchange(&bytes, &sequences);
        let mut made = None;
        for Queued { at, sequence, role } in queue {
            let answer = answers.remove(&sequence);
            let result = match role {
                Role::Act | Role::NoLinkLocal => self.settle(at, role, answer),
                Role::Make => {
                    made = answer;
                    Ok(())
                }
                Role::Ask => self.settle_made(at, made.take(), answer),
            };
            if let Err(error) = result {
                self.fail(at, error);
            }
        }
    }

    fn settle(&mut self, at: usize, role: Role, answer: Option<Answer>) -> Result<(), KernelError> {
        let Some(Answer::Outcome(outcome)) = answer else { return Err(self.unanswered(at)) };
        if outcome.errno == 0 || is_so(&self.changes[at], role, outcome.errno) {
            return Ok(());
        }
        if outcome.errno == errno::EEXIST && self.has_address(at)? {
            return Ok(());
        }
        Err(self.refused(at, outcome))
    }

    /// A link was to be made, and this is what there is now.
    fn settle_made(
        &mut self,
        at: usize,
        made: Option<Answer>,
        found: Option<Answer>,
    ) -> Result<(), KernelError> {
        let found = match found {
            Some(Answer::Link(record)) => Some(record),
            Some(Answer::Outcome(_)) | None => None,
        };
        let result = match (made, &found) {
            (Some(Answer::Outcome(Outcome { errno: 0, .. })), _) => Ok(()),
            (_, Some(record)) if self.is_wanted(at, record) => Ok(()),
            (Some(Answer::Outcome(Outcome { errno: errno::EEXIST, .. })), Some(record)) => {
                let found = describe::link(record, &self.netlink.index);
                Err(KernelError::Taken { doing: self.doing(at), found })
            }
            (Some(Answer::Outcome(outcome)), _) => Err(self.refused(at, outcome)),
            (Some(Answer::Link(_)) | None, _) => Err(self.unanswered(at)),
        };
        self.remember(found);
        result
    }

    /// Whether a link is the one that the change makes.
    fn is_wanted(&self, at: usize, record: &LinkRecord) -> bool {
        let index = |name: &str| self.netlink.index.links.get(name).map(|link| link.index);
        match &self.changes[at] {
            Change::AddVrf { link, table, group } => {
                record.name == *link
                    && record.kind == KindRecord::Vrf { table: *table }
                    && record.group == *group
            }
            Change::AddVlan { link, parent, vlan, master, mtu, group } => {
                record.name == *link
                    && record.kind == KindRecord::Vlan { vlan: *vlan }
                    && record.parent.is_some_and(|parent_is| index(parent) == Some(parent_is))
                    && record.master.is_some_and(|master_is| index(master) == Some(master_is))
                    && (record.mtu, record.group) == (*mtu, *group)
            }
            _ => false,
        }
    }

    /// IPv4 refuses only the very same address twice; IPv6 also one with another prefix length.
    fn has_address(&mut self, at: usize) -> Result<bool, KernelError> {
        let Change::AddAddress { link, address } = &self.changes[at] else { return Ok(false) };
        let Some(index) = self.netlink.index.links.get(link).map(|link| link.index) else {
            return Ok(false);
        };
        let there = self.netlink.addresses(Some(index))?;
        Ok(there.iter().any(|known| known.index == index && known.address == *address))
    }

    /// The index of a link that must be there.
    fn need(&mut self, at: usize, link: &str) -> Result<u32, KernelError> {
        let found = self.find(at, link)?;
        found.ok_or_else(|| KernelError::NoLink { doing: self.doing(at), link: link.to_owned() })
    }

    /// The index of a link: as it is known, or as the batch makes it, or by asking.
    fn find(&mut self, at: usize, link: &str) -> Result<Option<u32>, KernelError> {
        if let Some(known) = self.netlink.index.links.get(link) {
            return Ok(Some(known.index));
        }
        self.flush();
        if self.netlink.index.links.get(link).is_none() {
            let sequence = self.netlink.next_sequence();
            let question = request::get_link(link).numbered(sequence);
            match self.netlink.exchange(&question, &[sequence]).remove(&sequence) {
                Some(Answer::Link(record)) => self.remember(Some(record)),
                Some(Answer::Outcome(Outcome { errno: errno::ENODEV, .. })) => (),
                Some(Answer::Outcome(outcome)) => return Err(self.refused(at, outcome)),
                None => return Err(self.unanswered(at)),
            }
        }
        Ok(self.netlink.index.links.get(link).map(|known| known.index))
    }

    /// By its own name: the kernel also finds links by other names of theirs.
    fn remember(&mut self, record: Option<LinkRecord>) {
        if let Some(record) = record {
            self.netlink.index.links.insert(record);
        }
    }

    fn fail(&mut self, at: usize, error: KernelError) {
        if self.results[at].is_ok() {
            self.results[at] = Err(error);
        }
    }

    fn doing(&self, at: usize) -> String {
        describe::change(&self.changes[at], &self.netlink.index)
    }

    fn refused(&self, at: usize, outcome: Outcome) -> KernelError {
        let hint = describe::hint(&self.changes[at], &self.netlink.index);
        let detail = match hint {
            Some(hint) if outcome.text.is_empty() => hint,
            Some(hint) => format!("{}; {hint}", outcome.text),
            None => outcome.text,
        };
        let why = io::Error::from_raw_os_error(outcome.errno);
        KernelError::Refused { doing: self.doing(at), why, detail }
    }

    fn unanswered(&self, at: usize) -> KernelError {
        KernelError::Unanswered { doing: self.doing(at) }
    }
}

/// Whether the kernel's refusal means that the change is made already.
fn is_so(change: &Change, role: Role, errno: i32) -> bool {
    match change {
        Change::DeleteLink { .. } | Change::SetMaster { master: None, .. } => {
            errno == errno::ENODEV
        }
        Change::DeleteAddress { .. } => matches!(errno, errno::EADDRNOTAVAIL | errno::ENODEV),
        Change::DeleteRoute(_) => matches!(errno, errno::ESRCH | errno::ENODEV),
        Change::DeleteRule(_) => errno == errno::ENOENT,
        Change::RestoreRoutes { .. } => matches!(errno, errno::EEXIST | errno::EADDRNOTAVAIL),
        Change::SetConf { .. } => role == Role::NoLinkLocal && errno == errno::EAFNOSUPPORT,
        Change::AddVrf { .. }
        | Change::AddVlan { .. }
        | Change::SetAlias { .. }
        | Change::SetMtu { .. }
        | Change::SetMaster { .. }
        | Change::SetUp { .. }
        | Change::AddAddress { .. }
        | Change::SetFence { .. }
        | Change::AddRule(_)
        | Change::CheckIpv6Sources(_)
        | Change::AddRoute(_) => false,
    }
}

fn parts<'a>(route: &Route, way: WayParts<'a>) -> RouteParts<'a> {
    let Route { table, prefix, metric, protocol, .. } = *route;
    RouteParts { table, prefix, metric, protocol, way }
}
