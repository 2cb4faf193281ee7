//! The checks of a peer: from the customer's address to BFD.

use super::{Check, CheckName, CheckState};
use crate::bgp_peer::BgpPeer;
use crate::edge::{Observations, PeerSeen, SegmentsSeen, SessionState};
use crate::net::AddressFamily;
use crate::time::Time;

/// The checks of a peer, in order.
pub(super) const OF_A_PEER: [CheckName; 8] = [
    CheckName::Neighbor,
    CheckName::Tcp,
    CheckName::Md5,
    CheckName::Open,
    CheckName::Asn,
    CheckName::HoldTimer,
    CheckName::PrefixLimit,
    CheckName::Bfd,
];

/// Whether the session is established.
pub(super) fn is_up(one: &PeerSeen) -> bool {
    one.session.state == Some(SessionState::Established)
}

/// The checks of a peer; `ours` is the gateway's AS number.
pub(super) fn checks(
    peer: &BgpPeer,
    one: &PeerSeen,
    ours: Option<u32>,
    seen: &Observations,
    now: Time,
) -> Vec<Check> {
    let subject = Subject { peer, one, ours, at: seen.at, now };
    let verdict = subject.verdict();
    OF_A_PEER.into_iter().map(|name| subject.check(name, verdict.as_ref())).collect()
}

struct Subject<'a> {
    peer: &'a BgpPeer,
    one: &'a PeerSeen,
    ours: Option<u32>,
    at: Time,
    now: Time,
}

/// What keeps a session down.
struct Verdict {
    name: CheckName,
    seen: String,
    at: Option<Time>,
    advice: String,
}

