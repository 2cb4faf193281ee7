//! The operator makes and deletes virtual gateways.

use super::{FabricPeer, Gateway, Handoff};
use crate::access::{self, Action};
use crate::account;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::{EdgeId, PortName, VirtualGatewayId, VpcId};
use crate::in_use::{self, Uses};
use crate::key;
use crate::net::{AddressFamily, GatewayAsn, NextHop, Prefix};
use crate::text;
use crate::view::{Asked, View};
use crate::virtual_interface::Secret;

/// The most prefixes of a VPC: they are written into one record.
const MOST_CIDRS: usize = 100;
/// The most handoffs: each is three compares (its edge, its port, its claim) of a commit, which has at most 128.
const MOST_HANDOFFS: usize = 40;

/// A new virtual gateway.
#[derive(Clone, Debug)]
pub struct CreateGateway {
    /// Whose it is.
    pub account: String,
    /// What people call it.
    pub name: Option<String>,
    /// Our AS number; absent: 64512.
    pub asn: Option<i64>,
    /// The VPC behind it.
    pub vpc: String,
    /// The VPC's prefixes.
    pub cidrs: Vec<String>,
    /// Where the VPC is reached.
    pub handoffs: Vec<HandoffText>,
}

/// A handoff, unchecked.
#[derive(Clone, Debug)]
pub struct HandoffText {
    /// The router.
    pub edge: String,
    /// Its interface towards the fabric.
    pub interface: String,
    /// The next hop.
    pub next_hop: String,
    /// The fabric's router that the edge is to have a BGP session with.
    pub fabric_peer: Option<FabricPeerText>,
}

/// The BGP peer of a handoff, unchecked.
#[derive(Clone, Debug)]
pub struct FabricPeerText {
    /// Its address.
    pub address: String,
    /// Its AS number.
    pub asn: i64,
    /// The session's key.
    pub auth_key: Option<Secret>,
}

/// Deletes a virtual gateway, by its id.
#[derive(Clone, Debug)]
pub struct DeleteGateway(pub String);

impl Command for CreateGateway {
    type Outcome = Gateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Gateway>> {
        let asn = match self.asn {
            None => GatewayAsn::DEFAULT,
            Some(number) => GatewayAsn::parse("amazonSideAsn", number)?,
        };
        let name = self.name.as_deref().map(|name| text::name("name", name)).transpose()?;
        let vpc = VpcId::parse(&self.vpc)?;
        let cidrs = prefixes("cidrs", "of the VPC", &self.cidrs)?;
        let owner = account::decide::existing(view, "accountId", &self.account)?;
        let handoffs = handoffs(view, &self.handoffs, &[])?;
        let mut draws = context.seed.draws();
        let mut id = VirtualGatewayId::draw(&mut draws);
        while view.exists(&key::gateway(&id))? {
            id = VirtualGatewayId::draw(&mut draws);
        }
        let created = context.now;
        let gateway = Gateway { id, name, owner, asn, vpc, cidrs, handoffs, created };
        let mut changes = Changes::new(view);
        changes.put(gateway.clone())?;
        changes.decision(gateway)
    }
}

impl Command for DeleteGateway {
    type Outcome = Gateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Gateway>> {
        let gateway = access::find::<Gateway>(view, context, Action::Delete, &self.0)?.clone();
        let uses = [
            Uses { noun: "virtual interface", range: key::all_attached(&gateway.id) },
            Uses { noun: "gateway association", range: key::live_associated(gateway.id.as_str()) },
        ];
        in_use::refuse(view, ("virtualGatewayId", &gateway.id), &uses)?;
        let mut changes = Changes::new(view);
        changes.delete(key::gateway(&gateway.id))?;
        changes.decision(gateway)
    }
}

fn bounded(field: &str, count: usize, limit: usize) -> Result<(), Fault> {
    if count > limit {
        return Err(Fault::LimitExceeded { field: field.to_owned(), count, limit });
    }
    Ok(())
}

