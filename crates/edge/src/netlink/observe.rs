//! Dumps.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;

use super::Netlink;
use super::error::KernelError;
use super::news::Heard;
use super::picture::RoutesFound;
use super::record::{AddressRecord, KindRecord, LinkRecord};
use super::reply::{self, Body, Garbled, Outcome, RouteSeen};
use super::reply_filter::{self, FilterRecord, Filters};
use super::reply_link;
use super::reply_rule::{self, RuleRecord};
use super::request::{self, Family, Request};
use super::request_filter;
use super::request_route::{self, Routes};
use super::request_rule;
use super::socket::{Silence, Socket};
use crate::fence::Direction;

/// How often a dump is begun anew because something changed while it was made.
const ATTEMPTS: u32 = 10;
/// How many routes that are none of ours are worth asking the kernel for one table after the other.
const MANY: usize = 20_000;
/// One look in so many is at all routes nevertheless.
const WHOLE: u32 = 30;

/// The filters of so many links are read at each look although nothing was told of them: it keeps the counters young, and
/// the kernel tells of every change.
const SLICE: usize = 256;

/// What is known of this kernel's routes, to ask for few of them.
#[derive(Default)]
pub(super) struct RouteHabits {
    /// Routes of others when all were last read.
    foreign: usize,
    /// Looks since then.
    looks: u32,
    /// The tables of ours that had routes then.
    tables: BTreeSet<u32>,
}

/// How a dump went.
enum Dumped<T> {
    Whole(Vec<T>),
    /// Something changed in the meantime.
    Interrupted(Vec<T>),
    /// A part was lost, and what remains would be taken for an answer to the next request.
    Broken,
    Refused(Outcome),
}

impl Netlink {
    pub(super) fn links(&mut self) -> Result<Vec<LinkRecord>, KernelError> {
        self.dump_settled("the links", request::dump_links, |body| match body {
            Body::Link(body) => reply_link::link(body),
            _ => Ok(None),
        })
    }

    /// The addresses of all links, or of one.
    pub(super) fn addresses(
        &mut self,
        link: Option<u32>,
    ) -> Result<Vec<AddressRecord>, KernelError> {
        let dump = || request::dump_addresses(link);
        self.dump_settled("the addresses", dump, |body| match body {
            Body::Address(body) => reply::address(body),
            _ => Ok(None),
        })
    }

    /// The routes of ours, see [`Netlink::observe`].
    pub(super) fn routes(&mut self, links: &[LinkRecord]) -> Result<RoutesFound, KernelError> {
        self.routes.looks += 1;
        let whole = self.routes.foreign <= MANY || self.routes.looks >= WHOLE;
        if whole || !self.socket.strict {
            return self.all_routes();
        }
        let marks = self.marks;
        let mut found = self.routes_of(Routes::OfProtocol(marks.route_protocol))?;
        let vrfs = links.iter().filter_map(|link| match link.kind {
            KindRecord::Vrf { table } => Some(table),
            KindRecord::Vlan { .. } | KindRecord::Other => None,
        });
        let mut tables: BTreeSet<u32> = vrfs.filter(|table| marks.owns_table(*table)).collect();
        tables.extend(&self.routes.tables);
        let ours = found.routes.iter().map(|route| route.table);
        tables.extend(ours.filter(|table| marks.owns_table(*table)));
        found.routes.retain(|route| !marks.owns_table(route.table));
        for table in tables {
            let of_table = self.routes_of(Routes::OfTable(table))?;
            found.routes.extend(of_table.routes);
            found.kernels.extend(of_table.kernels);
        }
        Ok(found)
    }

    fn all_routes(&mut self) -> Result<RoutesFound, KernelError> {
        let found = self.routes_of(Routes::All)?;
        let marks = self.marks;
        let tables = found.routes.iter().map(|route| route.table).filter(|t| marks.owns_table(*t));
        self.routes = RouteHabits { foreign: found.foreign, looks: 0, tables: tables.collect() };
        Ok(found)
    }

