//! Which VPCs are reached over BIRD's sessions with the fabric. Pure.
//!
//! What is announced while a session is up is a protocol beside it ([`super::fabric`]), which one command enables or disables,
//! without reading the configuration again. A new configuration says of each whether it is to be disabled, since BIRD would
//! enable it.
//!
//! Where the fabric's router restarts gracefully (RFC 4724) it goes on forwarding: its prefixes stay announced as long as BIRD
//! waits for it. When BIRD itself has died and another one has taken its place, what was announced stays so until the
//! sessions had their time to come back: customers' routers keep the routes meanwhile (they see a graceful restart), and lose
//! them if the end of the announcements came without them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkway_domain::edge::SessionState;

use super::fabric::{Named, announced_name, named};
use super::leak;
use super::parse::{self, Protocol};
use crate::fabric::{FabricSessionId, FabricState, FabricStates};
use crate::session::Sessions;

/// How long sessions may take to come back after a BIRD has died: three attempts of ours.
const SETTLING: Duration = Duration::from_secs(15);

/// What is known of the sessions with the fabric.
#[derive(Debug, Default)]
pub struct Fabric {
    /// The table of protocols when they were last looked at in detail.
    table: String,
    states: Arc<FabricStates>,
    /// Those over which a VPC is reached.
    reachable: BTreeSet<FabricSessionId>,
    /// Those over which none is.
    unreachable: BTreeSet<FabricSessionId>,
    /// Until when sessions may come back that a BIRD which died had.
    settling: Option<Instant>,
    /// Whether a graceful restart is waited for: its end is not in the table.
    restarting: bool,
    given_up: bool,
}

/// A protocol to be enabled or disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// Its name.
    pub name: String,
    /// Whether it is to be enabled.
    pub enable: bool,
}

impl Fabric {
    /// The states of the sessions.
    #[must_use]
    pub const fn states(&self) -> &Arc<FabricStates> {
        &self.states
    }

    /// Whether BIRD has given up one, because its socket could not be had.
    #[must_use]
    pub const fn has_given_up(&self) -> bool {
        self.given_up
    }

    /// A BIRD is started, in place of one that has died or as the first one.
    pub fn start(&mut self, has_died: bool, now: Instant) {
        match has_died {
            true => self.settling = Some(now + SETTLING),
            false => *self = Self::default(),
        }
    }

    /// No BIRD answers; what was known of the sessions is for the next one.
    pub fn lost(&mut self) {
        self.table.clear();
        self.states = Arc::default();
        self.given_up = false;
    }

    fn is_announced(&self, id: &FabricSessionId, now: Instant) -> bool {
        let settles = self.settling.is_some_and(|until| now < until);
        self.reachable.contains(id) || settles && !self.unreachable.contains(id)
    }

    /// The protocols of these that a new configuration has to say of that they are disabled.
    #[must_use]
    pub fn disabled(&self, sessions: &Sessions, now: Instant) -> BTreeSet<String> {
        let domains = || sessions.routing_domains.values();
        let own = domains().flat_map(|domain| &domain.fabric).filter(|one| !one.id.is_backbone());
        let down = own.filter(|session| !self.is_announced(&session.id, now));
        let mut found: BTreeSet<String> =
            down.map(|session| announced_name(&session.id, &session.id.routing_domain)).collect();
        for (domain, association) in
            domains().flat_map(|domain| domain.associations.iter().map(move |one| (domain, one)))
        {
            let id = |family| FabricSessionId {
                routing_domain: association.routing_domain.clone(),
                family,
            };
            let families = association.fabric.iter().copied();
            let down = families.filter(|family| !self.is_announced(&id(*family), now));
            found.extend(down.map(|family| leak::announced_name(domain, association, family)));
        }
        found
    }

    /// The table of protocols as it is; whether a look at the details is needed to know the states.
    #[must_use]
    pub fn is_news(&self, table: &str) -> bool {
        self.restarting || self.settling.is_some() || self.table != table
    }

    /// The protocols in detail, as they are; which have to be enabled or disabled. These are seen as they will be.
    #[must_use]
    pub fn seen(&mut self, answer: &str, now: Instant) -> Vec<Switch> {
        let protocols = parse::protocols(answer.lines());
        let restarting = restarting(answer);
        self.table = table(answer);
        self.restarting = !restarting.is_empty();
        self.given_up = false;
        let (mut states, mut announced) = (FabricStates::new(), Vec::new());
        for protocol in &protocols {
            match named(&protocol.name) {
                Some(Named::Session(id)) => {
                    self.given_up |= protocol.state == "down";
                    let state = parse::session_state(protocol);
                    let alive = state == SessionState::Established
                        || restarting.contains(protocol.name.as_str());
                    self.note(&id, alive, now);
                    let reachable = self.is_announced(&id, now);
                    states.insert(id, fabric_state(protocol, state, reachable));
                }
                Some(Named::Announced { id, .. }) => {
                    announced.push((id, protocol.name.clone(), protocol.state != "down"));
                }
                None => {}
            }
        }
        self.reachable.retain(|id| states.contains_key(id) || self.settling.is_some());
        self.unreachable.retain(|id| states.contains_key(id));
        if self.settling.is_some_and(|until| now >= until) {
            self.settling = None;
        }
        self.states = Arc::new(states);
        let switch = |(id, name, is_enabled): (FabricSessionId, String, bool)| {
            let enable = self.is_announced(&id, now);
            (enable != is_enabled).then_some(Switch { name, enable })
        };
        announced.into_iter().filter_map(switch).collect()
    }

