//! What comes in by a link, of ARP, neighbor discovery, pings' answers and BGP (packet(7)). A filter in the kernel passes on nothing
//! else: the link may be busy.

use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockFilter, Socket, Type};

/// What a frame is read into: the longest that matters is an OPEN with many capabilities.
const ROOM: usize = 2048;
/// How long is waited for a frame at a time.
const PACE: Duration = Duration::from_millis(50);

/// Frames of a link.
#[derive(Debug)]
pub struct Capture {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Capture {
    /// Of the link with this index. `port` is that of BGP.
    ///
    /// # Errors
    /// Without CAP_NET_RAW.
    pub fn open(link: u32, port: u16) -> io::Result<Self> {
        const ETH_P_ALL: u16 = 0x0003;
        let protocol = Protocol::from(i32::from(ETH_P_ALL.to_be()));
        let socket = Socket::new(Domain::PACKET, Type::RAW.nonblocking(), Some(protocol))?;
        socket.attach_filter(&program(link, port.into()))?;
        let mut capture = Self { socket, buffer: vec![0; ROOM] };
        // What came before the filter is of any link. Without a limit a flood would keep it here.
        for _ in 0..10_000 {
            if capture.socket.read(&mut capture.buffer).is_err() {
                break;
            }
        }
        Ok(capture)
    }

    /// The next frame until then; `None`: there was none.
    ///
    /// # Errors
    /// When the socket fails.
    pub fn next(&mut self, until: Instant) -> io::Result<Option<&[u8]>> {
        loop {
            match self.socket.read(&mut self.buffer) {
                Ok(length) => return Ok(Some(&self.buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if Instant::now() >= until {
                        return Ok(None);
                    }
                    std::thread::sleep(PACE);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The program: incoming frames of the link that are ARP, ICMP or ICMPv6, or TCP from or to the port.
fn program(link: u32, port: u32) -> Vec<SockFilter> {
    // linux/filter.h and linux/bpf_common.h.
    const ANCILLARY: u32 = 0xffff_f000;
    const PROTOCOL: u32 = ANCILLARY;
    const PACKET_TYPE: u32 = ANCILLARY + 4;
    const LINK: u32 = ANCILLARY + 8;
    const OUTGOING: u32 = 4;
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HEADER_LENGTH: u16 = 0xb1;
    const LOAD_HALF_BEHIND: u16 = 0x48;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let load = |code, at| SockFilter::new(code, 0, 0, at);
    let equal = |value, yes, no| SockFilter::new(JUMP_EQUAL, yes, no, value);
    vec![
        load(LOAD_WORD, LINK),
        equal(link, 0, 22),
        load(LOAD_WORD, PACKET_TYPE),
        equal(OUTGOING, 20, 0),
        load(LOAD_WORD, PROTOCOL),
        equal(0x0806, 17, 0),
        equal(0x0800, 0, 8),
        // IPv4; the protocol is at 9.
        load(LOAD_BYTE, 14 + 9),
        equal(1, 14, 0),
        equal(6, 0, 14),
        load(LOAD_HEADER_LENGTH, 14),
        load(LOAD_HALF_BEHIND, 14),
        equal(port, 10, 0),
        load(LOAD_HALF_BEHIND, 16),
        equal(port, 8, 9),
        equal(0x86dd, 0, 8),
        // IPv6; the next header is at 6.
        load(LOAD_BYTE, 14 + 6),
        equal(58, 5, 0),
        equal(6, 0, 5),
        load(LOAD_HALF, 14 + 40),
        equal(port, 2, 0),
        load(LOAD_HALF, 14 + 42),
        // The ports of IPv6 are judged here; the rest jumps to one of the two ends.
        equal(port, 0, 1),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}
