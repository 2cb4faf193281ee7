//! Who else changes the routes of the BGP daemon.
//!
//! The kernel says of each change which netlink port asked for it. The daemon's own are most of them, and are sorted out in
//! the kernel, by a filter on the socket that knows the daemon's ports: customers' routes may come and go as they like. What
//! remains is an administrator's or another program's. What the kernel does by itself (port 0: a link or an address goes) the
//! daemon is told of too, and looks after its routes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use socket2::SockFilter;

use super::error::KernelError;
use super::news::RT_TABLE_COMPAT;
use super::reply::{self, Body, Parsed, rtm};
use super::socket::{Silence, Socket, own_ports};
use crate::kernel::{DAEMON_PROTOCOL, Meddling};
use crate::mark::Marks;

/// rtnetlink(7) multicast groups (`RTNLGRP_…`): both families' routes.
const GROUPS: &[u32] = &[7, 11];
/// A route took the place of another one.
const NLM_F_REPLACE: u16 = 0x100;
/// How many datagrams are taken in at once; the rest waits for the next look.
const AT_ONCE: usize = 20_000;
/// How many of the daemon's ports the filter knows. Each process has three.
const MOST_PORTS: usize = 128;

/// A socket that hears of changes of the daemon's routes by others.
pub(super) struct DaemonRoutes {
    socket: Socket,
    /// The daemon's processes, and the ports of their sockets.
    processes: Vec<u32>,
    ports: BTreeSet<u32>,
}

impl DaemonRoutes {
    pub(super) fn open(marks: &Marks) -> Result<Self, KernelError> {
        let socket = Socket::hearing(GROUPS, &filter(&BTreeSet::new(), marks))?;
        Ok(Self { socket, processes: Vec::new(), ports: BTreeSet::new() })
    }

    /// What others than these processes have done since the last call.
    pub(super) fn heard(&mut self, processes: &[u32], marks: &Marks) -> Meddling {
        let other_processes = self.processes != processes;
        if other_processes {
            self.processes = processes.to_vec();
            self.learn(marks);
        }
        let mut heard = Heard::default();
        let mut lost = other_processes;
        for _ in 0..AT_ONCE {
            match self.socket.receive(true) {
                Ok(datagram) => lost |= heard.hear(datagram, marks).is_err(),
                Err(Silence::Lost) => lost = true,
                Err(Silence::Quiet) => break,
                Err(Silence::Failed(error)) => {
                    tracing::warn!(%error, "the kernel's news of the BGP daemon's routes cannot be read");
                    lost = true;
                    break;
                }
            }
        }
        if heard.has_others(&self.ports) {
            // The daemon opens its sockets when it needs them.
            self.learn(marks);
        }
        // Of processes that nothing is known of, a change may be the daemon's.
        let is_known = !self.ports.is_empty() && !other_processes;
        let tables = if is_known { heard.by_others(&self.ports) } else { BTreeSet::new() };
        Meddling { tables, lost }
    }

    fn learn(&mut self, marks: &Marks) {
        let ports = ports_of(&self.processes);
        if ports == self.ports {
            return;
        }
        if let Err(error) = self.socket.filter(&filter(&ports, marks)) {
            tracing::warn!(%error, "the kernel does not filter its news; each route of the BGP daemon's is looked at");
        }
        self.ports = ports;
    }
}

/// Our tables in which something was changed, by the port that asked for it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard(BTreeMap<u32, BTreeSet<u32>>);

impl Heard {
    fn hear(&mut self, datagram: &[u8], marks: &Marks) -> Parsed<()> {
        for frame in reply::frames(datagram)? {
            let Body::Route(body) = frame.body else { continue };
            let replaces = frame.message_type == rtm::NEWROUTE && frame.flags & NLM_F_REPLACE != 0;
            let table = reply::table_of(body)?;
            let is_daemons = reply::protocol_of(body)? == DAEMON_PROTOCOL;
            if frame.port != 0 && marks.owns_table(table) && (is_daemons || replaces) {
                self.0.entry(frame.port).or_default().insert(table);
            }
        }
        Ok(())
    }

