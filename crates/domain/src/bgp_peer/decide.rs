//! `CreateBGPPeer`, `DeleteBGPPeer`, and the operator's reset of sessions.

use super::{BgpPeer, PeerPhase};
use crate::access::{self, Action};
use crate::decide::{Changes, Command, Context, Decision};
use crate::failover_test::{self, TestStatus};
use crate::fault::{Fault, ResourceKind};
use crate::id::BgpPeerId;
use crate::net::{AddressFamily, Asn, AuthKey, PeerAddresses};
use crate::view::{Asked, View};
use crate::virtual_interface::decide::wrong_state;
use crate::virtual_interface::{
    InterfaceKind, Phase, Secret, VirtualInterface, chosen_addresses, free_subnet, peer_fits,
    public,
};

/// The path of the structure that has a new peer's members.
const PARENT: &str = "newBGPPeer";

/// `CreateBGPPeer`.
#[derive(Clone, Debug, Default)]
pub struct CreateBgpPeer {
    /// The interface, which must be the caller's own.
    pub interface: String,
    /// The customer's AS number, of two bytes or four.
    pub asn: Option<i64>,
    /// The customer's AS number; wins over `asn`.
    pub asn_long: Option<i64>,
    /// The BGP key; drawn when absent.
    pub auth_key: Option<Secret>,
    /// `ipv4` or `ipv6`.
    pub address_family: Option<String>,
    /// Our end of the session.
    pub amazon_address: Option<String>,
    /// The customer's end.
    pub customer_address: Option<String>,
}

/// `DeleteBGPPeer`: the peer is named by its id, or by its AS number and the customer's address.
#[derive(Clone, Debug, Default)]
pub struct DeleteBgpPeer {
    /// The interface, which must be the caller's own.
    pub interface: String,
    /// The peer.
    pub peer: Option<String>,
    /// The customer's AS number, of two bytes or four.
    pub asn: Option<i64>,
    /// The customer's AS number; wins over `asn`.
    pub asn_long: Option<i64>,
    /// The customer's end, with or without the prefix length.
    pub customer_address: Option<String>,
}

/// The operator starts the BGP sessions of an accepted interface anew, by the interface's id. Its state is what the edge
/// then reports: the state table is not touched. An edge makes a new session of each number, so that asking twice is no
/// harm.
#[derive(Clone, Debug)]
pub struct ResetBgpSessions(pub String);

impl Command for CreateBgpPeer {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let field = |member: &str| format!("{PARENT}.{member}");
        let key = self.auth_key.as_ref().map(|key| AuthKey::parse(&field("authKey"), &key.0));
        let key = key.transpose()?;
        let family = self.address_family.as_deref();
        let family = AddressFamily::parse(&field("addressFamily"), family)?;
        let (ours, theirs) = (self.amazon_address.as_deref(), self.customer_address.as_deref());
        let addresses = PeerAddresses::parse(PARENT, family, ours, theirs)?;
        let asn = Asn::parse(PARENT, self.asn, self.asn_long)?;
        let mut interface = accepted(view, context, &self.interface)?.clone();
        if let Some(known) = interface.peer(family) {
            let rule = format!("has BGP Peer {} already: an interface has one of each", known.id);
            return Err(Fault::field(&field("addressFamily"), family.as_str(), rule).into());
        }
        let attachment =
            interface.attachment.clone().expect("an accepted interface leads somewhere");
        let mut draws = context.seed.draws();
        let is_public = interface.kind == InterfaceKind::Public;
        if is_public {
            public::addresses(PARENT, family, ours, theirs)?;
        }
        let addresses = match (addresses, family) {
            (Some(given), _) => given,
            (None, AddressFamily::Ipv4) => free_subnet(view, &attachment, &interface)?,
            (None, AddressFamily::Ipv6) => chosen_addresses(family, 0, &mut draws),
        };
        let peer = BgpPeer {
            id: BgpPeerId::draw(&mut draws),
            asn,
            auth_key: key.unwrap_or_else(|| AuthKey::draw(&mut draws)),
            addresses,
            phase: if is_public { PeerPhase::Verifying } else { PeerPhase::Live },
            session_resets: 0,
        };
        peer_fits(view, PARENT, &attachment, &interface, &peer)?;
        interface.peers.push(peer);
        put(view, interface)
    }
}

