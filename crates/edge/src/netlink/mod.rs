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
mod monitor;
mod observe;
mod record;
#[cfg(test)]
mod recorded;
mod reply;
mod reply_link;
mod request;
mod socket;
mod sysctl;
mod touched;

pub use error::KernelError;
pub use monitor::Monitor;

use self::record::Index;
use self::reply::Body;
use self::socket::{NEWS_WITH_ROUTES, Silence, Socket};
use crate::kernel::{Change, Driver, Kernel};
use crate::mark::Marks;

/// The kernel of the network namespace that it was opened in.
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    marks: Marks,
    /// As of the last look, kept up with what was changed since.
    index: Index,
    routes: observe::RouteHabits,
    /// What has changed since the last look.
    news: Socket,
    /// Whether a look has found everything and nothing is known to have changed since.
    current: bool,
    forwards_ipv6: bool,
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
            news: Socket::listening(NEWS_WITH_ROUTES)?,
            current: false,
            forwards_ipv6: false,
        })
    }

    /// What there is. Links and addresses are all read. Routes are read whole as well (a route of a table and a protocol that
    /// are not ours costs a glance at its header) until the kernel turns out to hold many that are none of ours, a whole
    /// Internet in the main table for example; from then on the kernel is asked for our protocol's routes and for one of our
    /// tables after the other, and for everything only now and then, which finds what others left in a table of ours that
    /// no VRF uses any more.
    ///
    /// # Errors
    /// When the kernel refuses, or its links or addresses change too fast to be read.
    pub fn observe(&mut self) -> Result<Kernel, KernelError> {
        // What comes while the kernel is read makes the next look a whole one too.
        self.is_unchanged();
        self.current = false;
        let links = self.links()?;
        let addresses = self.addresses(None)?;
        let routes = self.routes(&links)?;
        self.forwards_ipv6 = sysctl::forwards_ipv6();
        let (kernel, index) = record::picture(links, addresses, routes, self.forwards_ipv6);
        self.index = index;
        self.current = true;
        Ok(kernel)
    }

    /// Whether links, addresses and routes are as the last look has found them: the kernel tells of every change, save
    /// that of a setting, and that of routes which go with a link or an address of which it tells. What the daemon does
    /// with its own routes does not count.
    pub fn is_unchanged(&mut self) -> bool {
        let ours = self.marks.route_protocol;
        let matters = |datagram: &[u8]| match reply::frames(datagram) {
            Ok(frames) => frames.iter().any(|frame| match frame.body {
                Body::Route(body) => reply::protocol_of(body).is_ok_and(|by| by == ours),
                _ => true,
            }),
            Err(_) => true,
        };
        loop {
            match self.news.receive(true) {
                Ok(datagram) => self.current &= !matters(datagram),
                Err(Silence::Quiet) => break,
                Err(Silence::Lost) => self.current = false,
                Err(Silence::Failed(error)) => {
                    tracing::warn!(%error, "the kernel's news cannot be read");
                    self.current = false;
                    break;
                }
            }
        }
        self.current && self.forwards_ipv6 == sysctl::forwards_ipv6()
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

    fn observe_touched(
        &mut self,
        kernel: &mut Kernel,
        changes: &[&Change],
    ) -> Result<bool, String> {
        self.observe_touched(kernel, changes).map_err(|error| error.to_string())
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
