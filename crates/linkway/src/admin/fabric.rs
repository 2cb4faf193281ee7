//! `--fabric-peer` of `linkway admin gateway create`: which handoff a session with the fabric belongs to, and its key, which is
//! read from a file: an argument would be in the list of processes and in the shell's history.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use linkway_wire::operator::{FabricPeer, Handoff};
use linkway_wire::value::Secret;

use super::credentials::warn_if_others_may_read;
use super::failure::Failure;
use crate::cli;

/// `[EDGE:INTERFACE:]ADDRESS:ASN[:KEY-FILE]`; an IPv6 address is in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricPeerWord {
    /// The handoff, where it is named.
    handoff: Option<(String, String)>,
    address: IpAddr,
    asn: i64,
    key_file: Option<PathBuf>,
}

impl FromStr for FabricPeerWord {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "not of the form [EDGE:INTERFACE:]ADDRESS:ASN[:KEY-FILE], as 192.0.2.1:65010 or [2001:db8::1]:65010";
        if let Some(word) = session(None, text) {
            return Ok(word);
        }
        let mut parts = text.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(edge), Some(interface), Some(rest))
                if !edge.is_empty() && !interface.is_empty() =>
            {
                session(Some((edge.to_owned(), interface.to_owned())), rest).ok_or(FORM)
            }
            _ => Err(FORM),
        }
    }
}

/// `ADDRESS:ASN[:KEY-FILE]`.
fn session(handoff: Option<(String, String)>, text: &str) -> Option<FabricPeerWord> {
    let (address, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, rest) = bracketed.split_once("]:")?;
            (IpAddr::from(address.parse::<Ipv6Addr>().ok()?), rest)
        }
        None => {
            let (address, rest) = text.split_once(':')?;
            (IpAddr::from(address.parse::<Ipv4Addr>().ok()?), rest)
        }
    };
    let (asn, file) = match rest.split_once(':') {
        Some((_, "")) => return None,
        Some((asn, file)) => (asn, Some(PathBuf::from(file))),
        None => (rest, None),
    };
    Some(FabricPeerWord { handoff, address, asn: asn.parse().ok()?, key_file: file })
}

impl FabricPeerWord {
    fn belongs_to(&self, handoff: &Handoff) -> bool {
        let next_hop: Option<IpAddr> = handoff.next_hop.parse().ok();
        match &self.handoff {
            None => next_hop == Some(self.address),
            Some((edge, interface)) => {
                let same_family =
                    next_hop.is_none_or(|hop| hop.is_ipv4() == self.address.is_ipv4());
                (edge, interface) == (&handoff.edge_id, &handoff.interface) && same_family
            }
        }
    }

    fn peer(&self) -> Result<FabricPeer, Failure> {
        let auth_key = self.key_file.as_deref().map(key).transpose()?;
        Ok(FabricPeer { address: self.address.to_string(), asn: self.asn, auth_key })
    }
}

/// The handoffs, each with its session. Ends the program where a session belongs to no handoff, or a handoff would have two.
///
/// # Errors
///
/// When a key's file cannot be read.
pub fn handoffs(
    mut handoffs: Vec<Handoff>,
    words: Vec<FabricPeerWord>,
) -> Result<Vec<Handoff>, Failure> {
    for word in &words {
        let peer = word.peer()?;
        if let Err(text) = give(&mut handoffs, word, &peer) {
            cli::wrong_admin_usage(&text);
        }
    }
    Ok(handoffs)
}

/// Gives the session to its handoffs: one address may be the next hop on several edges.
fn give(handoffs: &mut [Handoff], word: &FabricPeerWord, peer: &FabricPeer) -> Result<(), String> {
    let mut own: Vec<&mut Handoff> =
        handoffs.iter_mut().filter(|handoff| word.belongs_to(handoff)).collect();
    let address = word.address;
    if own.is_empty() {
        return Err(match &word.handoff {
            Some((edge, interface)) => {
                format!(
                    "--fabric-peer {address}: there is no --handoff {edge}:{interface} of its family"
                )
            }
            None => format!(
                "--fabric-peer {address}: no --handoff has this next hop; name one: EDGE:INTERFACE:ADDRESS:ASN"
            ),
        });
    }
    for handoff in &mut own {
        match &handoff.fabric_peer {
            Some(other) if other != peer => {
                let (edge, interface) = (&handoff.edge_id, &handoff.interface);
                return Err(format!(
                    "--fabric-peer {address}: --handoff {edge}:{interface} has another fabric peer, {}",
                    other.address
                ));
            }
            Some(_) | None => handoff.fabric_peer = Some(peer.clone()),
        }
    }
    Ok(())
}