    fn has_others(&self, ports: &BTreeSet<u32>) -> bool {
        let own = own_ports();
        self.0.keys().any(|port| !ports.contains(port) && !own.contains(port))
    }

    fn by_others(self, ports: &BTreeSet<u32>) -> BTreeSet<u32> {
        let own = own_ports();
        let others =
            self.0.into_iter().filter(|(port, _)| !ports.contains(port) && !own.contains(port));
        others.flat_map(|(_, tables)| tables).collect()
    }
}

/// The ports of the processes' sockets.
fn ports_of(processes: &[u32]) -> BTreeSet<u32> {
    let text = fs::read_to_string("/proc/self/net/netlink").unwrap_or_default();
    let sockets = sockets(&text);
    let inodes = processes.iter().flat_map(|process| {
        let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| inode(fs::read_link(file.path()).ok()?.to_str()?))
    });
    inodes.filter_map(|inode| sockets.get(&inode).copied()).take(MOST_PORTS).collect()
}

/// The ports of all sockets of NETLINK_ROUTE by their inodes, out of proc(5)'s `net/netlink`: sk, Eth, Pid, Groups, Rmem, Wmem,
/// Dump, Locks, Drops, Inode.
fn sockets(text: &str) -> BTreeMap<u64, u32> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (protocol, port, inode) = (words.get(1)?, words.get(2)?, words.get(9)?);
        let port = port.parse().ok().filter(|port| *port != 0)?;
        (*protocol == "0").then_some((inode.parse().ok()?, port))
    };
    text.lines().filter_map(line).collect()
}

/// The inode of a socket, out of what `/proc/PID/fd/N` links to.
fn inode(link: &str) -> Option<u64> {
    link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The program for the kernel.
fn filter(ports: &BTreeSet<u32>, marks: &Marks) -> Vec<SockFilter> {
    let one = |one: Instruction| SockFilter::new(one.code, one.yes, one.no, one.value);
    program(ports, marks).into_iter().map(one).collect()
}

/// An instruction of the classic Berkeley packet filter.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    code: u16,
    yes: u8,
    no: u8,
    value: u32,
}

