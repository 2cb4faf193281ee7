//! What the agent reports of its router: the whole of it, each time.

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::edge::{
    EdgeConfig, EdgeStatus, FORMAT, FabricSessionStatus, InterfaceConfig, InterfaceStatus,
    PeerConfig, PeerStatus, Policed, PortConfig, PortStatus, RoutingDomainConfig, SessionState,
};
use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;

use super::Last;
use crate::fabric;
use crate::kernel::{Kernel, Link};
use crate::mark::Marks;
use crate::plan::Item;
use crate::plan::desired::handoff_of;
use crate::session::SessionId;

/// The report about a configuration, from what was last seen. `sequence` is higher in each than in the one before.
///
/// `None` while the kernel cannot be seen: "it is gone" must never be said of what may be there.
#[must_use]
pub fn report(
    config: &EdgeConfig,
    last: &Last,
    marks: &Marks,
    sequence: u64,
) -> Option<EdgeStatus> {
    if !last.seen {
        return None;
    }
    let fabric_sessions: Vec<FabricSessionStatus> =
        config.routing_domains.iter().flat_map(|domain| fabric_sessions(domain, last)).collect();
    let (backbone, fabric): (BTreeMap<_, _>, BTreeMap<_, _>) =
        fabric_errors(&fabric_sessions).into_iter().partition(|(id, _)| id.is_of_dx_gateway());
    let fabric = with_associations(fabric, config);
    let mut interfaces: Vec<InterfaceStatus> = config
        .interfaces
        .iter()
        .map(|wanted| {
            let id = &wanted.routing_domain_id;
            let backbone = backbone.get(id).filter(|_| wanted.site_link);
            interface(wanted, last, marks, joined(fabric.get(id).cloned(), backbone.cloned()))
        })
        .collect();
    interfaces.extend(leftovers(config, &last.kernel, marks));
    Some(EdgeStatus {
        format: FORMAT,
        epoch: config.epoch,
        generation: config.generation,
        sequence,
        ports: config.ports.iter().map(|wanted| port(wanted, last)).collect(),
        interfaces,
        fabric_sessions,
        answers: Vec::new(),
    })
}

fn port(wanted: &PortConfig, last: &Last) -> PortStatus {
    let name = wanted.interface.as_str();
    let link = last.kernel.links.get(name);
    let problem = last.problems.get(&Item::Port(name.to_owned()));
    let error = match link {
        None => Some(format!("port {name} does not exist on this router")),
        Some(link) if !link.up => Some(format!("port {name} is administratively down")),
        Some(_) => problem.map(|problem| problem.text.clone()),
    };
    PortStatus {
        connection_id: wanted.connection_id.clone(),
        carrier: link.is_some_and(|link| link.carrier),
        traffic: link.map(|link| link.traffic).unwrap_or_default(),
        error,
    }
}

/// The sessions of a routing domain's handoffs with the fabric.
fn fabric_sessions(
    domain: &RoutingDomainConfig,
    last: &Last,
) -> impl Iterator<Item = FabricSessionStatus> {
    let item = Item::RoutingDomain(domain.routing_domain_id.clone());
    let problem = last.problems.get(&item).map(|problem| problem.text.as_str());
    let absent = problem.or(last.daemon_error.as_deref());
    let handoffs =
        [AddressFamily::Ipv4, AddressFamily::Ipv6].map(|family| handoff_of(domain, family));
    let sessions = handoffs.into_iter().flatten();
    sessions.filter_map(move |handoff| fabric::status(domain, handoff, &last.daemon.fabric, absent))
}

/// Why sessions with the fabric are down, by routing domain: an error of each interface that is in it.
fn fabric_errors(sessions: &[FabricSessionStatus]) -> BTreeMap<RoutingDomainId, String> {
    let mut errors: BTreeMap<RoutingDomainId, String> = BTreeMap::new();
    for session in sessions {
        let (id, Some(error)) = (&session.routing_domain_id, &session.error) else { continue };
        match errors.get_mut(id) {
            Some(text) => text.extend(["; ", error]),
            None => drop(errors.insert(id.clone(), format!("{id}: {error}"))),
        }
    }
    errors
}

