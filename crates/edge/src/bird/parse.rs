//! What `show protocols all` says, read into the state of sessions. Pure.

use linkway_domain::edge::{PeerStatus, SessionState};
use linkway_domain::net::AddressFamily;

use super::names::session_of;
use super::render::{MARKER, REFUSED};
use super::shut::Shut;
use super::version::Dialect;
use crate::session::{Digest, Peers, SessionId};

/// What BIRD says of one protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// The state of the protocol: `up`, `start`, `stop`, `down`.
    pub state: String,
    /// Since when it has it, as BIRD writes it.
    pub since: String,
    /// Its description.
    pub description: Option<String>,
    /// `BGP state`.
    pub bgp_state: Option<String>,
    /// `Last error`.
    pub last_error: Option<String>,
    /// The name of its (only) channel.
    pub channel: Option<String>,
    /// Routes that the import filter let in.
    pub imported: u32,
    /// Routes that the import filter turned away.
    pub filtered: u32,
    /// Routes that are announced.
    pub exported: u32,
    /// Updates and withdrawals of routes that were received since the session was established.
    pub changes: u64,
}

/// Reads the lines of an answer, without their codes. Lines that mean nothing here are passed over: other versions say
/// more.
#[must_use]
pub fn protocols<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<Protocol> {
    let mut found: Vec<Protocol> = Vec::new();
    for line in lines {
        if let Some(protocol) = summary(line) {
            found.push(protocol);
        } else if let Some(protocol) = found.last_mut() {
            detail(protocol, line.trim());
        }
    }
    found
}

/// A line of the table of protocols: name, kind, table, state, since, info. The head of the table is none. A session that
/// is not down has its BGP state as the first word of the info (`bgp_get_status`).
fn summary(line: &str) -> Option<Protocol> {
    if line.starts_with(' ') {
        return None;
    }
    let mut words = line.split_whitespace();
    let (name, kind, _table, state) = (words.next()?, words.next()?, words.next()?, words.next()?);
    if (name, kind) == ("Name", "Proto") {
        return None;
    }
    let since = words.next().unwrap_or_default();
    let bgp_state = words.next().filter(|_| kind == "BGP" && state != "down");
    Some(Protocol {
        name: name.to_owned(),
        state: state.to_owned(),
        since: since.to_owned(),
        bgp_state: bgp_state.map(str::to_owned),
        ..Protocol::default()
    })
}

impl Protocol {
    /// Whether its line in the table is the same, so that nothing but counters can have changed.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        (&self.name, &self.state, &self.since, &self.bgp_state)
            == (&other.name, &other.state, &other.since, &other.bgp_state)
    }
}

fn detail(protocol: &mut Protocol, line: &str) {
    if let Some(channel) = line.strip_prefix("Channel ") {
        protocol.channel = Some(channel.trim().to_owned());
        return;
    }
    let Some((key, value)) = line.split_once(':') else { return };
    let value = value.trim();
    match key {
        "Description" => protocol.description = Some(value.to_owned()),
        "BGP state" => protocol.bgp_state = Some(value.to_owned()),
        "Last error" => protocol.last_error = Some(value.to_owned()),
        "Routes" => routes(protocol, value),
        "Import updates" | "Import withdraws" => {
            let received = value.split_whitespace().next().and_then(|count| count.parse().ok());
            protocol.changes += received.unwrap_or(0_u64);
        }
        _ => {}
    }
}

/// `99 imported, 1 filtered, 1 exported, 99 preferred`; without rejected routes `filtered` is left out.
fn routes(protocol: &mut Protocol, text: &str) {
    for part in text.split(',') {
        let Some((count, what)) = part.trim().split_once(' ') else { continue };
        let count = count.parse().unwrap_or(0);
        match what {
            "imported" => protocol.imported = count,
            "filtered" => protocol.filtered = count,
            "exported" => protocol.exported = count,
            _ => {}
        }
    }
}

/// What a BIRD has loaded, from its protocols; `None`: not ours, or written for another dialect.
#[must_use]
pub fn loaded(protocols: &[Protocol], dialect: Dialect) -> Option<Digest> {
    let marker = protocols.iter().find_map(|p| p.name.strip_prefix(MARKER))?;
    let (digest, letter) = marker.split_once('_')?;
    if !letter.chars().eq([dialect.letter()]) || digest.len() != 16 {
        return None;
    }
    u64::from_str_radix(digest, 16).ok().map(Digest)
}

/// The sessions among the protocols. While a session is being replaced by its reset there may be two of one id;
/// the one that is not going away counts, or the later reset.
#[must_use]
pub fn peers(protocols: &[Protocol]) -> Peers {
    let is_going = |protocol: &Protocol| matches!(protocol.state.as_str(), "stop" | "flush");
    let mut sessions: Vec<(SessionId, u32, &Protocol)> = protocols
        .iter()
        .filter_map(|protocol| {
            session_of(&protocol.name).map(|(id, resets)| (id, resets, protocol))
        })
        .collect();
    sessions.sort_by_key(|(_, resets, protocol)| (!is_going(protocol), *resets));
    let status = |(id, _, protocol): (SessionId, u32, &Protocol)| {
        let status = status(protocol, id.family);
        (id, status)
    };
    sessions.into_iter().map(status).collect()
}