impl Subject<'_> {
    fn family(&self) -> AddressFamily {
        self.one.family
    }

    fn check(&self, name: CheckName, verdict: Option<&Verdict>) -> Check {
        let family = Some(self.family());
        if let Some(verdict) = verdict.filter(|verdict| verdict.name == name) {
            let (seen, advice) = (verdict.seen.clone(), Some(verdict.advice.clone()));
            return Check { name, family, state: CheckState::Failed, seen, at: verdict.at, advice };
        }
        let passed = verdict.is_none_or(|verdict| name < verdict.name);
        let found = if passed { self.good(name, verdict) } else { None };
        let (state, seen) = match (found, verdict) {
            (Some(seen), _) => (CheckState::Ok, seen),
            (None, Some(_)) => (CheckState::Unknown, "not reached".to_owned()),
            (None, None) => (CheckState::Unknown, "nothing was seen of it".to_owned()),
        };
        let at = (state == CheckState::Ok).then_some(self.at);
        Check { name, family, state, seen, at, advice: None }
    }

    /// What is as it should be; `None`: that cannot be told.
    fn good(&self, name: CheckName, verdict: Option<&Verdict>) -> Option<String> {
        let session = &self.one.session;
        let (up, segments) = (is_up(self.one), self.one.segments);
        let theirs = self.peer.addresses.customer().addr();
        // An error of BGP's own, or one that only an established session has: there was a connection.
        let was_up = verdict.is_some_and(|verdict| verdict.name >= CheckName::PrefixLimit);
        let has_talked = up || was_up || self.daemon_error().is_some_and(is_of_bgp);
        match name {
            CheckName::Neighbor => {
                let answers = up || self.one.neighbor.answered == Some(true);
                let ping = if self.one.neighbor.pinged { "answers ping" } else { "is there" };
                answers.then(|| format!("{theirs} {ping}"))
            }
            CheckName::Tcp => (has_talked || segments != SegmentsSeen::default())
                .then(|| format!("TCP segments of BGP arrive from {theirs}")),
            CheckName::Md5 => {
                let right = has_talked || segments.signed > 0;
                right.then(|| format!("their signature is right{}", self.rotation()))
            }
            CheckName::Open => has_talked.then(|| "opening messages are exchanged".to_owned()),
            CheckName::Asn => has_talked
                .then(|| format!("the customer's router has AS {}", self.peer.asn.number())),
            CheckName::HoldTimer => (up || was_up).then(|| "it has not expired".to_owned()),
            CheckName::PrefixLimit => (up || was_up).then(|| {
                let all = session.accepted.saturating_add(session.rejected);
                format!("{all} prefixes of {} at most", session.prefix_limit)
            }),
            CheckName::Bfd => up.then(|| match session.bfd_up {
                Some(_) => "BFD is up".to_owned(),
                None => "the customer's router does not use BFD".to_owned(),
            }),
            CheckName::Accepted
            | CheckName::Edge
            | CheckName::Router
            | CheckName::Port
            | CheckName::Vlan
            | CheckName::Handoff
            | CheckName::AllowedPrefixes => None,
        }
    }

    /// That a new key waits beside the one in use; a part of a sentence.
    fn rotation(&self) -> String {
        let waits = self.peer.rotation.as_ref().map(|rotation| {
            let minutes = rotation.until.since(self.now).as_secs().div_ceil(60);
            let tried = "while the session is down the router tries it and the one before in turns";
            format!("; a new key waits for {minutes} min at most, and {tried}")
        });
        waits.unwrap_or_default()
    }

    /// The daemon's last words, the more exact first: the log's are for the same error, or of an earlier one.
    fn daemon_error(&self) -> Option<&str> {
        let session = &self.one.session;
        let error = session.last_error.as_deref()?;
        let core = error.split_once(": ").map_or(error, |(_, core)| core);
        session.last_log.as_deref().filter(|log| log.contains(core)).or(Some(error))
    }

    fn error_at(&self) -> Option<Time> {
        self.one.session.logged_at.or(Some(self.at))
    }

    fn verdict(&self) -> Option<Verdict> {
        let session = &self.one.session;
        if is_up(self.one) {
            return None;
        }
        let verdict = |name, seen: String, at, advice: &str| {
            Some(Verdict { name, seen, at, advice: advice.to_owned() })
        };
        if session.state == Some(SessionState::PrefixLimit) {
            return verdict(
                CheckName::PrefixLimit,
                format!(
                    "the customer's router announced more than {} prefixes; the session stays shut until the operator resets it",
                    session.prefix_limit
                ),
                self.error_at(),
                "Announce fewer prefixes, summarized ones for example, then ask the operator to reset the session.",
            );
        }
        self.segments()
            .or_else(|| self.neighbor())
            .or_else(|| self.daemon_error().and_then(|error| self.told(error)))
            .or_else(|| self.silence())
    }

    /// What the segments that came say: they are of this moment.
    fn segments(&self) -> Option<Verdict> {
        let SegmentsSeen { badly_signed, unsigned, resets, .. } = self.one.segments;
        let theirs = self.peer.addresses.customer().addr();
        let verdict = |name, seen: String, advice: &str| {
            Some(Verdict { name, seen, at: Some(self.at), advice: advice.to_owned() })
        };
        if badly_signed > 0 {
            return verdict(
                CheckName::Md5,
                format!(
                    "{badly_signed} TCP segments from {theirs} were signed with another key; both sides drop such segments without a word{}",
                    self.rotation()
                ),
                "Enter the interface's authKey again on the customer's router, without blanks at its ends.",
            );
        }
        if unsigned > 0 {
            return verdict(
                CheckName::Md5,
                format!(
                    "{unsigned} TCP segments from {theirs} had no MD5 signature{}",
                    self.rotation()
                ),
                "Configure the interface's authKey as the session's password (TCP MD5, RFC 2385) on the customer's router.",
            );
        }
        if resets > 0 {
            return verdict(
                CheckName::Tcp,
                format!("{theirs} refuses connections to BGP's port"),
                "Start BGP on the customer's router, with our address as its neighbor.",
            );
        }
        None
    }

    fn neighbor(&self) -> Option<Verdict> {
        let seen = &self.one.neighbor;
        if seen.answered != Some(false) {
            return None;
        }
        let theirs = self.peer.addresses.customer();
        let how = match self.family() {
            AddressFamily::Ipv4 => "ARP",
            AddressFamily::Ipv6 => "neighbor discovery",
        };
        let others: Vec<String> = seen.others.iter().map(ToString::to_string).collect();
        let there = match others.as_slice() {
            [] => String::new(),
            some => format!("; somebody on the VLAN has {} instead", some.join(", ")),
        };
        Some(Verdict {
            name: CheckName::Neighbor,
            seen: format!("{} does not answer {how}{there}", theirs.addr()),
            at: Some(self.at),
            advice: format!("Give the customer's router the address {theirs} on this VLAN."),
        })
    }

    /// What BGP's own errors say (RFC 4271, section 6; RFC 4486), as BIRD words them.
    fn told(&self, error: &str) -> Option<Verdict> {
        let by_them = error.contains("Received: ");
        let configured = self.peer.asn.number();
        let verdict = |name, advice: String| {
            Some(Verdict { name, seen: error.to_owned(), at: self.error_at(), advice })
        };
        let has = |text: &str| error.contains(text);
        if has("Bad peer AS") && by_them {
            let ours =
                self.ours.map_or_else(|| "the amazonSideAsn".to_owned(), |asn| format!("AS {asn}"));
            let advice = format!(
                "The customer's router expects another AS number of ours: configure {ours} as its neighbor's."
            );
            return verdict(CheckName::Asn, advice);
        }
        if has("Bad peer AS") {
            let advice = format!(
                "The interface says AS {configured}: configure that on the customer's router, or delete the peer and create it with the right one."
            );
            return verdict(CheckName::Asn, advice);
        }
        if has("Unacceptable hold time") || has("Hold timer expired") {
            let advice = "Look for losses on the way and for a router that is too busy; offer a hold time of 3 s or more.";
            return verdict(CheckName::HoldTimer, advice.to_owned());
        }
        if has("limit exceeded") || has("Maximum number of prefixes") {
            let advice = "Announce fewer prefixes, summarized ones for example.";
            return verdict(CheckName::PrefixLimit, advice.to_owned());
        }
        if has("BFD") {
            let advice = "Look for losses on the way, or for BFD intervals that the customer's router cannot keep.";
            return verdict(CheckName::Bfd, advice.to_owned());
        }
        // A way that is there now was missing then.
        let is_over = ["No route to host", "unreachable"].iter().any(|words| has(words));
        if has("Socket: ") && !(is_over && self.one.neighbor.answered == Some(true)) {
            let advice = "Start BGP on the customer's router, with our address as its neighbor, and let TCP port 179 pass.";
            return verdict(CheckName::Tcp, advice.to_owned());
        }
        if has("shut: drained") {
            let advice =
                "The operator has taken it out of use for maintenance, and brings it back.";
            return verdict(CheckName::Open, advice.to_owned());
        }
        if is_of_bgp(error) || has("shut: ") || has("refused") {
            let advice = "Compare the neighbor's configuration on the customer's router: whether it is enabled, its address family, its capabilities.";
            return verdict(CheckName::Open, advice.to_owned());
        }
        None
    }

    /// The address answers, nothing else is said.
    fn silence(&self) -> Option<Verdict> {
        if self.one.segments.signed > 0 || self.one.neighbor.answered.is_none() {
            return None;
        }
        let theirs = self.peer.addresses.customer().addr();
        Some(Verdict {
            name: CheckName::Tcp,
            seen: format!("{theirs} answers nothing on BGP's port, and sent no segment while it was looked at{}", self.rotation()),
            at: Some(self.at),
            advice: "Most often the customer's router has another key, which makes it drop our segments without a word: enter the authKey \
                     again. Otherwise look for a filter on TCP port 179, or BGP that is not configured. Ask again in a minute: a segment of its \
                     own tells more."
                .to_owned(),
        })
    }
}

/// Whether an error is one of BGP's messages, so that a connection was made and the signatures were right.
fn is_of_bgp(error: &str) -> bool {
    ["Error: ", "Received: "].iter().any(|kind| error.contains(kind)) && !error.contains("Socket: ")
}