/// What a header tells of it, as a program for the kernel (SO_ATTACH_FILTER): a route of BIRD's goes or comes, or a route
/// took the place of another one, in a table whose number a header has no room for; not asked for by these ports.
fn program(ports: &BTreeSet<u32>, marks: &Marks) -> Vec<Instruction> {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const JUMP_EQUAL: u16 = 0x15;
    const JUMP_BITS: u16 = 0x45;
    const RETURN: u16 = 0x06;
    const TYPE: u32 = 4;
    const FLAGS: u32 = 6;
    const PORT: u32 = 12;
    const TABLE: u32 = 16 + 4;
    const PROTOCOL: u32 = 16 + 5;
    let load = |code, value| Instruction { code, yes: 0, no: 0, value };
    let jump = |code, value, yes, no| Instruction { code, yes, no, value };
    // The kernel's numbers are in the machine's order, and a program's in the network's.
    let half = |number: u16| u32::from(number.to_be());
    let known = u8::try_from(ports.len()).expect("there are 128 at most");
    // From the instruction behind the one at this place to the last one, which drops.
    let drop = |at: u8| 10 + known - at;
    let other_table = if marks.first_table > u32::from(u8::MAX) { drop(8) } else { 0 };
    let mut program = vec![
        load(LOAD_HALF, TYPE),
        jump(JUMP_EQUAL, half(rtm::DELROUTE), 3, 0),
        jump(JUMP_EQUAL, half(rtm::NEWROUTE), 0, drop(2)),
        load(LOAD_HALF, FLAGS),
        jump(JUMP_BITS, half(NLM_F_REPLACE), 2, 0),
        load(LOAD_BYTE, PROTOCOL),
        jump(JUMP_EQUAL, u32::from(DAEMON_PROTOCOL), 0, drop(6)),
        load(LOAD_BYTE, TABLE),
        jump(JUMP_EQUAL, u32::from(RT_TABLE_COMPAT), 0, other_table),
        load(LOAD_WORD, PORT),
    ];
    let each = ports.iter().zip(10_u8..);
    program.extend(each.map(|(port, at)| jump(JUMP_EQUAL, port.to_be(), drop(at), 0)));
    program.extend([load(RETURN, u32::MAX), load(RETURN, 0)]);
    program
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_the_routing_protocol_are_found_by_their_inodes() {
        let text = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n\
                    000000009d9a11f4 0   24522      00000551 0        0        0     2        0        1066695\n\
                    0000000053ac8e8e 0   4226537791 00000000 0        0        0     2        0        1066694\n\
                    0000000079c12293 0   0          00000000 0        0        0     2        0        1078096\n\
                    0000000014ba59e2 16  2301277467 00000000 0        0        0     2        0        1066693\n";
        let expected = [(1_066_694, 4_226_537_791), (1_066_695, 24_522)];
        assert_eq!(sockets(text), expected.into());
        assert_eq!(inode("socket:[1066695]"), Some(1_066_695));
        for other in ["/dev/null", "socket:[]", "pipe:[7]", "anon_inode:[eventpoll]"] {
            assert_eq!(inode(other), None, "{other}");
        }
    }

    /// A machine for the few instructions that there are.
    fn runs(program: &[Instruction], message: &[u8]) -> bool {
        let (mut at, mut held) = (0, 0_u32);
        loop {
            let Instruction { code, yes, no, value } = program[at];
            let from = |length: usize| {
                let bytes = &message[value as usize..value as usize + length];
                bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte))
            };
            let jump = |holds| usize::from(if holds { yes } else { no });
            at += 1;
            match code {
                0x20 => held = from(4),
                0x28 => held = from(2),
                0x30 => held = from(1),
                0x15 => at += jump(held == value),
                0x45 => at += jump(held & value != 0),
                0x06 => return value != 0,
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn the_program_lets_through_what_others_do_to_routes_of_the_daemon() {
        let marks = Marks::default();
        let message = |kind: u16, flags: u16, port: u32, table: u8, protocol: u8| {
            let mut bytes = 28_u32.to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(flags.to_ne_bytes());
            bytes.extend(1_u32.to_ne_bytes());
            bytes.extend(port.to_ne_bytes());
            bytes.extend([2, 16, 0, 0, table, protocol, 0, 1, 0, 0, 0, 0]);
            bytes
        };
        for ports in [vec![], vec![24_522], (1..=128).map(|n| (n << 24) | (24_394 + n)).collect()] {
            let ports = BTreeSet::from_iter(ports);
            let program = program(&ports, &marks);
            let check = |kind, flags, port, table, protocol, expected| {
                let let_through = runs(&program, &message(kind, flags, port, table, protocol));
                assert_eq!(let_through, expected, "{kind} {flags} {port} {table} {protocol}");
            };
            check(rtm::DELROUTE, 0, 77, 252, 12, true);
            check(rtm::NEWROUTE, 0, 77, 252, 12, true);
            check(rtm::NEWROUTE, 0x600, 77, 252, 4, false);
            check(rtm::NEWROUTE, 0x100, 77, 252, 4, true);
            check(rtm::DELROUTE, 0, 77, 252, 4, false);
            check(rtm::DELROUTE, 0, 77, 254, 12, false);
            check(16, 0x100, 77, 252, 12, false);
            for port in &ports {
                check(rtm::DELROUTE, 0, *port, 252, 12, false);
                check(rtm::NEWROUTE, 0x100, *port, 252, 12, false);
            }
        }
    }
}
