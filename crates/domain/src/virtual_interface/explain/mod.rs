//! Why an interface is not up: from what was decided, what its edge said and what its router sees, a list of checks in the order in
//! which things have to work. Pure; the first check that has failed is the reason, and what comes after it usually follows from it.

mod session;

use super::{Phase, VirtualInterface};
use crate::bgp_peer::BgpPeer;
use crate::edge::{HandoffSeen, LinkSeen, Observations, PeerSeen};
use crate::net::AddressFamily;
use crate::time::Time;

/// What is asked of an interface, in this order. Those from [`CheckName::Neighbor`] to [`CheckName::Bfd`], and the last, are of each
/// peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CheckName {
    /// Its owner has accepted it.
    Accepted,
    /// Its edge is heard.
    Edge,
    /// It is configured on the router.
    Router,
    /// The port has a carrier.
    Port,
    /// Frames with its VLAN arrive.
    Vlan,
    /// The customer's address answers ARP or neighbor discovery.
    Neighbor,
    /// The customer's router answers on the port of BGP.
    Tcp,
    /// Its segments have the signature of the key.
    Md5,
    /// The opening messages are exchanged.
    Open,
    /// The AS numbers are the expected ones.
    Asn,
    /// Neither side's hold timer has expired.
    HoldTimer,
    /// The customer's router announces no more prefixes than it may.
    PrefixLimit,
    /// BFD has not declared the customer's router down.
    Bfd,
    /// The router reaches the VPC.
    Handoff,
    /// Something is announced to the customer's router.
    AllowedPrefixes,
}

impl CheckName {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Edge => "edge",
            Self::Router => "router",
            Self::Port => "port",
            Self::Vlan => "vlan",
            Self::Neighbor => "neighbor",
            Self::Tcp => "tcp",
            Self::Md5 => "md5",
            Self::Open => "open",
            Self::Asn => "asn",
            Self::HoldTimer => "holdTimer",
            Self::PrefixLimit => "prefixLimit",
            Self::Bfd => "bfd",
            Self::Handoff => "handoff",
            Self::AllowedPrefixes => "allowedPrefixes",
        }
    }
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Not as it should be.
    Failed,
    /// It could not be seen, mostly because something before it has failed.
    Unknown,
}

impl CheckState {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// A check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Of what.
    pub name: CheckName,
    /// Of which peer; `None`: of the interface.
    pub family: Option<AddressFamily>,
    /// What became of it.
    pub state: CheckState,
    /// What was seen, a sentence.
    pub seen: String,
    /// When.
    pub at: Option<Time>,
    /// What to do about it; `None`: nothing.
    pub advice: Option<String>,
}

/// What is known of an interface.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What was decided.
    pub interface: &'a VirtualInterface,
    /// The moment.
    pub now: Time,
    /// When its edge was last heard.
    pub heard: Option<Time>,
    /// Whether it has been silent for too long.
    pub is_silent: bool,
    /// Why it is not on the router, as its edge last said.
    pub error: Option<&'a str>,
    /// What its router sees, or why nothing is.
    pub seen: Result<&'a Observations, &'a str>,
}

/// The checks.
#[must_use]
pub fn explain(facts: &Facts<'_>) -> Vec<Check> {
    let list = Checks::new(facts);
    list.done()
}

/// The first that has failed.
#[must_use]
pub fn reason(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.state == CheckState::Failed)
}

/// A list of checks in the making.
struct Checks<'a> {
    facts: &'a Facts<'a>,
    done: Vec<Check>,
}

impl<'a> Checks<'a> {
    const fn new(facts: &'a Facts<'a>) -> Self {
        Self { facts, done: Vec::new() }
    }

    fn done(mut self) -> Vec<Check> {
        let is_accepted = self.accepted();
        let is_heard = self.edge();
        let seen = self.facts.seen.ok().filter(|_| is_accepted && is_heard);
        let Some(seen) = seen else {
            let why = match (is_accepted, is_heard, self.facts.seen) {
                (false, _, _) => "nothing of it is on the router before it is accepted",
                (true, false, _) => "the router cannot be asked",
                (true, true, Err(why)) => why,
                (true, true, Ok(_)) => "nothing was seen",
            };
            self.unknown_from(CheckName::Router, why);
            return self.done;
        };
        self.router(seen);
        self.port(seen);
        let has_answer = seen.peers.iter().any(|peer| peer.neighbor.answered == Some(true));
        self.vlan(seen, has_answer);
        let peers = self.facts.interface.peers.iter().filter(|peer| peer.is_live());
        for peer in peers {
            let family = peer.addresses.family();
            match seen.peers.iter().find(|one| one.family == family) {
                Some(one) => self.peer(peer, one, seen),
                None => self.unknown_peer(family, "the router did not look at this peer"),
            }
        }
        self.handoff(&seen.handoffs, seen.at);
        for peer in self.facts.interface.peers.iter().filter(|peer| peer.is_live()) {
            let family = peer.addresses.family();
            if let Some(one) = seen.peers.iter().find(|one| one.family == family) {
                self.announced(one, seen.at);
            }
        }
        self.done
    }

