//! Virtual gateways.

use super::{Context, Decision, Outcome, Writes, admin};
use crate::fault::{Fault, FaultKind};
use crate::gateway::{Gateway, Handoff};
use crate::id::{EdgeId, PortName, VirtualGatewayId, VpcId};
use crate::key;
use crate::net::{GatewayAsn, NextHop, Prefix};
use crate::record::Record;
use crate::view::{Asked, View};

/// The most prefixes of a VPC: they are written into one record.
const MOST_CIDRS: usize = 100;
/// The most handoffs: each is three compares (its edge, its port, its claim) of a commit, which has at most 128.
const MOST_HANDOFFS: usize = 40;

/// A new virtual gateway.
#[derive(Clone, Debug)]
pub struct CreateGateway {
    /// Whose it shall be.
    pub account: String,
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
}

pub(super) fn create(view: &View, new: &CreateGateway, context: &Context<'_>) -> Asked<Decision> {
    let asn = match new.asn {
        None => GatewayAsn::DEFAULT,
        Some(number) => GatewayAsn::parse("amazonSideAsn", number)?,
    };
    let vpc = VpcId::parse(&new.vpc)?;
    let cidrs = prefixes(&new.cidrs)?;
    if new.handoffs.len() > MOST_HANDOFFS {
        return Err(too_many("handoffs", new.handoffs.len(), MOST_HANDOFFS).into());
    }
    let owner = admin::existing_account(view, "accountId", &new.account)?;
    let handoffs = new
        .handoffs
        .iter()
        .enumerate()
        .map(|(index, text)| handoff(view, index, text))
        .collect::<Asked<Vec<_>>>()?;
    let mut draws = context.seed.draws();
    let mut id = VirtualGatewayId::draw(&mut draws);
    while view.exists(&key::gateway(&id))? {
        id = VirtualGatewayId::draw(&mut draws);
    }
    let gateway = Gateway { id, owner, asn, vpc, cidrs, handoffs, created: context.now };
    let mut writes = Writes::default();
    for handoff in &gateway.handoffs {
        writes.mark(key::handoff(&handoff.edge, &handoff.interface, &gateway.id));
    }
    writes.mark(key::gateway_of(&gateway.owner, &gateway.id));
    writes.put(key::gateway(&gateway.id), Record::Gateway(gateway.clone()));
    writes.decision(Outcome::Gateway(gateway))
}

fn too_many(field: &str, count: usize, most: usize) -> Fault {
    Fault::of(
        FaultKind::LimitExceeded,
        format!("{field} has {count} members; at most {most} are allowed."),
    )
}

fn prefixes(texts: &[String]) -> Result<Vec<Prefix>, Fault> {
    if texts.is_empty() {
        return Err(Fault::client("cidrs is required: give at least one prefix of the VPC."));
    }
    if texts.len() > MOST_CIDRS {
        return Err(too_many("cidrs", texts.len(), MOST_CIDRS));
    }
    let mut prefixes: Vec<Prefix> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let field = format!("cidrs[{index}]");
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

fn handoff(view: &View, index: usize, text: &HandoffText) -> Asked<Handoff> {
    let field = |name: &str| format!("handoffs[{index}].{name}");
    let edge = EdgeId::parse_field(&field("edgeId"), &text.edge)?;
    let interface = PortName::parse_new(&field("interface"), &text.interface)?;
    let next_hop = NextHop::parse(&field("nextHop"), &text.next_hop)?;
    if view.edge(&edge)?.is_none() {
        return Err(Fault::field(&field("edgeId"), &edge, "is not an edge here").into());
    }
    if view.port(&edge, &interface)?.is_some() {
        let rule =
            format!("is a customer port of edge {edge}; a handoff leads to the cloud's fabric");
        return Err(Fault::field(&field("interface"), &interface, rule).into());
    }
    // An interface is in one VRF: two gateways on it would be one network.
    if !view.is_empty(&key::handoffs_at(&edge, &interface))? {
        let rule = format!("of edge {edge} is the handoff of another gateway");
        return Err(Fault::field(&field("interface"), &interface, rule).into());
    }
    Ok(Handoff { edge, interface, next_hop })
}

pub(super) fn delete(view: &View, id: &str) -> Asked<Decision> {
    let parsed = VirtualGatewayId::parse(id).map_err(|_| Fault::no_gateway(id))?;
    let Some(gateway) = view.gateway(&parsed)?.cloned() else {
        return Err(Fault::no_gateway(id).into());
    };
    if !view.is_empty(&key::all_attached(&parsed))? {
        let text = format!(
            "The VirtualGateway {parsed} cannot be deleted until its Virtual Interfaces are deleted."
        );
        return Err(Fault::client(text).into());
    }
    let mut writes = Writes::default();
    for handoff in &gateway.handoffs {
        writes.delete(key::handoff(&handoff.edge, &handoff.interface, &parsed));
    }
    writes.delete(key::gateway(&parsed));
    writes.delete(key::gateway_of(&gateway.owner, &parsed));
    writes.decision(Outcome::Gateway(gateway))
}

/// A gateway of this account; another's answers exactly like one that does not exist.
pub(super) fn own<'a>(view: &'a View, id: &str, context: &Context<'_>) -> Asked<&'a Gateway> {
    let missing = || Fault::no_gateway(id);
    let parsed = VirtualGatewayId::parse(id).map_err(|_| missing())?;
    match view.gateway(&parsed)? {
        Some(gateway) if gateway.owner == *context.account()? => Ok(gateway),
        Some(_) | None => Err(missing().into()),
    }
}