    /// Routes of both families.
    pub(super) fn routes_of(&mut self, which: Routes) -> Result<RoutesFound, KernelError> {
        let marks = self.marks;
        let wanted = |table, protocol| protocol == marks.route_protocol || marks.owns_table(table);
        let mut found = RoutesFound::default();
        for family in Family::BOTH {
            let (mut others, mut kernels) = (0, Vec::new());
            let seen = self.dump_as_it_is(
                "the routes",
                || request_route::dump_routes(family, which),
                |body| {
                    let Body::Route(body) = body else { return Ok(None) };
                    match reply::route(body, wanted)? {
                        RouteSeen::Wanted(route) => return Ok(Some(route)),
                        RouteSeen::Kernels(route) => kernels.push(route),
                        RouteSeen::Foreign => others += 1,
                        RouteSeen::Nothing => (),
                    }
                    Ok(None)
                },
            )?;
            found.routes.extend(seen);
            found.kernels.extend(kernels);
            found.foreign += others;
        }
        Ok(found)
    }

    /// The rules of both families, each in the kernel's order.
    pub(super) fn rules(&mut self) -> Result<Vec<RuleRecord>, KernelError> {
        let mut rules = Vec::new();
        for family in Family::BOTH {
            let dump = || request_rule::dump_rules(family);
            rules.extend(self.dump_as_it_is("the rules", dump, |body| match body {
                Body::Rule(body) => reply_rule::rule(body),
                _ => Ok(None),
            })?);
        }
        Ok(rules)
    }

    /// The filters of a link, both ways.
    pub(super) fn filters_of(&mut self, link: u32) -> Result<Vec<FilterRecord>, KernelError> {
        let mut filters = Vec::new();
        for direction in [Direction::Ingress, Direction::Egress] {
            let dump = || request_filter::dump_filters(link, direction);
            filters.extend(self.dump_as_it_is("the filters", dump, |body| match body {
                Body::Filter(body) => reply_filter::filter(body, direction),
                _ => Ok(None),
            })?);
        }
        Ok(filters)
    }

    /// What the filters of all links are: all of them are read at the first look and after lost news, otherwise those that
    /// something was told of and a part of the others.
    pub(super) fn all_filters(
        &mut self,
        links: &[LinkRecord],
        heard: &Heard,
    ) -> Result<HashMap<u32, Filters>, KernelError> {
        let there: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
        let mut known = std::mem::take(&mut self.index.filters);
        known.retain(|link, _| there.contains(link));
        let due: Vec<u32> = if heard.everything {
            known.clear();
            self.links_with_filters()?
        } else {
            let order: BTreeSet<u32> = known.keys().copied().collect();
            let behind = order.range((Bound::Excluded(self.filters_read), Bound::Unbounded));
            let slice: Vec<u32> =
                behind.chain(&order).take(SLICE.min(order.len())).copied().collect();
            self.filters_read = slice.last().copied().unwrap_or_default();
            heard.filters.iter().copied().chain(slice).collect()
        };
        for link in due.into_iter().filter(|link| there.contains(link)) {
            let filters = self.filters_of(link)?;
            note_filters(&mut known, link, &filters);
        }
        Ok(known)
    }

    fn links_with_filters(&mut self) -> Result<Vec<u32>, KernelError> {
        let dump = request_filter::dump_qdiscs;
        self.dump_as_it_is("the queueing disciplines", dump, |body| match body {
            Body::Qdisc(body) => {
                let (link, parent) = reply_filter::place(body)?;
                Ok(reply_filter::takes_filters(parent).then_some(link))
            }
            _ => Ok(None),
        })
    }