/// The key that a file holds: its only line.
fn key(path: &Path) -> Result<Secret, Failure> {
    let unreadable = |error| Failure::file("cannot read the BGP key", path, error);
    let text = fs::read_to_string(path).map_err(unreadable)?;
    warn_if_others_may_read(path, "a BGP key").map_err(unreadable)?;
    Ok(Secret::from(text.trim_end_matches(['\r', '\n'])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handoff(edge: &str, next_hop: &str) -> Handoff {
        let [edge_id, interface, next_hop] = [edge, "eth9", next_hop].map(str::to_owned);
        Handoff { edge_id, interface, next_hop, fabric_peer: None }
    }

    #[test]
    fn the_form_of_a_session() {
        let check = |text: &str, expected: Option<(Option<&str>, &str, i64, Option<&str>)>| {
            let word = text.parse::<FabricPeerWord>().ok();
            let handoff = |word: &FabricPeerWord| {
                word.handoff.as_ref().map(|(edge, interface)| format!("{edge}:{interface}"))
            };
            let found = word.as_ref().map(|word| {
                let file = word.key_file.as_ref().map(|file| file.display().to_string());
                (handoff(word), word.address.to_string(), word.asn, file)
            });
            let expected = expected.map(|(handoff, address, asn, file)| {
                (handoff.map(str::to_owned), address.to_owned(), asn, file.map(str::to_owned))
            });
            assert_eq!(found, expected, "{text}");
        };
        check("192.0.2.1:65010", Some((None, "192.0.2.1", 65_010, None)));
        check("192.0.2.1:65010:/k:1", Some((None, "192.0.2.1", 65_010, Some("/k:1"))));
        check("[2001:db8::1]:4200000000:k", Some((None, "2001:db8::1", 4_200_000_000, Some("k"))));
        check("a:eth9.1:192.0.2.1:1:k", Some((Some("a:eth9.1"), "192.0.2.1", 1, Some("k"))));
        check("a:eth9:[2001:db8::1]:-1", Some((Some("a:eth9"), "2001:db8::1", -1, None)));
        for text in [
            "",
            "192.0.2.1",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:1:",
            "2001:db8::1:65010",
            "[192.0.2.1]:1",
            "[2001:db8::1]",
            "router:65010",
            "a:192.0.2.1:1",
            "a::192.0.2.1:1",
            ":b:192.0.2.1:1",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_session_belongs_to_the_handoffs_of_its_next_hop_or_to_the_one_that_is_named() {
        let all = || {
            vec![
                handoff("a", "192.0.2.1"),
                handoff("a", "2001:DB8::1"),
                handoff("b", "192.0.2.5"),
                handoff("c", "192.0.2.1"),
            ]
        };
        let check = |words: &[&str], expected: Result<[&str; 4], &str>| {
            let mut handoffs = all();
            let given: Result<(), String> = words.iter().try_for_each(|text| {
                let word: FabricPeerWord = text.parse().expect("a session");
                give(&mut handoffs, &word, &word.peer().expect("has no file"))
            });
            let peer = |handoff: &Handoff| {
                handoff
                    .fabric_peer
                    .as_ref()
                    .map_or_else(String::new, |peer| format!("{} {}", peer.address, peer.asn))
            };
            let found = given.map(|()| handoffs.iter().map(peer).collect::<Vec<_>>());
            let expected = expected.map(|peers| peers.map(str::to_owned).to_vec());
            assert_eq!(found, expected.map_err(str::to_owned), "{words:?}");
        };
        check(&["192.0.2.5:1"], Ok(["", "", "192.0.2.5 1", ""]));
        check(&["192.0.2.1:1"], Ok(["192.0.2.1 1", "", "", "192.0.2.1 1"]));
        check(&["192.0.2.1:1", "192.0.2.1:1"], Ok(["192.0.2.1 1", "", "", "192.0.2.1 1"]));
        check(&["[2001:db8::1]:1"], Ok(["", "2001:db8::1 1", "", ""]));
        check(&["b:eth9:192.0.2.6:1"], Ok(["", "", "192.0.2.6 1", ""]));
        check(&["a:eth9:[2001:db8::9]:1"], Ok(["", "2001:db8::9 1", "", ""]));
        check(
            &["192.0.2.9:1"],
            Err(
                "--fabric-peer 192.0.2.9: no --handoff has this next hop; name one: EDGE:INTERFACE:ADDRESS:ASN",
            ),
        );
        check(
            &["b:eth9:[2001:db8::9]:1"],
            Err("--fabric-peer 2001:db8::9: there is no --handoff b:eth9 of its family"),
        );
        check(
            &["192.0.2.5:1", "b:eth9:192.0.2.6:1"],
            Err("--fabric-peer 192.0.2.6: --handoff b:eth9 has another fabric peer, 192.0.2.5"),
        );
    }
}
