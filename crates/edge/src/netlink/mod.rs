//! The kernel over rtnetlink(7): dumps become a [`Kernel`], [`Change`]s become requests.
//!
//! Blocking, one socket, no threads; [`Monitor`] is a socket of its own. `request` and `reply` are the only files that know
//! the crates for bytes, `socket` the only one that knows sockets, `record` is the picture by index that the public
//! one is made of. Nothing here decides anything, with one exception: a link that is not ours is never removed, whatever
//! the plan says.

mod apply;
mod describe;
mod error;
mod exchange;
mod ip6tables;
mod meddling;
mod monitor;
mod news;
mod observe;
mod picture;
mod record;
#[cfg(test)]
mod recorded;
mod reply;
mod reply_filter;
mod reply_link;
mod reply_rule;
mod request;
mod request_filter;
mod request_route;
mod request_rule;
mod socket;
mod sysctl;
mod touched;

pub use error::KernelError;
pub use monitor::Monitor;
pub use touched::LinkGlance;

use self::ip6tables::Ip6tables;
use self::meddling::DaemonRoutes;
use self::news::Heard;
use self::picture::Everything;
use self::record::Index;
use self::socket::{Silence, Socket, own_ports};
use crate::kernel::{Change, Driver, Kernel, Meddling};
use crate::mark::Marks;

/// The kernel of the network namespace that it was opened in.
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    marks: Marks,
    /// As of the last look, kept up with what was changed since.
    index: Index,
    routes: observe::RouteHabits,
    /// The last link whose filters were read without need.
    filters_read: u32,
    news: Socket,
    /// What is not as the last look has found it, or may be not.
    heard: Heard,
    forwards_ipv6: bool,
    ip6tables: Ip6tables,
    daemon_routes: DaemonRoutes,
}

impl Netlink {
    /// Opens a socket. The marks say which routes are looked at and which links may be removed.
    ///
    /// # Errors
    /// When the socket cannot be opened.
    pub fn open(marks: Marks) -> Result<Self, KernelError> {
        Ok(Self {
            socket: Socket::open()?,
            sequence: 0,
            marks,
            index: Index::default(),
            routes: observe::RouteHabits::default(),
            filters_read: 0,
            news: Socket::listening(&marks)?,
            heard: Heard { everything: true, ..Heard::default() },
            forwards_ipv6: false,
            ip6tables: Ip6tables::default(),
            daemon_routes: DaemonRoutes::open(&marks)?,
        })
    }

    /// What there is. Links, addresses and rules are all read, and so are routes (a route of a table and a protocol that
    /// are not ours costs a glance at its header) until the kernel turns out to hold many that are none of ours, a whole
    /// Internet in the main table for example; from then on the kernel is asked for our protocol's routes and for one of our
    /// tables after the other, and for everything only now and then, which finds what others left in a table of ours that
    /// no VRF uses any more. Filters are asked for link by link: all at the first look and after lost news, otherwise those
    /// of which the kernel has told and some of the others, in turn.
    ///
    /// # Errors
    /// When the kernel refuses, or its links or addresses change too fast to be read.
    pub fn observe(&mut self) -> Result<Kernel, KernelError> {
        // What comes while the kernel is read is news for the next look.
        self.hear();
        let heard = std::mem::take(&mut self.heard);
        let kernel = self.look_at_all(&heard);
        if kernel.is_err() {
            self.heard.everything = true;
        }
        kernel
    }

    fn look_at_all(&mut self, heard: &Heard) -> Result<Kernel, KernelError> {
        let links = self.links()?;
        let addresses = self.addresses(None)?;
        let routes = self.routes(&links)?;
        let rules = self.rules()?;
        let filters = self.all_filters(&links, heard)?;
        self.forwards_ipv6 = sysctl::forwards_ipv6();
        let checks_ipv6_sources = self.ip6tables.checks();
        let forwards_ipv6 = self.forwards_ipv6;
        let everything = Everything {
            links,
            addresses,
            routes,
            rules,
            filters,
            forwards_ipv6,
            checks_ipv6_sources,
        };
        let (kernel, index) = picture::picture(everything, &self.marks);
        self.index = index;
        Ok(kernel)
    }

    /// Whether everything is as the last look has found it, as far as the kernel tells: it does of links, addresses, rules,
    /// filters, of routes that are not BIRD's, and of a part of the settings. Routes that go with a link or an address of which
    /// it tells go without a word.
    pub fn is_unchanged(&mut self) -> bool {
        self.hear();
        self.heard.is_empty() && self.forwards_ipv6 == sysctl::forwards_ipv6()
    }

    /// Takes in what the kernel has told of.
    fn hear(&mut self) {
        let own = own_ports();
        loop {
            match self.news.receive(true) {
                Ok(datagram) => self.heard.hear(datagram, &self.marks, &own),
                Err(Silence::Quiet) => break,
                Err(Silence::Lost) => self.heard.everything = true,
                Err(Silence::Failed(error)) => {
                    tracing::warn!(%error, "the kernel's news cannot be read");
                    self.heard.everything = true;
                    break;
                }
            }
        }
    }

    /// Makes changes, in order; one result for each. What is already so is no error, and a change that fails does not
    /// stop the others. Requests go to the kernel many at a time.
    pub fn apply(&mut self, changes: &[Change]) -> Vec<Result<(), KernelError>> {
        apply::apply(self, changes)
    }

    fn next_sequence(&mut self) -> u32 {
        // 0 is that of news.
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        self.sequence
    }
}

impl Driver for Netlink {
    fn observe(&mut self) -> Result<Kernel, String> {
        self.observe().map_err(|error| error.to_string())
    }

    fn apply(&mut self, changes: &[Change]) -> Vec<Result<(), String>> {
        let results = self.apply(changes);
        results.into_iter().map(|result| result.map_err(|error| error.to_string())).collect()
    }

    fn is_unchanged(&mut self) -> bool {
        self.is_unchanged()
    }

    fn observe_news(&mut self, kernel: &mut Kernel) -> Result<bool, String> {
        self.observe_news(kernel).map_err(|error| error.to_string())
    }

    fn meddling(&mut self, daemon: &[u32]) -> Meddling {
        self.daemon_routes.heard(daemon, &self.marks)
    }
}

/// Whether a link can have this name (`dev_valid_name`): it goes into the path of a file.
fn is_link_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let fits = (1..=15).contains(&bytes.len());
    let clean = |byte: &u8| !matches!(byte, b'/' | b':' | 0) && !byte.is_ascii_whitespace();
    fits && name != "." && name != ".." && bytes.iter().all(clean)
}

#[cfg(test)]
mod tests {
    use super::is_link_name;

    #[test]
    fn names_that_a_link_can_have() {
        for name in ["eth0", "eth0.100", "dxvif-ffaabbcc", "a", "123456789012345", "…"] {
            assert!(is_link_name(name), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "a:b", "a\0b", "a\nb", "1234567890123456"] {
            assert!(!is_link_name(name), "{name}");
        }
    }
}