    fn put(&mut self, check: Check) {
        self.done.push(check);
    }

    fn ok(&mut self, name: CheckName, seen: impl Into<String>, at: Option<Time>) {
        let seen = seen.into();
        self.put(Check { name, family: None, state: CheckState::Ok, seen, at, advice: None });
    }

    fn failed(&mut self, name: CheckName, seen: impl Into<String>, at: Option<Time>, advice: &str) {
        let (seen, advice) = (seen.into(), Some(advice.to_owned()));
        self.put(Check { name, family: None, state: CheckState::Failed, seen, at, advice });
    }

    fn unknown(&mut self, name: CheckName, family: Option<AddressFamily>, why: &str) {
        let seen = why.to_owned();
        self.put(Check { name, family, state: CheckState::Unknown, seen, at: None, advice: None });
    }

    fn unknown_peer(&mut self, family: AddressFamily, why: &str) {
        for name in session::OF_A_PEER {
            self.unknown(name, Some(family), why);
        }
    }

    fn unknown_from(&mut self, first: CheckName, why: &str) {
        use CheckName::{AllowedPrefixes, Handoff, Port, Router, Vlan};
        for name in [Router, Port, Vlan].into_iter().filter(|name| *name >= first) {
            self.unknown(name, None, why);
        }
        let families: Vec<_> =
            self.facts.interface.peers.iter().map(|peer| peer.addresses.family()).collect();
        for family in &families {
            self.unknown_peer(*family, why);
        }
        self.unknown(Handoff, None, why);
        for family in families {
            self.unknown(AllowedPrefixes, Some(family), why);
        }
    }

    /// Whether it was accepted.
    fn accepted(&mut self) -> bool {
        let Facts { interface, now, .. } = *self.facts;
        let name = CheckName::Accepted;
        match interface.phase {
            Phase::Accepted => {
                self.ok(name, format!("account {} has it", interface.owner), None);
                true
            }
            Phase::Confirming if interface.is_overdue(now) => {
                self.failed(
                    name,
                    "the time to accept it is over",
                    interface.expires,
                    "Lend another interface.",
                );
                false
            }
            Phase::Confirming => {
                let seen = format!("account {} has not accepted it yet", interface.owner);
                let advice = "Its owner accepts it with ConfirmPrivateVirtualInterface or the operation of its type.";
                self.failed(name, seen, None, advice);
                false
            }
            Phase::Verifying => {
                let seen = "it is not verified yet that its prefixes are the customer's";
                let advice = "The operator says so (linkway admin interface verify), or the RPKI: publish a ROA for each prefix.";
                self.failed(name, seen, None, advice);
                false
            }
            Phase::Moving => {
                let to = interface.shown_connection();
                let seen = format!("it moves to connection {to}, once its router has let it go");
                let advice = "It takes some seconds. If it stays so, the operator looks after the edge's agent.";
                self.failed(name, seen, None, advice);
                false
            }
            Phase::Deleting | Phase::Deleted | Phase::Rejected | Phase::Expired => {
                let state = interface.state(now, None, false).as_str();
                let ended = interface.ended.map(|ended| ended.at);
                self.failed(name, format!("it is {state}"), ended, "Order another interface.");
                false
            }
        }
    }

    /// Whether its edge can be believed.
    fn edge(&mut self) -> bool {
        let Facts { interface, heard, is_silent, .. } = *self.facts;
        let edge = &interface.edge;
        match (is_silent, heard) {
            (false, Some(_)) => {
                self.ok(CheckName::Edge, format!("edge router {edge} reports"), heard);
                true
            }
            (true, _) | (false, None) => {
                let seen = match heard {
                    Some(_) => {
                        format!("edge router {edge} has been silent since then; traffic may go on")
                    }
                    None => format!("edge router {edge} has never been heard"),
                };
                let advice = "The operator looks after the edge's agent and its way to the server.";
                self.failed(CheckName::Edge, seen, heard, advice);
                false
            }
        }
    }