    /// A dump, repeated until nothing changed while it was read.
    fn dump_settled<T>(
        &mut self,
        what: &'static str,
        request: impl Fn() -> Request,
        mut parse: impl FnMut(&Body<'_>) -> Result<Option<T>, Garbled>,
    ) -> Result<Vec<T>, KernelError> {
        for _ in 0..ATTEMPTS {
            match self.dump(what, request(), &mut parse)? {
                Dumped::Whole(items) => return Ok(items),
                Dumped::Interrupted(_) => (),
                Dumped::Broken => self.socket = Socket::open()?,
                Dumped::Refused(outcome) => return Err(refused(what, outcome)),
            }
        }
        Err(KernelError::Unsettled { what, times: ATTEMPTS })
    }

    /// A dump of routes, which on a busy router may never hold still. One that was missed is added once more, one that is
    /// gone is removed once more, and neither does harm.
    fn dump_as_it_is<T>(
        &mut self,
        what: &'static str,
        request: impl Fn() -> Request,
        mut parse: impl FnMut(&Body<'_>) -> Result<Option<T>, Garbled>,
    ) -> Result<Vec<T>, KernelError> {
        const ENOENT: i32 = 2;
        for _ in 0..ATTEMPTS {
            match self.dump(what, request(), &mut parse)? {
                Dumped::Whole(items) | Dumped::Interrupted(items) => return Ok(items),
                Dumped::Broken => self.socket = Socket::open()?,
                // A table that nothing is in.
                Dumped::Refused(Outcome { errno: ENOENT, .. }) => return Ok(Vec::new()),
                Dumped::Refused(outcome) => return Err(refused(what, outcome)),
            }
        }
        Err(KernelError::Unsettled { what, times: ATTEMPTS })
    }

    fn dump<T>(
        &mut self,
        what: &'static str,
        request: Request,
        parse: impl FnMut(&Body<'_>) -> Result<Option<T>, Garbled>,
    ) -> Result<Dumped<T>, KernelError> {
        let result = self.read_dump(what, request, parse);
        if result.is_err() {
            // The rest of the dump is still to come, and the kernel makes one at a time for each socket.
            self.socket = Socket::open()?;
        }
        result
    }

    fn read_dump<T>(
        &mut self,
        what: &'static str,
        request: Request,
        mut parse: impl FnMut(&Body<'_>) -> Result<Option<T>, Garbled>,
    ) -> Result<Dumped<T>, KernelError> {
        let sequence = self.next_sequence();
        self.socket.send(&request.numbered(sequence))?;
        let mut items = Vec::new();
        let mut interrupted = false;
        let garbled = |Garbled(why)| KernelError::Garbled { doing: format!("reading {what}"), why };
        loop {
            let datagram = match self.socket.receive(false) {
                Ok(datagram) => datagram,
                Err(Silence::Quiet | Silence::Lost) => return Ok(Dumped::Broken),
                Err(Silence::Failed(error)) => return Err(error),
            };
            for frame in reply::frames(datagram).map_err(garbled)? {
                if frame.sequence != sequence {
                    continue;
                }
                interrupted |= frame.interrupted;
                match frame.body {
                    Body::End(outcome) | Body::Outcome(outcome) if outcome.errno != 0 => {
                        return Ok(Dumped::Refused(outcome));
                    }
                    Body::End(_) if interrupted => return Ok(Dumped::Interrupted(items)),
                    Body::End(_) => return Ok(Dumped::Whole(items)),
                    body => items.extend(parse(&body).map_err(garbled)?),
                }
            }
        }
    }
}

fn refused(what: &str, outcome: Outcome) -> KernelError {
    KernelError::Refused {
        doing: format!("reading {what}"),
        why: std::io::Error::from_raw_os_error(outcome.errno),
        detail: outcome.text,
    }
}

pub(super) fn note_filters(known: &mut HashMap<u32, Filters>, link: u32, found: &[FilterRecord]) {
    match found {
        [] => known.remove(&link),
        found => known.insert(link, Filters::of(found)),
    };
}