/// The same for interfaces of Direct Connect gateways, which are told of what these are associated with.
fn with_associations(
    mut errors: BTreeMap<RoutingDomainId, String>,
    config: &EdgeConfig,
) -> BTreeMap<RoutingDomainId, String> {
    for domain in config.routing_domains.iter().filter(|one| !one.associations.is_empty()) {
        let reached = domain.associations.iter().map(|one| &one.routing_domain_id);
        let texts: Vec<&str> =
            reached.filter_map(|id| errors.get(id)).map(String::as_str).collect();
        if !texts.is_empty() {
            let text = texts.join("; ");
            errors.insert(domain.routing_domain_id.clone(), text);
        }
    }
    errors
}

fn interface(
    wanted: &InterfaceConfig,
    last: &Last,
    marks: &Marks,
    fabric: Option<String>,
) -> InterfaceStatus {
    let id = &wanted.virtual_interface_id;
    let link = own_link(id, &last.kernel, marks);
    let own = last.problems.get(&Item::Interface(id.clone()));
    let domain = last.problems.get(&Item::RoutingDomain(wanted.routing_domain_id.clone()));
    // What a fence of all is missing for is not right, though everything of its own is there.
    let port = last.problems.get(&Item::Port(wanted.interface.to_string()));
    let rules = last.problems.get(&Item::Rules);
    let open = [own, port, rules].into_iter().flatten().any(|problem| problem.absent);
    let there = link.filter(|_| !open);
    let six = wanted.peers.of(AddressFamily::Ipv6).is_some();
    let sources = last.problems.get(&Item::Ipv6Sources).filter(|_| six);
    let peers: Vec<PeerStatus> = [AddressFamily::Ipv4, AddressFamily::Ipv6]
        .into_iter()
        .filter_map(|family| {
            let session = SessionId { interface: id.clone(), family };
            peer(wanted.peers.of(family), &session, there, last)
        })
        .collect();
    let programmed = there.is_some()
        && (wanted.peers.is_empty()
            || peers.iter().any(|peer| wanted.peers.of(peer.address_family).is_some()));
    let error = own
        .or(port)
        .or(rules)
        .or(domain)
        .or(sources)
        .map(|problem| problem.text.clone())
        .or_else(|| last.daemon_error.clone())
        .or_else(|| joined(fabric, session_errors(wanted, last)));
    InterfaceStatus {
        virtual_interface_id: id.clone(),
        programmed,
        error,
        peers,
        traffic: link.map(|link| link.traffic).unwrap_or_default(),
        policed: wanted.rate_limit.and(link).map(|link| Policed {
            packets_in: link.drops.policed_in,
            packets_out: link.drops.policed_out,
        }),
    }
}

/// A peer that is in place, or is to go and has not gone yet; `wanted` is the one that is to be.
fn peer(
    wanted: Option<&PeerConfig>,
    session: &SessionId,
    link: Option<&Link>,
    last: &Last,
) -> Option<PeerStatus> {
    let status = last.daemon.peers.get(session);
    match wanted {
        Some(wanted) => {
            let complete = link?.addresses.contains(&wanted.addresses.amazon());
            let status = status.filter(|_| complete)?.clone();
            // The daemon may have been looked at before the configuration came: which key is meant is said here.
            let new_key = wanted.new_key.as_ref().map(|new| &new.auth_key);
            let has_new_key = new_key.is_some()
                && last.daemon.keys.get(session) == new_key
                && status.state == SessionState::Established;
            let bgp_peer_id = wanted.bgp_peer_id.clone();
            Some(PeerStatus { bgp_peer_id, has_new_key, ..status })
        }
        None => {
            let last_error = Some(format!("{session}: the session could not be removed yet"));
            Some(PeerStatus { last_error, ..status?.clone() })
        }
    }
}