    fn note(&mut self, id: &FabricSessionId, alive: bool, now: Instant) {
        if alive {
            self.unreachable.remove(id);
            self.reachable.insert(id.clone());
        } else if self.settling.is_none_or(|until| now >= until) {
            self.reachable.remove(id);
            self.unreachable.insert(id.clone());
        }
    }
}

/// What is not indented is the table.
fn table(answer: &str) -> String {
    let lines = answer.lines().filter(|line| !line.is_empty() && !line.starts_with(' '));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The protocols whose neighbour's restart is waited for (`bgp_show_proto_info` in BIRD's proto/bgp/bgp.c).
fn restarting(answer: &str) -> BTreeSet<&str> {
    let (mut found, mut name) = (BTreeSet::new(), "");
    for line in answer.lines() {
        if !line.starts_with(' ') {
            name = line.split_whitespace().next().unwrap_or_default();
        } else if line.trim_start().starts_with("Restart timer:") {
            found.insert(name);
        }
    }
    found
}

fn fabric_state(protocol: &Protocol, state: SessionState, reachable: bool) -> FabricState {
    let silent = || {
        "no answer yet; check that the fabric's router is on, has this address, and the same BGP key"
            .to_owned()
    };
    let said = protocol.last_error.clone();
    let last_error = match state {
        SessionState::Established => None,
        SessionState::Connect | SessionState::Active => Some(said.unwrap_or_else(silent)),
        SessionState::Idle
        | SessionState::OpenSent
        | SessionState::OpenConfirm
        | SessionState::PrefixLimit => said,
    };
    FabricState {
        state,
        reachable,
        prefixes_accepted: protocol.imported,
        prefixes_advertised: protocol.exported,
        last_error,
    }
}

#[cfg(test)]
mod tests {
    use linkway_domain::id::RoutingDomainId;
    use linkway_domain::net::AddressFamily;

    use super::*;
    use crate::fabric::FabricSession;
    use crate::session::{Association, RoutingDomain};

    fn id(n: u32, family: AddressFamily) -> FabricSessionId {
        let routing_domain = RoutingDomainId::parse(&format!("vgw-{n:08x}")).expect("an id");
        FabricSessionId { routing_domain, family }
    }

    /// What BIRD says of the first domain's session and of what it announces.
    fn answer(session: &str, enabled: bool) -> String {
        let (state, info, detail) = match session {
            "up" => ("up", "Established", "  BGP state:          Established\n"),
            "restarting" => ("start", "Active", "    Restart timer:    100.0/-\n"),
            "down" => ("start", "Active", "    Connect delay:    1.0/1\n"),
            other => panic!("{other}"),
        };
        let is = if enabled { "up" } else { "down" };
        format!(
            "fabric_vgw_00000001_vpc4 Static vgw_00000001_v4 {is} 10:00:00.000\n  Channel ipv4\n\n\
             fabric_vgw_00000001_bgp4 BGP --- {state} 10:00:00.000 {info}\n{detail}"
        )
    }

    /// Where two routing domains' customers are told of a VPC, both hear of its end, whichever configuration comes between.
    #[test]
    fn what_a_gateway_is_associated_with_follows_the_session() {
        let (own, gateway) = (id(1, AddressFamily::Ipv4), id(9, AddressFamily::Ipv4));
        let domain = |id: &FabricSessionId| RoutingDomain {
            id: id.routing_domain.clone(),
            table: 1,
            asn: 64_512,
            announced: Vec::new(),
            cidrs: Vec::new(),
            reserved: Vec::new(),
            fabric: Vec::new(),
            associations: Vec::new(),
        };
        let association = Association {
            routing_domain: own.routing_domain.clone(),
            table: 1,
            announced: Vec::new(),
            fabric: vec![AddressFamily::Ipv4],
        };
        let there = RoutingDomain { associations: vec![association], ..domain(&gateway) };
        let sessions = Sessions::new([Arc::new(domain(&own)), Arc::new(there)], []);
        let other = announced_name(&own, &gateway.routing_domain);
        let with_other = |session: &str, enabled: bool| {
            let state = if enabled { "up" } else { "down" };
            let first = answer(session, enabled);
            format!("{other} Static table4_9 {state} 10:00:00.000\n  Channel ipv4\n\n{first}")
        };
        let names = |switches: Vec<Switch>| -> BTreeSet<(String, bool)> {
            switches.into_iter().map(|one| (one.name, one.enable)).collect()
        };
        let both = |enable| {
            let first = announced_name(&own, &own.routing_domain);
            BTreeSet::from([(first, enable), (other.clone(), enable)])
        };
        let (mut fabric, now) = (Fabric::default(), Instant::now());
        fabric.start(false, now);
        assert_eq!(fabric.disabled(&sessions, now), BTreeSet::from([other.clone()]));
        assert_eq!(names(fabric.seen(&with_other("up", false), now)), both(true));
        assert_eq!(fabric.disabled(&sessions, now), BTreeSet::new());
        assert_eq!(names(fabric.seen(&with_other("up", true), now)), BTreeSet::new());
        assert_eq!(names(fabric.seen(&with_other("down", true), now)), both(false));
    }

