//! Private virtual interfaces: created for oneself, lent to another account, confirmed, deleted.

use std::collections::BTreeMap;

use super::{Context, Decision, Outcome, Writes, admin, connection, gateway};
use crate::connection::{AssignedPort, Connection};
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::id::{AccountId, BgpPeerId, ConnectionId, VirtualInterfaceId};
use crate::key;
use crate::net::{AddressFamily, Asn, AuthKey, Mtu, PeerAddresses, Vlan};
use crate::record::{Claim, Record};
use crate::seed::Draws;
use crate::tag::Tags;
use crate::text;
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::{AttachedGateway, Event, Phase, VirtualInterface};

/// The members that `NewPrivateVirtualInterface` and `NewPrivateVirtualInterfaceAllocation` have in common.
#[derive(Clone, Debug, Default)]
pub struct NewInterface {
    /// What its maker calls it.
    pub name: String,
    /// The VLAN.
    pub vlan: i64,
    /// The customer's AS number, of two bytes or four.
    pub asn: Option<i64>,
    /// The customer's AS number; wins over `asn`.
    pub asn_long: Option<i64>,
    /// The MTU.
    pub mtu: Option<i64>,
    /// The BGP key; drawn when absent.
    pub auth_key: Option<Secret>,
    /// Our end of the session.
    pub amazon_address: Option<String>,
    /// The customer's end.
    pub customer_address: Option<String>,
    /// `ipv4` or `ipv6`.
    pub address_family: Option<String>,
    /// A rate limit: none is offered here.
    pub rate_limit: Option<String>,
    /// Tags.
    pub tags: Vec<(String, Option<String>)>,
}

/// A caller's secret text, unchecked. Its `Debug` never shows it.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[PROTECTED]")
    }
}

/// `CreatePrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct Create {
    /// The caller's connection.
    pub connection: String,
    /// The interface.
    pub new: NewInterface,
    /// The caller's gateway.
    pub gateway: Option<String>,
    /// A Direct Connect gateway: none exists here.
    pub direct_connect_gateway: Option<String>,
    /// SiteLink: not offered here.
    pub site_link: bool,
    /// A prefix allocation, by member name: not offered here.
    pub prefix_pool: Option<&'static str>,
}

/// `AllocatePrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct Allocate {
    /// The caller's connection.
    pub connection: String,
    /// The recipient.
    pub owner: String,
    /// The interface.
    pub new: NewInterface,
}

/// `ConfirmPrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct Confirm {
    /// The interface.
    pub interface: String,
    /// The caller's gateway.
    pub gateway: Option<String>,
    /// A Direct Connect gateway: none exists here.
    pub direct_connect_gateway: Option<String>,
}

/// The members of a new interface, checked as far as they can be on their own.
struct Checked {
    name: String,
    vlan: Vlan,
    asn: Asn,
    auth_key: Option<AuthKey>,
    family: AddressFamily,
    addresses: Option<PeerAddresses>,
    tags: Tags,
}

fn check(parent: &str, new: &NewInterface) -> Result<Checked, Fault> {
    let field = |member: &str| format!("{parent}.{member}");
    if let Some(limit) = &new.rate_limit {
        return Err(Fault::field(
            &field("rateLimit"),
            limit,
            "is not offered: ports here do not police",
        ));
    }
    let auth_key = new.auth_key.as_ref().map(|key| AuthKey::parse(&field("authKey"), &key.0));
    let family = AddressFamily::parse(&field("addressFamily"), new.address_family.as_deref())?;
    let (ours, theirs) = (new.amazon_address.as_deref(), new.customer_address.as_deref());
    Ok(Checked {
        name: text::name(&field("virtualInterfaceName"), &new.name)?,
        vlan: Vlan::parse(&field("vlan"), new.vlan)?,
        asn: Asn::parse(parent, new.asn, new.asn_long)?,
        auth_key: auth_key.transpose()?,
        family,
        addresses: PeerAddresses::parse(parent, family, ours, theirs)?,
        tags: Tags::parse(&field("tags"), &new.tags)?,
    })
}

