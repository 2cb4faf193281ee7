//! The configuration languages of routers. Each text is complete for a router that has nothing else; its comments name what
//! cannot be known here: the customer's port, and the prefixes that it announces.

mod bird;
mod eos;
mod frr;
mod ios_xe;
mod junos;
mod router_os;

use std::fmt::Write as _;

use super::Parameters;
use crate::net::Mtu;

/// A configuration language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// BIRD 2.
    Bird,
    /// FRRouting, as `vtysh` reads it.
    Frr,
    /// Cisco IOS XE.
    IosXe,
    /// Junos, as `set` commands.
    Junos,
    /// Arista EOS.
    Eos,
    /// MikroTik RouterOS 7.
    RouterOs,
}

/// The hold time of a session, in seconds, and its keepalive time (RFC 4271, 10).
const HOLD_TIME: u32 = 90;
const KEEPALIVE_TIME: u32 = 30;
/// The interval of BFD in milliseconds, and how many packets may be lost (RFC 5880, 6.8.1).
const BFD_INTERVAL: u32 = 300;
const BFD_MULTIPLIER: u32 = 3;
/// The bytes of a VLAN tag (IEEE 802.1Q).
const VLAN_TAG: u16 = 4;
/// The bytes of the header of an Ethernet frame.
const ETHERNET_HEADER: u16 = 14;

pub(super) fn render(parameters: &Parameters<'_>, dialect: Dialect) -> String {
    let (comment, body) = match dialect {
        Dialect::Bird => ("#", bird::text(parameters)),
        Dialect::Frr => ("!", frr::text(parameters)),
        Dialect::IosXe => ("!", ios_xe::text(parameters)),
        Dialect::Junos => ("#", junos::text(parameters)),
        Dialect::Eos => ("!", eos::text(parameters)),
        Dialect::RouterOs => ("#", router_os::text(parameters)),
    };
    head(parameters, comment) + &body
}

/// The comment at the beginning. A name has no line breaks.
fn head(parameters: &Parameters<'_>, comment: &str) -> String {
    let Parameters { id, name, kind, vlan, .. } = parameters;
    let kind = kind.as_str();
    let mut text = format!("{comment} Virtual Interface {id} ({name}): {kind}, VLAN {vlan}.\n");
    if !parameters.is_confirmed {
        let asn = parameters.amazon_asn;
        let lines = [
            "It is not confirmed yet. The other side's AS number is that of the gateway that it will".to_owned(),
            format!("be confirmed with; {asn} stands for it here."),
        ];
        for line in lines {
            writeln!(text, "{comment} {line}").expect("a string takes any text");
        }
    }
    text
}

/// How a Linux port is set up. Its MTU is at least that of each of its VLANs; one with jumbo frames gets what is enough for all
/// interfaces, since a lower one would lower those of the others.
fn linux_port(parameters: &Parameters<'_>) -> &'static str {
    if parameters.mtu == Mtu::DEFAULT { "up" } else { "mtu 9022 up" }
}

/// Lines, each with its end.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    fn extend<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) {
        lines.into_iter().for_each(|line| self.add(line));
    }
}