/// Why sessions of an interface are down, in the daemon's words; with two, each says of which family it is.
fn session_errors(wanted: &InterfaceConfig, last: &Last) -> Option<String> {
    let errors: Vec<String> = wanted
        .peers
        .iter()
        .filter_map(|peer| {
            let (interface, family) =
                (wanted.virtual_interface_id.clone(), peer.addresses.family());
            let status = last.daemon.peers.get(&SessionId { interface, family })?;
            let down = status.state != SessionState::Established;
            let error = status.last_error.as_ref().filter(|_| down)?;
            Some(match wanted.peers.len() {
                1 => error.clone(),
                _ => format!("{}: {error}", family.as_str()),
            })
        })
        .collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}

fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}; {other}")),
        (one, other) => one.or(other),
    }
}

fn own_link<'a>(id: &VirtualInterfaceId, kernel: &'a Kernel, marks: &Marks) -> Option<&'a Link> {
    kernel.links.get(id.as_str()).filter(|link| marks.owns_link(id.as_str(), link))
}

/// Interfaces that are to go and are not gone: a deletion is over only when they are.
fn leftovers(config: &EdgeConfig, kernel: &Kernel, marks: &Marks) -> Vec<InterfaceStatus> {
    let wanted: BTreeSet<&str> =
        config.interfaces.iter().map(|wanted| wanted.virtual_interface_id.as_str()).collect();
    kernel
        .links
        .iter()
        .filter(|(name, link)| !wanted.contains(name.as_str()) && marks.owns_link(name, link))
        .filter_map(|(name, link)| {
            let id = VirtualInterfaceId::parse(name).ok()?;
            let error = Some(format!("{name} could not be removed yet"));
            Some(InterfaceStatus {
                virtual_interface_id: id,
                programmed: true,
                error,
                peers: Vec::new(),
                traffic: link.traffic,
                policed: None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use linkway_domain::edge::{ConfigVersion, Traffic};
    use serde_json::{Value, json};

    use super::*;
    use crate::fabric::{FabricSessionId, FabricState};
    use crate::fence::Drops;
    use crate::kernel::{LinkConf, LinkKind};
    use crate::session::Observed;

    const ID: &str = "dxvif-f0000001";
    const FOUR: (&str, &str) = ("169.254.0.1/30", "169.254.0.2/30");
    const SIX: (&str, &str) = ("fd6c:696e:6b77::1/125", "fd6c:696e:6b77::2/125");

    fn config(peers: &[(&str, &str)]) -> EdgeConfig {
        let peer = |(number, (amazon, customer)): (usize, &(&str, &str))| -> Value {
            json!({
                "bgpPeerId": format!("dxpeer-f000000{number}"), "asn": 65_000, "authKey": "fjord-Secret-1",
                "addresses": { "amazon": amazon, "customer": customer },
            })
        };
        let peers: Vec<Value> = peers.iter().enumerate().map(peer).collect();
        serde_json::from_value(json!({
            "edgeId": "r1", "epoch": 1, "generation": 2, "ports": [], "routingDomains": [],
            "interfaces": [{
                "virtualInterfaceId": ID, "kind": "private", "interface": "eth1", "vlan": 7,
                "mtu": 1500, "routingDomainId": "vgw-00000001", "peers": peers,
            }],
        }))
        .expect("a configuration")
    }

    /// A router with the interface's link, these addresses on it, and sessions of these families and states.
    fn seen(addresses: &[&str], sessions: &[(AddressFamily, SessionState)]) -> Last {
        let addresses: BTreeSet<_> =
            addresses.iter().map(|text| text.parse().expect("an address")).collect();
        let conf = LinkConf {
            forwarding: true,
            rp_filter: 2,
            send_redirects: false,
            accept_redirects: false,
            arp_ignore: 1,
            link_local: false,
            keep_addresses: false,
            lenient: false,
        };
        let link = Link {
            kind: LinkKind::Vlan { parent: Some("eth1".to_owned()), vlan: 7 },
            mtu: 1500,
            up: true,
            carrier: true,
            master: Some("vgw-00000001".to_owned()),
            group: Marks::default().link_group,
            alias: String::new(),
            conf,
            addresses,
            unrouted: BTreeSet::new(),
            fence: None,
            drops: Drops::default(),
            traffic: Traffic::default(),
        };
        let peers = sessions.iter().map(|(family, state)| {
            let interface = ID.parse().expect("an id");
            let status = PeerStatus {
                bgp_peer_id: None,
                address_family: *family,
                state: *state,
                has_new_key: false,
                prefixes_accepted: 0,
                prefixes_rejected: 0,
                prefixes_advertised: 0,
                last_error: (*state != SessionState::Established).then(|| "no answer".to_owned()),
            };
            (SessionId { interface, family: *family }, status)
        });
        let daemon = Observed { peers: Arc::new(peers.collect()), ..Observed::default() };
        let kernel = Kernel { links: [(ID.to_owned(), link)].into(), ..Kernel::default() };
        Last { kernel, daemon, seen: true, ..Last::default() }
    }

    fn reported(config: &EdgeConfig, last: &Last) -> InterfaceStatus {
        let report = report(config, last, &Marks::default(), 9).expect("the kernel is seen");
        assert_eq!(report.version(), ConfigVersion { epoch: 1, generation: 2 });
        report.interfaces.into_iter().next().expect("one")
    }

    #[test]
    fn a_report_has_each_peer_that_is_on_the_router() {
        use AddressFamily::{Ipv4, Ipv6};
        use SessionState::{Active, Established};
        let both = config(&[FOUR, SIX]);
        let ids = |status: &InterfaceStatus| -> Vec<Option<String>> {
            status.peers.iter().map(|peer| Some(peer.bgp_peer_id.as_ref()?.to_string())).collect()
        };
        // The second peer is not in place yet: that takes nothing from the first.
        let status = reported(&both, &seen(&[FOUR.0], &[(Ipv4, Established)]));
        assert!(status.programmed && status.report().is_up() && status.error.is_none());
        assert_eq!(ids(&status), [Some("dxpeer-f0000000".to_owned())]);
        // Both are, and one is down.
        let last = seen(&[FOUR.0, SIX.0], &[(Ipv4, Active), (Ipv6, Established)]);
        let status = reported(&both, &last);
        assert!(status.programmed && status.report().is_up());
        assert_eq!(status.error.as_deref(), Some("ipv4: no answer"));
        let up: Vec<bool> = status.report().peers.iter().map(|peer| peer.established).collect();
        assert_eq!(up, [false, true]);
        // The second is to go and the daemon still has it.
        let status = reported(&config(&[FOUR]), &last);
        assert_eq!(ids(&status), [Some("dxpeer-f0000000".to_owned()), None]);
        let error = status.peers[1].last_error.as_deref();
        assert_eq!(error, Some("dxvif-f0000001 ipv6: the session could not be removed yet"));
        // An address that is not there: the only peer is not in place.
        let status = reported(&config(&[FOUR]), &seen(&[], &[(Ipv4, Active)]));
        assert!(!status.programmed && status.peers.is_empty());
        // No peer at all.
        let status = reported(&config(&[]), &seen(&[], &[]));
        assert!(status.programmed && !status.report().is_up());
    }

    #[test]
    fn a_session_is_reported_to_have_the_new_key_of_its_configuration_and_no_other() {
        use SessionState::{Active, Established};
        let key = |text: &str| linkway_domain::net::AuthKey::parse("authKey", text).expect("a key");
        let check = |new: Option<&str>, has: Option<&str>, state, expected| {
            let mut config = serde_json::to_value(config(&[FOUR])).expect("JSON");
            if let Some(new) = new {
                let new = json!({ "authKey": new, "until": 1 });
                config["interfaces"][0]["peers"][0]["newKey"] = new;
            }
            let config: EdgeConfig = serde_json::from_value(config).expect("a configuration");
            let mut last = seen(&[FOUR.0], &[(AddressFamily::Ipv4, state)]);
            let (interface, family) = (ID.parse().expect("an id"), AddressFamily::Ipv4);
            let id = SessionId { interface, family };
            last.daemon.keys = has.map(|text| (id, key(text))).into_iter().collect();
            let status = reported(&config, &last);
            assert_eq!(status.peers[0].has_new_key, expected, "{new:?} {has:?} {state:?}");
            assert_eq!(status.with_new_keys().len(), usize::from(expected));
        };
        check(Some("fjord-Secret-2"), Some("fjord-Secret-2"), Established, true);
        check(Some("fjord-Secret-2"), Some("fjord-Secret-2"), Active, false);
        check(Some("fjord-Secret-2"), Some("fjord-Secret-1"), Established, false);
        // The one that it had before it was replaced.
        check(Some("fjord-Secret-3"), Some("fjord-Secret-2"), Established, false);
        check(Some("fjord-Secret-2"), None, Established, false);
        check(None, Some("fjord-Secret-2"), Established, false);
    }

    #[test]
    fn a_session_with_the_fabric_is_reported_and_is_an_error_of_its_interfaces_while_it_is_down() {
        use SessionState::{Active, Established};
        let mut config = serde_json::to_value(config(&[FOUR])).expect("JSON");
        config["routingDomains"] = json!([{
            "routingDomainId": "vgw-00000001", "amazonSideAsn": 64512, "cidrs": ["10.0.0.0/16"],
            "handoffs": [
                { "interface": "vpc0", "nextHop": "192.0.2.1", "fabricPeer": { "address": "192.0.2.1", "asn": 65010 } },
                { "interface": "vpc1", "nextHop": "2001:db8::1" },
            ],
        }]);
        let config: EdgeConfig = serde_json::from_value(config).expect("a configuration");
        let id = FabricSessionId {
            routing_domain: "vgw-00000001".parse().expect("an id"),
            family: AddressFamily::Ipv4,
        };
        let check = |seen: Option<(SessionState, bool)>,
                     daemon: Option<&str>,
                     error: Option<&str>| {
            let mut last = self::seen(&[FOUR.0], &[(AddressFamily::Ipv4, Established)]);
            let state = seen.map(|(state, reachable)| {
                let last_error = (state != Established).then(|| "refused".to_owned());
                let (prefixes_accepted, prefixes_advertised) = (1, 2);
                let state = FabricState {
                    state,
                    reachable,
                    prefixes_accepted,
                    prefixes_advertised,
                    last_error,
                };
                (id.clone(), state)
            });
            last.daemon.fabric = Arc::new(state.into_iter().collect());
            last.daemon_error = daemon.map(str::to_owned);
            let report = report(&config, &last, &Marks::default(), 9).expect("the kernel is seen");
            let [session] = report.fabric_sessions.as_slice() else { panic!("one session") };
            assert_eq!(session.error.as_deref(), error);
            assert_eq!(session.state, seen.map_or(SessionState::Idle, |(state, _)| state));
            assert_eq!(session.reachable, seen.is_some_and(|(_, reachable)| reachable));
            let of_interface = report.interfaces[0].error.clone();
            let expected = error.map(|error| match daemon {
                Some(daemon) => daemon.to_owned(),
                None => format!("vgw-00000001: {error}"),
            });
            assert_eq!(of_interface, expected);
            assert!(report.interfaces[0].programmed && report.interfaces[0].report().is_up());
        };
        check(Some((Established, true)), None, None);
        let down = "handoff vpc0: session with fabric peer 192.0.2.1 is active: refused; the gateway's prefixes of this \
                    family are not announced";
        check(Some((Active, false)), None, Some(down));
        let restarts = "handoff vpc0: session with fabric peer 192.0.2.1 is active: refused; a restart of the router is \
                        waited for";
        check(Some((Active, true)), None, Some(restarts));
        let absent =
            "handoff vpc0: the BGP daemon does not have the session with fabric peer 192.0.2.1 yet";
        check(None, None, Some(absent));
        check(None, Some("BIRD hangs"), Some("BIRD hangs"));
    }
}