/// The interface as it will be written, on a connection that is known to be usable.
fn build(
    parent: &str,
    new: &NewInterface,
    checked: Checked,
    on: (&Connection, &AssignedPort),
    (id, draws): (VirtualInterfaceId, &mut Draws),
    context: &Context<'_>,
) -> Result<VirtualInterface, Fault> {
    let (connection, port) = on;
    let mtu = match new.mtu {
        None => Mtu::DEFAULT,
        Some(number) => Mtu::parse(&format!("{parent}.mtu"), number, port.jumbo)?,
    };
    let lender = connection.owner.clone();
    let mut tags = BTreeMap::new();
    if !checked.tags.is_empty() {
        tags.insert(lender.clone(), checked.tags);
    }
    Ok(VirtualInterface {
        id,
        name: checked.name,
        owner: lender.clone(),
        lender,
        connection: connection.id.clone(),
        location: connection.location.clone(),
        edge: port.edge.clone(),
        port: port.name.clone(),
        jumbo: port.jumbo,
        simulated: port.simulated,
        vlan: checked.vlan,
        peer: BgpPeerId::draw(draws),
        asn: checked.asn,
        auth_key: checked.auth_key.unwrap_or_else(|| AuthKey::draw(draws)),
        addresses: checked.addresses.unwrap_or_else(|| match checked.family {
            AddressFamily::Ipv4 => {
                PeerAddresses::link_local(subnet_index(connection, checked.vlan, 0))
            }
            AddressFamily::Ipv6 => PeerAddresses::unique_local(draws.number()),
        }),
        mtu,
        tags,
        gateway: None,
        phase: Phase::Accepted,
        created: context.now,
        expires: None,
        ended: None,
        reported: None,
        session_resets: 0,
    })
}

/// Which /30 of 169.254.0.0/16 the service chooses for a VLAN of a connection: a function of both, so that two live
/// interfaces of a connection never get the same one, without any record of what is free (4,094 VLANs, 16,384 subnets).
fn subnet_index(connection: &Connection, vlan: Vlan, attempt: u64) -> u64 {
    // FNV-1a: the connections of a gateway on one router should start at different places.
    let start = connection.id.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (start >> 16).wrapping_add(u64::from(vlan.number())).wrapping_add(attempt * 4096) % 16_384
}

fn fresh_id(view: &View, draws: &mut Draws, now: Time) -> Asked<VirtualInterfaceId> {
    let mut id = VirtualInterfaceId::draw(draws, now);
    while view.exists(&key::interface(&id))? {
        id = VirtualInterfaceId::draw(draws, now);
    }
    Ok(id)
}

/// Refuses a VLAN that a live interface of the connection has.
fn claim_vlan(
    view: &View,
    parent: &str,
    interface: &VirtualInterface,
    writes: &mut Writes,
) -> Asked<()> {
    let at = key::live_vlan(&interface.connection, interface.vlan);
    if view.exists(&at)? {
        let rule = format!(
            "is in use by another Virtual Interface on connection {}",
            interface.connection
        );
        return Err(Fault::field(&format!("{parent}.vlan"), interface.vlan, rule).into());
    }
    writes.put(at, Record::Claim(Claim { interface: interface.id.clone() }));
    Ok(())
}

/// All that the usual case asks for, loaded in one go, and before anything else is looked at twice. Once something was loaded,
/// what is still missing is asked for where it is needed.
fn want_for_allocation(view: &View, new: &Allocate, context: &Context<'_>) -> Asked<()> {
    if view.reads().next().is_some() {
        return Ok(());
    }
    let connection = ConnectionId::parse(&new.connection);
    let owner = AccountId::parse(&new.owner);
    let vlan = Vlan::parse("vlan", new.new.vlan);
    let (Ok(connection), Ok(owner), Ok(vlan)) = (connection, owner, vlan) else { return Ok(()) };
    view.want([
        key::connection(&connection),
        key::account(&owner),
        key::live_vlan(&connection, vlan),
        key::interface(&VirtualInterfaceId::draw(&mut context.seed.draws(), context.now)),
    ])
}

