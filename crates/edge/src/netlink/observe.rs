//! Dumps.

use std::collections::BTreeSet;

use super::Netlink;
use super::error::KernelError;
use super::record::{AddressRecord, KindRecord, LinkRecord, RouteRecord};
use super::reply::{self, Body, Garbled, Outcome, RouteSeen};
use super::reply_link;
use super::request::{self, Family, Request, Routes};
use super::socket::{Silence, Socket};

/// How often a dump is begun anew because something changed while it was made.
const ATTEMPTS: u32 = 10;
/// How many routes that are none of ours are worth asking the kernel for one table after the other.
const MANY: usize = 20_000;
/// One look in so many is at all routes nevertheless.
const WHOLE: u32 = 30;

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
    pub(super) fn routes(&mut self, links: &[LinkRecord]) -> Result<Vec<RouteRecord>, KernelError> {
        self.routes.looks += 1;
        let whole = self.routes.foreign <= MANY || self.routes.looks >= WHOLE;
        if whole || !self.socket.strict {
            return self.all_routes();
        }
        let marks = self.marks;
        let ours = Routes::OfProtocol(marks.route_protocol);
        let mut routes = self.routes_of(ours)?.0;
        let vrfs = links.iter().filter_map(|link| match link.kind {
            KindRecord::Vrf { table } => Some(table),
            KindRecord::Vlan { .. } | KindRecord::Other => None,
        });
        let mut tables: BTreeSet<u32> = vrfs.filter(|table| marks.owns_table(*table)).collect();
        tables.extend(&self.routes.tables);
        tables.extend(routes.iter().map(|route| route.table).filter(|t| marks.owns_table(*t)));
        routes.retain(|route| !marks.owns_table(route.table));
        for table in tables {
            routes.extend(self.routes_of(Routes::OfTable(table))?.0);
        }
        Ok(routes)
    }

    fn all_routes(&mut self) -> Result<Vec<RouteRecord>, KernelError> {
        let (routes, foreign) = self.routes_of(Routes::All)?;
        let marks = self.marks;
        let tables = routes.iter().map(|route| route.table).filter(|t| marks.owns_table(*t));
        self.routes = RouteHabits { foreign, looks: 0, tables: tables.collect() };
        Ok(routes)
    }

    /// Routes of both families, and how many of them are not ours.
    pub(super) fn routes_of(
        &mut self,
        which: Routes,
    ) -> Result<(Vec<RouteRecord>, usize), KernelError> {
        const RTPROT_KERNEL: u8 = 2;
        let marks = self.marks;
        let wanted = |table, protocol| {
            protocol != RTPROT_KERNEL
                && (protocol == marks.route_protocol || marks.owns_table(table))
        };
        let mut routes = Vec::new();
        let mut foreign = 0;
        for family in Family::BOTH {
            let mut others = 0;
            let seen = self.dump_as_it_is(
                "the routes",
                || request::dump_routes(family, which),
                |body| {
                    let Body::Route(body) = body else { return Ok(None) };
                    Ok(match reply::route(body, wanted)? {
                        RouteSeen::Wanted(route) => Some(route),
                        RouteSeen::Foreign => {
                            others += 1;
                            None
                        }
                        RouteSeen::Nothing => None,
                    })
                },
            )?;
            routes.extend(seen);
            foreign += others;
        }
        Ok((routes, foreign))
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