/// Why it is shut, if it is.
#[must_use]
pub fn shut(protocol: &Protocol) -> Option<Shut> {
    let error = protocol.last_error.as_deref().unwrap_or_default();
    let limit = error.contains("limit exceeded").then_some(Shut::PrefixLimit);
    let described = protocol.description.as_deref().and_then(Shut::of_description);
    limit.or(described).filter(|_| matches!(protocol.state.as_str(), "down" | "stop"))
}

/// Whether the session is established.
#[must_use]
pub fn is_established(protocol: &Protocol) -> bool {
    protocol.bgp_state.as_deref() == Some("Established")
}

/// Whether the limit has shut it.
#[must_use]
pub fn is_shut(protocol: &Protocol) -> bool {
    shut(protocol) == Some(Shut::PrefixLimit)
}

/// Whether it is down and nothing that is known keeps it down: neither is it shut, nor is its configuration one that BIRD cannot be
/// given.
#[must_use]
pub fn is_given_up(protocol: &Protocol) -> bool {
    let refused = protocol.description.as_deref().is_some_and(|d| d.starts_with(REFUSED));
    protocol.state == "down" && !refused && shut(protocol).is_none()
}

fn status(protocol: &Protocol, family: AddressFamily) -> PeerStatus {
    let state = session_state(protocol);
    PeerStatus {
        // The daemon does not know it.
        bgp_peer_id: None,
        address_family: family,
        state,
        has_new_key: false,
        prefixes_accepted: protocol.imported,
        prefixes_rejected: protocol.filtered,
        prefixes_advertised: protocol.exported,
        last_error: explanation(protocol, state),
    }
}

/// Where a session is.
#[must_use]
pub fn session_state(protocol: &Protocol) -> SessionState {
    if is_shut(protocol) {
        return SessionState::PrefixLimit;
    }
    if is_established(protocol) {
        return SessionState::Established;
    }
    match protocol.bgp_state.as_deref() {
        Some("Connect") => SessionState::Connect,
        Some("Active") => SessionState::Active,
        Some("OpenSent") => SessionState::OpenSent,
        Some("OpenConfirm") => SessionState::OpenConfirm,
        // "Idle" (an error is waited out, or the link is down), "Close", "Down", "Passive", and no BGP at all.
        _ => SessionState::Idle,
    }
}

/// What is said of a session that the operator has drained.
const DRAINED: &str = "the operator has drained the interface";

/// What an operator is told. A wrong key is not among BIRD's errors: the kernel drops such segments before BIRD sees
/// them, so the session just gets no answer. That is said where BIRD has nothing to say.
fn explanation(protocol: &Protocol, state: SessionState) -> Option<String> {
    let said = protocol.last_error.clone();
    let refused = protocol.description.as_deref().and_then(|d| d.strip_prefix(REFUSED));
    match state {
        SessionState::Established => None,
        SessionState::PrefixLimit => Some(said.unwrap_or_else(|| {
            "the customer's router announced more prefixes than the limit; the session stays shut until it is reset"
                .to_owned()
        })),
        SessionState::Connect | SessionState::Active => Some(said.unwrap_or_else(|| {
            "no answer yet; check that the customer's router is on, has this VLAN and addresses, and the same BGP key"
                .to_owned()
        })),
        SessionState::Idle | SessionState::OpenSent | SessionState::OpenConfirm => {
            let drained = (shut(protocol) == Some(Shut::Drained)).then_some(DRAINED);
            refused.or(drained).map(str::to_owned).or(said)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table has the state of a session; so a look at the table tells which sessions have changed.
    #[test]
    fn the_table_tells_what_has_changed() {
        let line = |text: &str| protocols([text]).remove(0);
        let up = line("dxvif_ffaabbcc BGP        ---        up     11:20:31.123  Established");
        assert_eq!(up.bgp_state.as_deref(), Some("Established"));
        let details = [
            "dxvif_ffaabbcc BGP        ---        up     11:20:31.123  Established   ",
            "  BGP state:          Established",
            "    Routes:         99 imported, 1 exported, 99 preferred",
        ];
        let known = protocols(details).remove(0);
        assert!(known.is_like(&up) && known.imported == 99);
        let again = line("dxvif_ffaabbcc BGP        ---        up     11:25:00.000  Established");
        assert!(!known.is_like(&again), "it was down in between");
        let down = line("dxvif_ffaabbcc BGP ---  down   11:25:00.000  Error: Route limit exceeded");
        assert!(!known.is_like(&down) && down.bgp_state.is_none());
    }
}