pub(super) fn allocate(view: &View, new: &Allocate, context: &Context<'_>) -> Asked<Decision> {
    const PARENT: &str = "newPrivateVirtualInterfaceAllocation";
    let mut draws = context.seed.draws();
    want_for_allocation(view, new, context)?;
    let checked = check(PARENT, &new.new)?;
    let owner = AccountId::parse_field("ownerAccount", &new.owner)?;
    let on = connection::usable(view, &new.connection, context)?;
    if owner == on.0.owner {
        return Err(
            Fault::client("Cannot allocate VirtualInterface for the connection owner.").into()
        );
    }
    let owner = admin::existing_account(view, "ownerAccount", owner.as_str())?;
    let id = fresh_id(view, &mut draws, context.now)?;
    let mut interface = build(PARENT, &new.new, checked, on, (id, &mut draws), context)?;
    let expires = context.now.plus_millis(context.settings.confirmation_window);
    interface.owner = owner;
    interface.phase = Phase::Confirming;
    interface.expires = Some(expires);
    let mut writes = Writes::default();
    claim_vlan(view, PARENT, &interface, &mut writes)?;
    writes.mark(key::due(expires, interface.id.as_str()));
    writes.mark(key::interface_of(&interface.owner, &interface.id));
    writes.mark(key::interface_of(&interface.lender, &interface.id));
    writes.put(key::interface(&interface.id), Record::VirtualInterface(interface.clone()));
    writes.decision(Outcome::VirtualInterface(interface))
}

pub(super) fn create(view: &View, new: &Create, context: &Context<'_>) -> Asked<Decision> {
    const PARENT: &str = "newPrivateVirtualInterface";
    let checked = check(PARENT, &new.new)?;
    if new.site_link {
        let rule = "is not offered: SiteLink needs a Direct Connect gateway";
        return Err(Fault::field(&format!("{PARENT}.enableSiteLink"), "true", rule).into());
    }
    if let Some(member) = new.prefix_pool {
        let text = format!(
            "{PARENT}.{member} is not offered: each session takes 100 prefixes per family."
        );
        return Err(Fault::client(text).into());
    }
    let on = connection::usable(view, &new.connection, context)?;
    let chosen =
        Chosen { gateway: new.gateway.as_deref(), direct: new.direct_connect_gateway.as_deref() };
    let gateway = chosen.find(view, &format!("{PARENT}."), context)?;
    let mut draws = context.seed.draws();
    let assigned = checked.addresses.is_none() && checked.family == AddressFamily::Ipv4;
    let id = fresh_id(view, &mut draws, context.now)?;
    let mut interface = build(PARENT, &new.new, checked, on, (id, &mut draws), context)?;
    if assigned {
        interface.addresses = free_subnet(view, gateway, on.0, &interface)?;
    }
    let mut writes = Writes::default();
    claim_vlan(view, PARENT, &interface, &mut writes)?;
    attach(view, PARENT, &mut interface, gateway, &mut writes)?;
    writes.mark(key::interface_of(&interface.owner, &interface.id));
    writes.put(key::interface(&interface.id), Record::VirtualInterface(interface.clone()));
    writes.decision(Outcome::VirtualInterface(interface))
}

/// Which gateway a request names.
struct Chosen<'a> {
    gateway: Option<&'a str>,
    direct: Option<&'a str>,
}

