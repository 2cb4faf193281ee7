//! What the RPKI says of prefixes and AS numbers: the validated payloads that a relying party (rpki-client, Routinator) writes,
//! and the origin validation of RFC 6811 on them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;

use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::decide::{Command, Context, Decision};
use crate::fault::Fault;
use crate::id::VirtualInterfaceId;
use crate::net::{AddressFamily, Prefix};
use crate::view::{Asked, View};
use crate::virtual_interface::VirtualInterface;
use crate::virtual_interface::public::VerifyInterface;

/// Validated payloads, by AS number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vrps(BTreeMap<u32, Vec<Vrp>>);

/// A validated payload of one AS: it may announce the prefix, and parts of it up to a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vrp {
    prefix: IpNet,
    max_length: u8,
}

impl Vrp {
    /// A prefix, and the greatest length of what may be announced of it.
    ///
    /// # Errors
    ///
    /// A fault that says what is wrong.
    pub fn parse(prefix: &str, max_length: u8) -> Result<Self, Fault> {
        let rule = "is not a prefix";
        let net: IpNet = prefix.parse().map_err(|_| Fault::field("prefix", prefix, rule))?;
        if (net.prefix_len()..=net.max_prefix_len()).contains(&max_length) {
            return Ok(Self { prefix: net, max_length });
        }
        let rule = format!("must be from {} to {}", net.prefix_len(), net.max_prefix_len());
        Err(Fault::field("maxLength", max_length, rule))
    }
}

impl FromIterator<(u32, Vrp)> for Vrps {
    fn from_iter<I: IntoIterator<Item = (u32, Vrp)>>(payloads: I) -> Self {
        let mut found = Self::default();
        for (asn, payload) in payloads {
            found.0.entry(asn).or_default().push(payload);
        }
        found
    }
}

impl Vrps {
    /// Whether an AS may announce a prefix ("valid", RFC 6811, section 2).
    #[must_use]
    pub fn is_valid(&self, asn: u32, prefix: Prefix) -> bool {
        let net = prefix.net();
        let covers = |one: &Vrp| one.prefix.contains(&net) && net.prefix_len() <= one.max_length;
        // AS 0 says that nobody may (RFC 6483, section 4).
        asn != 0 && self.0.get(&asn).is_some_and(|payloads| payloads.iter().any(covers))
    }

    /// Whether all that waits to be verified of an interface is the customer's: each prefix may be announced by the AS of the peer
    /// that would announce it, which is the one of its family or else the only one; a new peer has a prefix to announce.
    #[must_use]
    pub fn verify(&self, interface: &VirtualInterface) -> bool {
        let prefixes = &interface.options.route_filter_prefixes;
        let peers: Vec<&BgpPeer> =
            interface.peers.iter().filter(|peer| peer.phase != PeerPhase::Deleting).collect();
        let announces = |peer: &BgpPeer, prefix: &Prefix| {
            let family = AddressFamily::of(prefix.net().addr());
            peers.len() == 1 || peer.addresses.family() == family
        };
        let valid = prefixes.iter().all(|prefix| {
            let mut by = peers.iter().filter(|peer| announces(peer, prefix));
            by.any(|peer| self.is_valid(peer.asn.number(), *prefix))
        });
        let used = peers.iter().all(|peer| prefixes.iter().any(|prefix| announces(peer, prefix)));
        valid && used && !prefixes.is_empty()
    }
}

/// Verifies an interface that waits for it, if these payloads say that what it has is the customer's. What they do not say is
/// the operator's to say.
#[derive(Clone, Debug)]
pub struct VerifyByRpki {
    /// The interface.
    pub interface: VirtualInterfaceId,
    /// What the RPKI says.
    pub payloads: Arc<Vrps>,
}

impl Command for VerifyByRpki {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let waits = |found: &&VirtualInterface| found.awaits_verification();
        let verified = view
            .interface(&self.interface)?
            .filter(waits)
            .is_some_and(|found| self.payloads.verify(found));
        if !verified {
            return Decision::unchanged(());
        }
        let command = VerifyInterface { interface: self.interface.to_string(), accepted: true };
        Ok(command.decide(view, context)?.map(|_| ()))
    }
}