    /// Seconds, what is seen (none: BIRD does not answer; `start` and `restart`: one is started, for the first time or because
    /// one has died), and whether the VPC is announced after it.
    #[test]
    fn what_is_announced_follows_the_session() {
        let check = |story: &[(u64, &str, bool)]| {
            let (mut fabric, began, mut enabled) = (Fabric::default(), Instant::now(), false);
            let session = FabricSession {
                id: id(1, AddressFamily::Ipv4),
                interface: "vpc0".to_owned(),
                local: "192.0.2.2".parse().expect("an address"),
                address: "192.0.2.1".parse().expect("an address"),
                asn: 65_010,
                auth_key: None,
            };
            let domain = RoutingDomain {
                id: session.id.routing_domain.clone(),
                table: 1,
                asn: 64_512,
                announced: Vec::new(),
                cidrs: Vec::new(),
                reserved: Vec::new(),
                fabric: vec![session],
                associations: Vec::new(),
            };
            let sessions = Sessions::new([Arc::new(domain)], []);
            for (second, seen, expected) in story {
                let now = began + Duration::from_secs(*second);
                match *seen {
                    "none" => fabric.lost(),
                    "start" | "restart" => {
                        fabric.start(*seen == "restart", now);
                        enabled = fabric.disabled(&sessions, now).is_empty();
                    }
                    seen => {
                        let answer = answer(seen, enabled);
                        let id = id(1, AddressFamily::Ipv4);
                        let name = announced_name(&id, &id.routing_domain);
                        let switches = fabric.seen(&answer, now);
                        match switches.as_slice() {
                            [] => {}
                            [switch] => {
                                assert_eq!(switch, &Switch { name, enable: !enabled }, "{story:?}");
                                enabled = switch.enable;
                            }
                            more => panic!("{more:?}"),
                        }
                        let state = fabric.states().values().next().expect("the session");
                        assert_eq!(state.reachable, enabled, "{story:?} after {second} s");
                        assert!(
                            !fabric.is_news(&table(&answer))
                                || seen != "up"
                                || fabric.settling.is_some()
                        );
                        assert!(
                            fabric.is_news("other")
                                && (seen != "restarting" || fabric.is_news(&table(&answer)))
                        );
                    }
                }
                assert_eq!(enabled, *expected, "{story:?} after {second} s");
                // Whatever a new configuration is about, it leaves this as it is.
                assert_eq!(
                    fabric.disabled(&sessions, now).is_empty(),
                    enabled,
                    "{story:?} after {second} s"
                );
            }
        };
        check(&[
            (0, "start", false),
            (1, "down", false),
            (2, "up", true),
            (3, "down", false),
            (4, "up", true),
        ]);
        check(&[
            (0, "start", false),
            (2, "up", true),
            (3, "restarting", true),
            (90, "restarting", true),
            (91, "down", false),
        ]);
        // BIRD dies: what was announced stays, for as long as the session may take; what was not stays away.
        check(&[
            (0, "start", false),
            (2, "up", true),
            (3, "none", true),
            (4, "restart", true),
            (5, "down", true),
            (18, "down", true),
            (19, "down", false),
            (20, "up", true),
        ]);
        check(&[
            (0, "start", false),
            (2, "up", true),
            (4, "restart", true),
            (5, "down", true),
            (6, "up", true),
            (30, "down", false),
        ]);
        check(&[
            (0, "start", false),
            (2, "down", false),
            (3, "none", false),
            (4, "restart", false),
            (5, "down", false),
        ]);
        // An agent that was started after it died, and does not know.
        check(&[(0, "restart", true), (5, "down", true), (14, "down", true), (15, "down", false)]);
        // One that was started while it runs.
        check(&[(0, "up", true), (1, "down", false)]);
        check(&[(0, "down", false), (1, "up", true)]);
    }
}