impl Chosen<'_> {
    fn find<'v>(&self, view: &'v View, parent: &str, context: &Context<'_>) -> Asked<&'v Gateway> {
        match (self.gateway, self.direct) {
            (Some(id), None) => gateway::own(view, id, context),
            (None, Some(id)) => {
                let id = crate::fault::shown(id);
                Err(Fault::client(format!("Direct Connect Gateway {id} does not exist.")).into())
            }
            (Some(_), Some(_)) => Err(Fault::client(format!(
                "{parent}virtualGatewayId and {parent}directConnectGatewayId exclude each other: give one of them."
            ))
            .into()),
            (None, None) => Err(Fault::client(format!(
                "{parent}virtualGatewayId is required: a private Virtual Interface needs virtualGatewayId or \
                 directConnectGatewayId."
            ))
            .into()),
        }
    }
}

/// A /30 that no interface of this gateway has on this router: the VLAN's own, or one of the next.
fn free_subnet(
    view: &View,
    gateway: &Gateway,
    connection: &Connection,
    interface: &VirtualInterface,
) -> Asked<PeerAddresses> {
    for attempt in 0..4 {
        let addresses =
            PeerAddresses::link_local(subnet_index(connection, interface.vlan, attempt));
        if holder(view, gateway, interface, &addresses)?.is_none() {
            return Ok(addresses);
        }
    }
    let text = "No free /30 of 169.254.0.0/16 was found for this gateway: give amazonAddress and customerAddress.";
    Err(Fault::client(text).into())
}

/// Who of the same gateway on the same router has a part of this subnet.
fn holder<'v>(
    view: &'v View,
    gateway: &Gateway,
    interface: &VirtualInterface,
    addresses: &PeerAddresses,
) -> Asked<Option<&'v Claim>> {
    let pieces = addresses.pieces();
    view.want(pieces.iter().map(|p| key::peer_subnet(&gateway.id, &interface.edge, p)))?;
    for piece in &pieces {
        if let Some(claim) = view.peer_subnet(&gateway.id, &interface.edge, piece)? {
            return Ok(Some(claim));
        }
    }
    Ok(None)
}

/// Leads an interface to a gateway: the rules between the two, and what the router has to know.
fn attach(
    view: &View,
    parent: &str,
    interface: &mut VirtualInterface,
    gateway: &Gateway,
    writes: &mut Writes,
) -> Asked<()> {
    if interface.asn.number() == gateway.asn.number() {
        let rule =
            format!("is the AS number of gateway {} itself; the two sides must differ", gateway.id);
        let field = if parent.is_empty() { "asn".to_owned() } else { format!("{parent}.asn") };
        return Err(Fault::field(&field, interface.asn, rule).into());
    }
    if let Some(claim) = holder(view, gateway, interface, &interface.addresses)? {
        let rule = format!(
            "overlaps the peer subnet of Virtual Interface {} of the same gateway {} on the same router",
            claim.interface, gateway.id
        );
        let field = if parent.is_empty() {
            "customerAddress".to_owned()
        } else {
            format!("{parent}.customerAddress")
        };
        return Err(Fault::field(&field, interface.addresses.customer(), rule).into());
    }
    for piece in interface.addresses.pieces() {
        let claim = Claim { interface: interface.id.clone() };
        writes.put(key::peer_subnet(&gateway.id, &interface.edge, &piece), Record::Claim(claim));
    }
    interface.gateway = Some(AttachedGateway { id: gateway.id.clone(), asn: gateway.asn });
    writes.mark(key::attached(&gateway.id, &interface.id));
    writes.mark(key::edge_interface(&interface.edge, &interface.id));
    writes.mark(key::edge_generation(&interface.edge));
    Ok(())
}

/// An interface that this account may see; another's answers exactly like one that does not exist.
pub(super) fn visible<'a>(
    view: &'a View,
    id: &str,
    context: &Context<'_>,
) -> Asked<&'a VirtualInterface> {
    let missing = || Fault::no_interface(id);
    let parsed = VirtualInterfaceId::parse(id).map_err(|_| missing())?;
    let account = context.account()?;
    match view.interface(&parsed)? {
        Some(interface)
            if interface.is_visible_to(account) && !interface.is_forgotten(context.now) =>
        {
            Ok(interface)
        }
        Some(_) | None => Err(missing().into()),
    }
}