/// Checks a list of prefixes of which none overlaps another; `whose` ends the rule that there must be one.
pub(crate) fn prefixes(list: &str, whose: &str, texts: &[String]) -> Result<Vec<Prefix>, Fault> {
    if texts.is_empty() {
        let rule = format!("give at least one prefix {whose}");
        return Err(Fault::Required { field: list.to_owned(), rule });
    }
    bounded(list, texts.len(), MOST_CIDRS)?;
    let mut prefixes: Vec<Prefix> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("{list}[{index}]");
        let prefix = Prefix::parse(&field, text)?;
        if let Some(other) = prefixes.iter().find(|other| other.overlaps(prefix)) {
            return Err(Fault::field(
                &field,
                prefix,
                format_args!("overlaps {other} of the same gateway"),
            ));
        }
        prefixes.push(prefix);
    }
    Ok(prefixes)
}

/// Checks the handoffs of a gateway that has these already.
pub(crate) fn handoffs(
    view: &View,
    texts: &[HandoffText],
    known: &[Handoff],
) -> Asked<Vec<Handoff>> {
    bounded("handoffs", texts.len(), MOST_HANDOFFS)?;
    let texts = texts.iter().enumerate();
    let handoffs = texts.map(|(index, text)| handoff(view, index, text, known));
    let handoffs = handoffs.collect::<Asked<Vec<_>>>()?;
    sessions_count(&handoffs)?;
    Ok(handoffs)
}

fn handoff(view: &View, index: usize, text: &HandoffText, known: &[Handoff]) -> Asked<Handoff> {
    let field = |name: &str| format!("handoffs[{index}].{name}");
    let edge = EdgeId::parse_field(&field("edgeId"), &text.edge)?;
    let interface = PortName::parse_new(&field("interface"), &text.interface)?;
    let next_hop = NextHop::parse(&field("nextHop"), &text.next_hop)?;
    if view.edge(&edge)?.is_none() {
        return Err(Fault::field(&field("edgeId"), &edge, "does not exist").into());
    }
    if view.port(&edge, &interface)?.is_some() {
        let rule =
            format!("is a customer port of edge {edge}; a handoff leads to the cloud's fabric");
        return Err(Fault::field(&field("interface"), &interface, rule).into());
    }
    // An interface is in one VRF: two gateways on it would be one network. Nobody else may claim what this gateway has.
    let is_own = known.iter().any(|old| (&old.edge, &old.interface) == (&edge, &interface));
    if !is_own && !view.is_empty(&key::handoffs_at(&edge, &interface))? {
        let rule = format!("of edge {edge} is the handoff of another gateway");
        return Err(Fault::field(&field("interface"), &interface, rule).into());
    }
    let family = AddressFamily::of(next_hop.address());
    let peer = text.fabric_peer.as_ref();
    let peer =
        peer.map(|peer| FabricPeer::parse(&field("fabricPeer"), family, peer)).transpose()?;
    Ok(Handoff { edge, interface, next_hop, fabric_peer: peer })
}

/// Of an edge and family the first handoff counts: a session on another one would never be.
fn sessions_count<'h>(handoffs: &'h [Handoff]) -> Result<(), Fault> {
    let place =
        |handoff: &'h Handoff| (&handoff.edge, AddressFamily::of(handoff.next_hop.address()));
    for (index, handoff) in handoffs.iter().enumerate() {
        let Some(peer) = &handoff.fabric_peer else { continue };
        let before = handoffs[..index].iter().position(|other| place(other) == place(handoff));
        if let Some(first) = before {
            let field = format!("handoffs[{index}].fabricPeer.address");
            let rule = format!(
                "is on a handoff that does not count: of edge {} and this address family, handoffs[{first}] comes first",
                handoff.edge
            );
            return Err(Fault::field(&field, peer.address, rule));
        }
    }
    Ok(())
}
