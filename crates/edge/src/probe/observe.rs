//! Looks at an interface for some seconds: at what comes in by its VLAN, at the answers to pings of the customer's router, at
//! counters and carriers, and at what BIRD has of its sessions.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use linkway_domain::Time;
use linkway_domain::edge::{
    EdgeConfig, HandoffSeen, InterfaceConfig, LinkSeen, Observations, PeerConfig, PeerSeen,
    RoutingDomainConfig, SessionState,
};
use socket2::{Domain, Protocol, Socket, Type};

use super::Probe;
use super::capture::Capture;
use super::watch::Watch;
use crate::agent::clock_milliseconds;
use crate::netlink::{LinkGlance, Netlink};

/// How long is looked at least: a right VLAN answers within this.
const SHORTEST: Duration = Duration::from_millis(1500);
/// How long is looked where something is missing. An entry of the neighbor table that may be old is asked for after 5 s only
/// (`delay_first_probe_time`), and a router tries BGP every few seconds.
const LONGEST: Duration = Duration::from_secs(8);
/// How often is pinged.
const PING_EVERY: Duration = Duration::from_secs(1);

/// What is seen.
pub(super) fn observe(
    probe: &Probe,
    config: &EdgeConfig,
    interface: &InterfaceConfig,
) -> Observations {
    let mut seen =
        Observations { at: Time::from_millis(clock_milliseconds()), ..Observations::default() };
    let began = Instant::now();
    let mut kernel = match Netlink::open(probe.marks) {
        Ok(kernel) => Some(kernel),
        Err(error) => {
            seen.errors.push(error.to_string());
            None
        }
    };
    let mut glance = |seen: &mut Observations, name: &str| match kernel.as_mut()?.glance(name) {
        Ok(found) => found,
        Err(error) => {
            seen.errors.push(error.to_string());
            None
        }
    };
    let names = [interface.interface.as_str(), interface.virtual_interface_id.as_str()];
    let before = names.map(|name| glance(&mut seen, name));
    let mut watches: Vec<Watch<'_>> =
        interface.peers.iter().map(|peer| watch(probe, interface, peer)).collect();
    if let Some(link) = &before[1]
        && let Err(error) = look(probe, link, names[1], &mut watches, began)
    {
        seen.errors.push(format!("looking at the frames of {}: {error}", names[1]));
    }
    let after = names.map(|name| glance(&mut seen, name));
    seen.port = link_seen(before[0].as_ref(), after[0].as_ref()).unwrap_or_default();
    seen.vlan = link_seen(before[1].as_ref(), after[1].as_ref());
    for watch in watches {
        match probe.session(interface, watch.peer) {
            Ok(session) => {
                let Watch { neighbor, segments, .. } = watch;
                let family = watch.peer.addresses.family();
                seen.peers.push(PeerSeen { family, neighbor, segments, session });
            }
            Err(error) => seen.errors.push(error.to_string()),
        }
    }
    // The backbone of a Direct Connect gateway leads to no VPC.
    let to_vpc = |one: &&RoutingDomainConfig| !one.routing_domain_id.is_of_dx_gateway();
    for domain in domains(config, interface).filter(to_vpc) {
        for handoff in &domain.handoffs {
            let carrier = glance(&mut seen, handoff.interface.as_str());
            let carrier = carrier.is_some_and(|link| link.carrier);
            let reachable = probe.bird.is_reachable(domain, handoff, &interface.routing_domain_id);
            seen.handoffs.push(HandoffSeen {
                interface: handoff.interface.clone(),
                carrier,
                reachable,
            });
        }
    }
    seen.milliseconds = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    seen.bounded()
}

/// The interface's routing domain, and those that are associated with it.
fn domains<'a>(
    config: &'a EdgeConfig,
    interface: &InterfaceConfig,
) -> impl Iterator<Item = &'a RoutingDomainConfig> {
    let of = |id| config.routing_domains.iter().find(move |one| one.routing_domain_id == id);
    let own = of(interface.routing_domain_id.clone());
    let associated = own.into_iter().flat_map(|own| &own.associations);
    let associated = associated.filter_map(move |one| of(one.routing_domain_id.clone()));
    own.into_iter().chain(associated).map(|domain| &**domain)
}

fn link_seen(before: Option<&LinkGlance>, after: Option<&LinkGlance>) -> Option<LinkSeen> {
    let (before, after) = (before?, after?);
    Some(LinkSeen {
        carrier: after.carrier,
        received: after.received,
        received_meanwhile: after.received.saturating_sub(before.received),
    })
}

fn watch<'a>(probe: &Probe, interface: &InterfaceConfig, peer: &'a PeerConfig) -> Watch<'a> {
    let session = probe.session(interface, peer).ok();
    let is_up = session.is_some_and(|session| session.state == Some(SessionState::Established));
    Watch::new(peer, is_up)
}

/// Looks until everything is known that can be seen, or for as long as it makes sense.
fn look(
    probe: &Probe,
    link: &LinkGlance,
    name: &str,
    watches: &mut [Watch<'_>],
    began: Instant,
) -> std::io::Result<()> {
    let mut capture = Capture::open(link.index, probe.port)?;
    let mut pings = 0;
    loop {
        let passed = began.elapsed();
        let is_known = watches.iter().all(Watch::is_known);
        if passed >= LONGEST || passed >= SHORTEST && is_known {
            return Ok(());
        }
        if passed >= PING_EVERY * pings {
            pings += 1;
            for watch in &*watches {
                let addresses = &watch.peer.addresses;
                // Where it cannot be sent, there is no answer, which is seen.
                let _ = ping(name, addresses.amazon().addr(), addresses.customer().addr());
            }
        }
        // A flood must not keep it from looking at the clock.
        if let Some(frame) = capture.next(Instant::now() + Duration::from_millis(200))? {
            for watch in &mut *watches {
                watch.see(frame);
            }
        }
    }
}

/// Sends one ICMP echo request (RFC 792, RFC 4443) out of this link.
fn ping(link: &str, ours: IpAddr, theirs: IpAddr) -> std::io::Result<()> {
    let (domain, protocol, kind) = match ours {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, 8),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, 128),
    };
    let socket = Socket::new(domain, Type::RAW.nonblocking(), Some(protocol))?;
    socket.bind_device(Some(link.as_bytes()))?;
    socket.bind(&SocketAddr::new(ours, 0).into())?;
    // Identifier and number say nothing: any answer will do. The kernel works out the checksum of ICMPv6 only.
    let mut message = [kind, 0, 0, 0, 0x4c, 0x57, 0, 1];
    if ours.is_ipv4() {
        let sum = message
            .chunks(2)
            .fold(0_u32, |sum, two| sum + u32::from(two[0]) * 256 + u32::from(two[1]));
        let folded = (sum & 0xffff) + (sum >> 16);
        let checksum = !u16::try_from(folded).expect("eight bytes overflow once at most");
        message[2..4].copy_from_slice(&checksum.to_be_bytes());
    }
    socket.send_to(&message, &SocketAddr::new(theirs, 0).into()).map(drop)
}