pub(super) fn confirm(view: &View, confirm: &Confirm, context: &Context<'_>) -> Asked<Decision> {
    let mut interface = visible(view, &confirm.interface, context)?.clone();
    if interface.owner != *context.account()? {
        let rule = format!("is not yours to confirm: its owner is account {}", interface.owner);
        return Err(Fault::field("virtualInterfaceId", &interface.id, rule).into());
    }
    let phase =
        interface.phase.after(Event::Confirm).filter(|_| !interface.is_overdue(context.now));
    let Some(phase) = phase else {
        let state = interface.state(context.now, false).as_str();
        let rule = format!("is in state {state}; only one in state confirming can be confirmed");
        return Err(Fault::field("virtualInterfaceId", &interface.id, rule).into());
    };
    let chosen = Chosen {
        gateway: confirm.gateway.as_deref(),
        direct: confirm.direct_connect_gateway.as_deref(),
    };
    let gateway = chosen.find(view, "", context)?;
    let mut writes = Writes::default();
    attach(view, "", &mut interface, gateway, &mut writes)?;
    if let Some(expires) = interface.expires.take() {
        writes.delete(key::due(expires, interface.id.as_str()));
    }
    interface.phase = phase;
    writes.put(key::interface(&interface.id), Record::VirtualInterface(interface.clone()));
    writes.decision(Outcome::VirtualInterface(interface))
}

pub(super) fn delete(view: &View, id: &str, context: &Context<'_>) -> Asked<Decision> {
    let interface = visible(view, id, context)?.clone();
    let by_owner = interface.owner == *context.account()?;
    let event = match interface.is_overdue(context.now) {
        true => Event::Expire,
        false if by_owner => Event::DeleteByOwner,
        false => Event::DeleteByLender,
    };
    if interface.phase == Phase::Deleting {
        return Decision::unchanged(Outcome::VirtualInterface(interface));
    }
    match interface.phase.after(event) {
        Some(phase) => finish(interface, phase, context),
        None => Err(Fault::no_interface(id).into()),
    }
}

/// Takes an interface to `Deleting` or to an end.
pub(super) fn finish(
    mut interface: VirtualInterface,
    phase: Phase,
    context: &Context<'_>,
) -> Asked<Decision> {
    let mut writes = Writes::default();
    let was_confirming = interface.phase == Phase::Confirming;
    if let Some(expires) = interface.expires.take().filter(|_| was_confirming) {
        writes.delete(key::due(expires, interface.id.as_str()));
    }
    interface.phase = phase;
    if !was_confirming {
        writes.mark(key::edge_generation(&interface.edge));
    }
    if phase.is_terminal() {
        release(&interface, &mut writes);
        let ended = connection::ended_now(context);
        interface.ended = Some(ended);
        interface.reported = None;
        writes.mark(key::due(ended.forget, interface.id.as_str()));
        writes.mark(key::ended_on(&interface.connection, &interface.id));
    }
    writes.put(key::interface(&interface.id), Record::VirtualInterface(interface.clone()));
    writes.decision(Outcome::VirtualInterface(interface))
}

/// Gives back everything that a live interface has for itself alone.
fn release(interface: &VirtualInterface, writes: &mut Writes) {
    writes.delete(key::live_vlan(&interface.connection, interface.vlan));
    if let Some(gateway) = &interface.gateway {
        writes.delete(key::attached(&gateway.id, &interface.id));
        writes.delete(key::edge_interface(&interface.edge, &interface.id));
        for piece in interface.addresses.pieces() {
            writes.delete(key::peer_subnet(&gateway.id, &interface.edge, &piece));
        }
    }
}