    fn router(&mut self, seen: &Observations) {
        let name = CheckName::Router;
        let advice = "It takes some seconds after the acceptance. If it stays so, the operator sees why in the edge's log.";
        match (&seen.vlan, self.facts.error) {
            (Some(_), _) => self.ok(name, "its VLAN is on the router", Some(seen.at)),
            (None, Some(error)) => self.failed(name, error, Some(seen.at), advice),
            (None, None) => {
                self.failed(name, "its VLAN is not on the router", Some(seen.at), advice)
            }
        }
    }

    fn port(&mut self, seen: &Observations) {
        let port = &self.facts.interface.port;
        if seen.port.carrier {
            self.ok(CheckName::Port, format!("port {port} has a carrier"), Some(seen.at));
            return;
        }
        let advice = "Look after the cable, the optics and the port of the customer's router.";
        self.failed(CheckName::Port, format!("port {port} has no carrier"), Some(seen.at), advice);
    }

    fn vlan(&mut self, seen: &Observations, has_answer: bool) {
        let vlan = self.facts.interface.vlan.number();
        let seconds = seen.milliseconds.div_ceil(1000);
        let Some(LinkSeen { received, received_meanwhile, .. }) = seen.vlan else {
            self.unknown(CheckName::Vlan, None, "its VLAN is not on the router");
            return;
        };
        if has_answer || received_meanwhile > 0 {
            let text = format!(
                "{received_meanwhile} frames with VLAN {vlan} arrived in {seconds} s, {received} in all"
            );
            self.ok(CheckName::Vlan, text, Some(seen.at));
            return;
        }
        let others = match seen.port.received_meanwhile {
            0 => "; nothing at all arrived at the port".to_owned(),
            others => format!("; {others} other frames arrived at the port"),
        };
        let text = match received {
            0 => format!("no frame with VLAN {vlan} has ever arrived{others}"),
            _ => format!(
                "no frame with VLAN {vlan} arrived in {seconds} s, {received} in all{others}"
            ),
        };
        let advice = format!(
            "Tag the frames with VLAN {vlan} (802.1Q) on the customer's router, and let it pass on every switch in between."
        );
        self.failed(CheckName::Vlan, text, Some(seen.at), &advice);
    }

    fn peer(&mut self, peer: &BgpPeer, one: &PeerSeen, seen: &Observations) {
        let asn = self.facts.interface.attachment.as_ref().map(|attached| attached.asn.number());
        for check in session::checks(peer, one, asn, seen, self.facts.now) {
            self.put(check);
        }
    }

    fn handoff(&mut self, handoffs: &[HandoffSeen], at: Time) {
        let works = |one: &HandoffSeen| one.carrier && one.reachable != Some(false);
        let advice = "The operator looks after the handoff towards the VPC; until then nothing is announced.";
        match handoffs {
            [] => {
                let text = "the gateway has no handoff on this router";
                self.failed(CheckName::Handoff, text, Some(at), advice);
            }
            all if all.iter().any(works) => {
                self.ok(CheckName::Handoff, "the router reaches the VPC", Some(at));
            }
            all if all.iter().any(|one| one.carrier) => {
                let text = "the router's session with the VPC's fabric is down";
                self.failed(CheckName::Handoff, text, Some(at), advice);
            }
            _ => {
                let text = "the handoff towards the VPC has no carrier";
                self.failed(CheckName::Handoff, text, Some(at), advice);
            }
        }
    }

    fn announced(&mut self, one: &PeerSeen, at: Time) {
        let (name, family) = (CheckName::AllowedPrefixes, Some(one.family));
        if !session::is_up(one) {
            self.unknown(name, family, "the session is not up");
            return;
        }
        let count = one.session.advertised;
        let (state, advice) = match count {
            0 => {
                let advice = "Look whether the VPC has prefixes of this family, and whether the allowed prefixes let them pass.";
                (CheckState::Failed, Some(advice.to_owned()))
            }
            _ => (CheckState::Ok, None),
        };
        let seen = format!("{count} prefixes are announced to the customer's router");
        self.put(Check { name, family, state, seen, at: Some(at), advice });
    }
}

#[cfg(test)]
mod tests;