impl Command for DeleteBgpPeer {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let mut interface = accepted(view, context, &self.interface)?.clone();
        let at = self.position(&interface)?;
        if interface.peers[at].phase == PeerPhase::Deleting {
            return Decision::unchanged(interface);
        }
        let is_left = |peer: &&BgpPeer| peer.phase != PeerPhase::Deleting;
        if interface.peers.iter().filter(is_left).count() == 1 {
            // The text that clients match on.
            let text = "The last BGP Peer on a Virtual Interface cannot be deleted.";
            return Err(Fault::client(text).into());
        }
        let gone = interface.peers[at].id.clone();
        match interface.peers[at].phase {
            // No router ever held it, so there is nothing to wait for.
            PeerPhase::Verifying => {
                interface.peers.remove(at);
            }
            PeerPhase::Live | PeerPhase::Deleting => {
                interface.peers[at].phase = PeerPhase::Deleting;
            }
        }
        let mut changes = Changes::new(view);
        if let Some(test) = &mut interface.test {
            test.peers.retain(|peer| *peer != gone);
            if test.peers.is_empty() {
                let end = (TestStatus::Failed, context.now);
                failover_test::conclude(view, &mut changes, &mut interface, end)?;
            }
        }
        changes.put(interface.clone())?;
        changes.decision(interface)
    }
}

impl DeleteBgpPeer {
    /// Which peer of an interface is meant.
    fn position(&self, interface: &VirtualInterface) -> Result<usize, Fault> {
        if let Some(id) = &self.peer {
            let parsed = BgpPeerId::parse(id).ok();
            let found = interface.peers.iter().position(|peer| Some(&peer.id) == parsed.as_ref());
            return found.ok_or_else(|| Fault::not_found(ResourceKind::BgpPeer, id));
        }
        let asn = (self.asn.is_some() || self.asn_long.is_some())
            .then(|| Asn::parse("", self.asn, self.asn_long))
            .transpose()?;
        let (Some(asn), Some(address)) = (asn, &self.customer_address) else {
            let rule = "give it, or asn and customerAddress, which name the peer".to_owned();
            return Err(Fault::Required { field: "bgpPeerId".to_owned(), rule });
        };
        let named = |peer: &BgpPeer| {
            let theirs = peer.addresses.customer();
            let same = *address == theirs.to_string() || *address == theirs.addr().to_string();
            peer.asn == asn && same
        };
        let found = interface.peers.iter().position(named);
        found.ok_or_else(|| {
            Fault::not_found(ResourceKind::BgpPeer, format_args!("{address} of AS {asn}"))
        })
    }
}

impl Command for ResetBgpSessions {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let found = access::find::<VirtualInterface>(view, context, Action::Update, &self.0)?;
        let mut interface = found.clone();
        if interface.phase != Phase::Accepted {
            let rule = "only one that was accepted has a BGP session";
            return Err(wrong_state(view, &interface, context, rule)?.into());
        }
        for peer in &mut interface.peers {
            peer.session_resets = peer.session_resets.wrapping_add(1);
        }
        put(view, interface)
    }
}

/// An interface whose peers can be changed: the caller's own, and accepted.
fn accepted<'v>(view: &'v View, context: &Context<'_>, id: &str) -> Asked<&'v VirtualInterface> {
    let found = access::find::<VirtualInterface>(view, context, Action::Update, id)?;
    if found.phase == Phase::Accepted {
        return Ok(found);
    }
    let rule = "only one that was accepted takes or loses BGP Peers";
    Err(wrong_state(view, found, context, rule)?.into())
}

fn put(view: &View, interface: VirtualInterface) -> Asked<Decision<VirtualInterface>> {
    let mut changes = Changes::new(view);
    changes.put(interface.clone())?;
    changes.decision(interface)
}
