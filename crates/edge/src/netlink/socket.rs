//! A netlink socket: the only file that names the crate which opens them.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket as NetlinkSocket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use socket2::{SockFilter, SockRef};

use super::error::KernelError;
use super::news;
use crate::mark::Marks;

/// How long an answer may take. The kernel answers before `send` returns; this only keeps a lost answer from hanging us.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the kernel is asked to keep for us: room for the answers to one batch, or for a burst of news.
const KEPT: i32 = 4 << 20;
/// The kernel fills at most 32 KiB at once unless one message is larger (`netlink_dump`).
const ROOM: usize = 64 << 10;

/// The ports of this process's sockets for requests: what the kernel says of a change names the port that asked for it.
static OWN_PORTS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// The ports of this process's sockets for requests.
pub(super) fn own_ports() -> Vec<u32> {
    OWN_PORTS.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A socket that talks to the kernel's routing side.
pub(super) struct Socket {
    inner: NetlinkSocket,
    port: u32,
    buffer: Vec<u8>,
    /// Whether the kernel heeds what a dump asks for (Linux 4.20).
    pub(super) strict: bool,
}

/// Why nothing was received.
pub(super) enum Silence {
    /// Nothing came in time.
    Quiet,
    /// Something came and was lost, for want of the kernel's memory or of our buffer's room, which has been made larger.
    Lost,
    /// The socket failed.
    Failed(KernelError),
}

impl Socket {
    /// A socket for requests.
    pub(super) fn open() -> Result<Self, KernelError> {
        let mut socket = Self::bare()?;
        // What these turn on makes errors better and dumps cheaper; kernels too old for them do without.
        let _ = socket.inner.set_ext_ack(true);
        let _ = socket.inner.set_cap_ack(true);
        socket.strict = socket.inner.set_netlink_get_strict_chk(true).is_ok();
        set_socket_timeout(&socket.inner, Timeout::Recv, Some(PATIENCE))
            .map_err(|why| failed("limiting the wait on a netlink socket", why.into()))?;
        OWN_PORTS.lock().unwrap_or_else(PoisonError::into_inner).push(socket.port);
        Ok(socket)
    }

    /// A socket that hears of changes.
    pub(super) fn listening(marks: &Marks) -> Result<Self, KernelError> {
        Self::hearing(news::GROUPS, &news::program(marks))
    }

    /// A socket that hears of what these multicast groups are told, as far as a program lets it through.
    pub(super) fn hearing(groups: &[u32], program: &[SockFilter]) -> Result<Self, KernelError> {
        let socket = Self::bare()?;
        if let Err(error) = socket.filter(program) {
            tracing::warn!(%error, "the kernel does not filter its news; each route of BIRD's is looked at");
        }
        for group in groups {
            let joined = socket.inner.add_membership(*group);
            joined.map_err(|why| failed("listening to the kernel's changes", why))?;
        }
        Ok(socket)
    }

    /// Has another program decide what is let through.
    pub(super) fn filter(&self, program: &[SockFilter]) -> io::Result<()> {
        SockRef::from(&self.inner).attach_filter(program)
    }

    fn bare() -> Result<Self, KernelError> {
        let mut inner = NetlinkSocket::new(NETLINK_ROUTE)
            .map_err(|why| failed("opening a netlink socket", why))?;
        // The kernel gives what net.core.rmem_max allows.
        let _ = inner.set_rx_buf_sz(KEPT);
        let bound = inner.bind_auto();
        let address = bound.map_err(|why| failed("binding a netlink socket", why))?;
        let port = address.port_number();
        Ok(Self { inner, port, buffer: Vec::with_capacity(ROOM), strict: false })
    }

    /// Sends messages to the kernel, which deals with all of them before this returns.
    pub(super) fn send(&self, messages: &[u8]) -> Result<(), KernelError> {
        loop {
            match self.inner.send_to(messages, &SocketAddr::new(0, 0), 0) {
                Ok(_) => return Ok(()),
                Err(why) if why.kind() == io::ErrorKind::Interrupted => (),
                Err(why) => return Err(failed("sending to the kernel", why)),
            }
        }
    }

    /// The next datagram of the kernel; waits for it unless `now`.
    pub(super) fn receive(&mut self, now: bool) -> Result<&[u8], Silence> {
        let flags = rustix::net::RecvFlags::TRUNC
            | if now { rustix::net::RecvFlags::DONTWAIT } else { rustix::net::RecvFlags::empty() };
        let flags = i32::try_from(flags.bits()).expect("the flags of recv(2) are an int");
        loop {
            self.buffer.clear();
            match self.inner.recv_from(&mut self.buffer, flags) {
                // With MSG_TRUNC the length is the datagram's, not what fitted.
                Ok((length, _)) if length > self.buffer.len() => {
                    self.buffer = Vec::with_capacity(length.next_power_of_two());
                    return Err(Silence::Lost);
                }
                Ok((_, sender)) if sender.port_number() == 0 => return Ok(&self.buffer),
                // Another program's.
                Ok(_) => (),
                Err(why) => match Errno::of(&why) {
                    Errno::Again => return Err(Silence::Quiet),
                    Errno::Interrupted => (),
                    Errno::NoBuffers => return Err(Silence::Lost),
                    Errno::Other => {
                        return Err(Silence::Failed(failed("receiving from the kernel", why)));
                    }
                },
            }
        }
    }

    /// Waits until there is something to receive; whether there is.
    pub(super) fn ready(&self, within: Duration) -> Result<bool, KernelError> {
        let within = Timespec::try_from(within).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 });
        let mut sockets = [PollFd::new(&self.inner, PollFlags::IN)];
        match poll(&mut sockets, Some(&within)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(why) => Err(failed("waiting for the kernel's changes", why.into())),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let mut ports = OWN_PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        ports.retain(|port| *port != self.port);
    }
}

enum Errno {
    Again,
    Interrupted,
    NoBuffers,
    Other,
}

impl Errno {
    fn of(error: &io::Error) -> Self {
        match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
            Some(rustix::io::Errno::AGAIN) => Self::Again,
            Some(rustix::io::Errno::INTR) => Self::Interrupted,
            Some(rustix::io::Errno::NOBUFS) => Self::NoBuffers,
            _ => Self::Other,
        }
    }
}

fn failed(doing: &'static str, why: io::Error) -> KernelError {
    KernelError::Socket { doing, why }
}
