//! Private virtual interfaces: created for oneself, lent to another account, confirmed, deleted; and what transit ones have in
//! common with them.

use super::options::{self, PrefixNumbers, path};
use super::{
    Attachment, Event, GatewayId, InterfaceKind, Options, Phase, VirtualInterface, public,
};
use crate::access::{self, Action};
use crate::account;
use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::connection::{AssignedPort, Connection, decide as connection};
use crate::decide::{Changes, Command, Context, Decision};
use crate::dx_gateway::{self, DirectConnectGateway};
use crate::failover_test::{self, TestStatus};
use crate::fault::{Fault, ResourceKind};
use crate::id::{AccountId, BgpPeerId, ConnectionId, RoutingDomainId, VirtualInterfaceId};
use crate::key;
use crate::net::{AddressFamily, Asn, AuthKey, Bandwidth, Mtu, PeerAddresses, Vlan};
use crate::quota::{self, Counter};
use crate::record::Claim;
use crate::seed::Draws;
use crate::tag::decide::put_tags;
use crate::tag::{self, TaggedResource, Tags};
use crate::text;
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_gateway::Gateway;

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
    /// A rate limit: a text of the API's; absent or empty: none.
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
pub struct CreatePrivateVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The interface.
    pub new: NewInterface,
    /// The caller's gateway.
    pub gateway: Option<String>,
    /// The caller's Direct Connect gateway, in place of it.
    pub direct_connect_gateway: Option<String>,
    /// SiteLink, which needs a Direct Connect gateway.
    pub site_link: bool,
    /// How many prefixes its sessions take.
    pub prefix_pool: PrefixNumbers,
}

/// `AllocatePrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct AllocatePrivateVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The recipient.
    pub owner: String,
    /// The interface.
    pub new: NewInterface,
}

/// `ConfirmPrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct ConfirmPrivateVirtualInterface {
    /// The interface.
    pub interface: String,
    /// The caller's gateway.
    pub gateway: Option<String>,
    /// The caller's Direct Connect gateway, in place of it.
    pub direct_connect_gateway: Option<String>,
}

/// `DeleteVirtualInterface`, by the interface's id.
#[derive(Clone, Debug)]
pub struct DeleteVirtualInterface(pub String);

/// The members of a new interface, checked as far as they can be on their own.
pub(super) struct Checked {
    name: String,
    vlan: Vlan,
    asn: Asn,
    auth_key: Option<AuthKey>,
    family: AddressFamily,
    pub(super) addresses: Option<PeerAddresses>,
    tags: Tags,
}

pub(super) fn check(
    parent: &str,
    new: &NewInterface,
    context: &Context<'_>,
) -> Result<Checked, Fault> {
    let field = |member: &str| format!("{parent}.{member}");
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
        tags: Tags::parse(&field("tags"), &new.tags, &context.settings.quotas)?,
    })
}

/// The interface as it will be written, on a connection that is known to be usable, and its maker's tags.
pub(super) fn build(
    parent: &str,
    new: &NewInterface,
    checked: Checked,
    on: (&Connection, &AssignedPort),
    (id, draws): (VirtualInterfaceId, &mut Draws),
    context: &Context<'_>,
) -> Result<(VirtualInterface, Tags), Fault> {
    let (connection, port) = on;
    let limit = options::rate_limit(parent, new.rate_limit.as_deref(), connection.bandwidth)?;
    let mtu = match new.mtu {
        None => Mtu::DEFAULT,
        Some(number) => Mtu::parse(&format!("{parent}.mtu"), number, port.jumbo)?,
    };
    let peer = BgpPeer {
        id: BgpPeerId::draw(draws),
        asn: checked.asn,
        auth_key: checked.auth_key.unwrap_or_else(|| AuthKey::draw(draws)),
        rotation: None,
        addresses: checked.addresses.unwrap_or_else(|| {
            let index = subnet_index(&connection.id, checked.vlan, 0);
            chosen_addresses(checked.family, index, draws)
        }),
        phase: PeerPhase::Live,
        session_resets: 0,
    };
    let interface = VirtualInterface {
        id,
        name: checked.name,
        kind: InterfaceKind::Private,
        owner: connection.owner.clone(),
        lender: connection.owner.clone(),
        connection: connection.id.clone(),
        location: connection.location.clone(),
        edge: port.edge.clone(),
        port: port.name.clone(),
        jumbo: port.jumbo,
        simulated: port.simulated,
        vlan: checked.vlan,
        mtu,
        options: Options { rate_limit: limit, ..Options::default() },
        peers: vec![peer],
        attachment: None,
        phase: Phase::Accepted,
        created: context.now,
        expires: None,
        ended: None,
        test: None,
        moving: None,
    };
    Ok((interface, checked.tags))
}

/// The addresses that the service chooses for a session.
pub(crate) fn chosen_addresses(
    family: AddressFamily,
    index: u64,
    draws: &mut Draws,
) -> PeerAddresses {
    match family {
        AddressFamily::Ipv4 => PeerAddresses::link_local(index),
        AddressFamily::Ipv6 => PeerAddresses::unique_local(draws.number()),
    }
}

/// Which /30 of 169.254.0.0/16 the service chooses for a VLAN of a connection: a function of both, so that two live
/// interfaces of a connection never get the same one, without any record of what is free (4,094 VLANs, 16,384 subnets).
fn subnet_index(connection: &ConnectionId, vlan: Vlan, attempt: u64) -> u64 {
    // FNV-1a: the connections of a gateway on one router should start at different places.
    let start = connection.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (start >> 16).wrapping_add(u64::from(vlan.number())).wrapping_add(attempt * 4096) % 16_384
}

pub(super) fn fresh_id(view: &View, draws: &mut Draws, now: Time) -> Asked<VirtualInterfaceId> {
    let mut id = VirtualInterfaceId::draw(draws, now);
    while view.exists(&key::interface(&id))? {
        id = VirtualInterfaceId::draw(draws, now);
    }
    Ok(id)
}

/// Refuses a VLAN that a live interface of the connection has.
pub(super) fn vlan_is_free(view: &View, parent: &str, interface: &VirtualInterface) -> Asked<()> {
    if view.exists(&key::live_vlan(&interface.connection, interface.vlan))? {
        let rule = format!(
            "is in use by another Virtual Interface on connection {}",
            interface.connection
        );
        return Err(Fault::field(&format!("{parent}.vlan"), interface.vlan, rule).into());
    }
    Ok(())
}

/// All that the usual case asks for, loaded in one go, and before anything else is looked at twice. Once something was loaded,
/// what is still missing is asked for where it is needed.
fn want_for_allocation(
    view: &View,
    new: &AllocatePrivateVirtualInterface,
    context: &Context<'_>,
) -> Asked<()> {
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
        Counter::Interfaces(&connection).key(),
        Counter::OffersOf { recipient: &owner, lender: context.account()? }.key(),
        Counter::Offers(&owner).key(),
        key::interface(&VirtualInterfaceId::draw(&mut context.seed.draws(), context.now)),
    ])
}

impl Command for AllocatePrivateVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        want_for_allocation(view, self, context)?;
        let offer = Offer {
            parent: "newPrivateVirtualInterfaceAllocation",
            kind: InterfaceKind::Private,
            connection: &self.connection,
            owner: &self.owner,
            new: &self.new,
        };
        offer.decide(view, context)
    }
}

/// What a request has of an interface that is to be lent.
pub(super) struct Offer<'a> {
    pub parent: &'static str,
    pub kind: InterfaceKind,
    pub connection: &'a str,
    pub owner: &'a str,
    pub new: &'a NewInterface,
}

impl Offer<'_> {
    pub(super) fn decide(
        &self,
        view: &View,
        context: &Context<'_>,
    ) -> Asked<Decision<VirtualInterface>> {
        let Self { parent, kind, connection, new, .. } = *self;
        let mut draws = context.seed.draws();
        let checked = check(parent, new, context)?;
        options::mtu_fits(parent, new.mtu, kind)?;
        let owner = AccountId::parse_field("ownerAccount", self.owner)?;
        let on = connection::usable(view, connection, context)?;
        let bandwidth = on.0.bandwidth;
        if owner == on.0.owner {
            let text = "Cannot allocate VirtualInterface for the connection owner.";
            return Err(Fault::client(text).into());
        }
        let id = fresh_id(view, &mut draws, context.now)?;
        let (mut interface, tags) = build(parent, new, checked, on, (id, &mut draws), context)?;
        interface.kind = kind;
        interface.owner = owner;
        interface.phase = Phase::Confirming;
        interface.expires = Some(context.now.plus(context.settings.confirmation_window));
        vlan_is_free(view, parent, &interface)?;
        has_room(view, context, &interface, bandwidth, &tags)?;
        // Whatever else can be wrong comes first: nobody learns whether an account exists from a request that is refused anyway.
        account::decide::existing(view, "ownerAccount", interface.owner.as_str())?;
        quota::room(view, context, interface.uses_of_offers())?;
        made(view, interface, tags, context)
    }
}

impl Command for CreatePrivateVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let own = Own {
            parent: "newPrivateVirtualInterface",
            connection: &self.connection,
            new: &self.new,
            chosen: Chosen {
                kind: InterfaceKind::Private,
                gateway: self.gateway.as_deref(),
                direct: self.direct_connect_gateway.as_deref(),
            },
            site_link: self.site_link,
            prefix_pool: self.prefix_pool,
        };
        own.decide(view, context)
    }
}

/// What a request has of an interface of the caller's own.
pub(super) struct Own<'a> {
    pub parent: &'static str,
    pub connection: &'a str,
    pub new: &'a NewInterface,
    pub chosen: Chosen<'a>,
    pub site_link: bool,
    pub prefix_pool: PrefixNumbers,
}

impl Own<'_> {
    pub(super) fn decide(
        &self,
        view: &View,
        context: &Context<'_>,
    ) -> Asked<Decision<VirtualInterface>> {
        let Self { parent, connection, new, .. } = *self;
        let kind = self.chosen.kind;
        let checked = check(parent, new, context)?;
        options::mtu_fits(parent, new.mtu, kind)?;
        let prefix_pool = self.prefix_pool.parse(parent, kind)?;
        let on = connection::usable(view, connection, context)?;
        let bandwidth = on.0.bandwidth;
        let attachment = self.chosen.find(view, &format!("{parent}."), context)?;
        let mut draws = context.seed.draws();
        let assigned = checked.addresses.is_none() && checked.family == AddressFamily::Ipv4;
        let id = fresh_id(view, &mut draws, context.now)?;
        let (mut interface, tags) = build(parent, new, checked, on, (id, &mut draws), context)?;
        interface.kind = kind;
        if assigned {
            interface.peers[0].addresses = free_subnet(view, &attachment, &interface)?;
        }
        vlan_is_free(view, parent, &interface)?;
        attach(view, parent, &mut interface, attachment)?;
        if self.site_link {
            options::can_have_site_link(parent, &interface)?;
        }
        interface.options.site_link = self.site_link;
        interface.options.prefix_pool = prefix_pool;
        quota::room(view, context, interface.use_of_dx_gateway())?;
        has_room(view, context, &interface, bandwidth, &tags)?;
        made(view, interface, tags, context)
    }
}

/// Refuses an interface that has no room in the quotas of its connection and its lender.
pub(super) fn has_room(
    view: &View,
    context: &Context<'_>,
    interface: &VirtualInterface,
    bandwidth: Bandwidth,
    tags: &Tags,
) -> Asked<()> {
    quota::room(view, context, interface.use_of_connection())?;
    interface.options_have_room(view, context, None, bandwidth)?;
    let resource = TaggedResource::VirtualInterface(interface.id.clone());
    tag::decide::room(view, context, &resource, tags)
}

/// The decision that makes an interface.
pub(super) fn made(
    view: &View,
    interface: VirtualInterface,
    tags: Tags,
    context: &Context<'_>,
) -> Asked<Decision<VirtualInterface>> {
    let mut changes = Changes::new(view);
    if let Some(expires) = interface.expires {
        let reminder = expires.minus(context.settings.reminder());
        changes.mark(key::due(reminder, interface.id.as_str()));
    }
    if !tags.is_empty() {
        let resource = TaggedResource::VirtualInterface(interface.id.clone());
        put_tags(resource, &interface.lender, tags, &mut changes)?;
    }
    changes.put(interface.clone())?;
    changes.decision(interface)
}

/// Which gateway a request names for an interface of a kind.
pub(super) struct Chosen<'a> {
    pub kind: InterfaceKind,
    pub gateway: Option<&'a str>,
    pub direct: Option<&'a str>,
}

impl Chosen<'_> {
    /// What an interface that leads there is attached to.
    fn find(&self, view: &View, parent: &str, context: &Context<'_>) -> Asked<Attachment> {
        match (self.gateway, self.direct) {
            (Some(id), None) => {
                Ok(access::find::<Gateway>(view, context, Action::Use, id)?.into())
            }
            (None, Some(id)) => {
                let gateway = dx_gateway::decide::available(view, context, Action::Use, id)?;
                self.kinds_agree(view, &format!("{parent}directConnectGatewayId"), gateway)?;
                Ok(gateway.into())
            }
            (Some(_), Some(_)) => Err(Fault::client(format!(
                "{parent}virtualGatewayId and {parent}directConnectGatewayId exclude each other: give one of them."
            ))
            .into()),
            (None, None) if self.kind == InterfaceKind::Transit => {
                let field = format!("{parent}directConnectGatewayId");
                let rule = "a transit Virtual Interface needs a Direct Connect gateway".to_owned();
                Err(Fault::Required { field, rule }.into())
            }
            (None, None) => Err(Fault::client(format!(
                "{parent}virtualGatewayId is required: a private Virtual Interface needs virtualGatewayId or \
                 directConnectGatewayId."
            ))
            .into()),
        }
    }
}

impl Chosen<'_> {
    /// A Direct Connect gateway has virtual gateways and private interfaces, or transit gateways and transit interfaces. Every
    /// commit that adds one of these changes a counter that is read here.
    fn kinds_agree(&self, view: &View, field: &str, gateway: &DirectConnectGateway) -> Asked<()> {
        let is_transit = self.kind == InterfaceKind::Transit;
        let counters = [Counter::Associations(&gateway.id), Counter::Attached(&gateway.id)];
        view.want(counters.iter().map(Counter::key))?;
        let others = match is_transit {
            true => ["virtual gateways", "private Virtual Interfaces"],
            false => ["transit gateways", "transit Virtual Interfaces"],
        };
        for (counter, others) in counters.iter().zip(others) {
            let used = view.count(counter)?.copied().unwrap_or_default();
            let mixes = if is_transit { used.total > used.transit } else { used.transit > 0 };
            if mixes {
                let own = self.kind.as_str();
                let rule =
                    format!("has {others}, beside which it takes no {own} Virtual Interfaces");
                return Err(Fault::field(field, &gateway.id, rule).into());
            }
        }
        Ok(())
    }
}

/// What an interface that leads to a gateway is attached to.
impl From<&Gateway> for Attachment {
    fn from(gateway: &Gateway) -> Self {
        Self {
            gateway: GatewayId::Virtual(gateway.id.clone()),
            routing_domain: RoutingDomainId::of_virtual_gateway(&gateway.id),
            asn: gateway.asn,
        }
    }
}

impl From<&DirectConnectGateway> for Attachment {
    fn from(gateway: &DirectConnectGateway) -> Self {
        Self {
            gateway: GatewayId::DirectConnect(gateway.id.clone()),
            routing_domain: gateway.routing_domain.clone(),
            asn: gateway.asn,
        }
    }
}

/// A /30 that no interface of this routing domain has on this router: the VLAN's own, or one of the next.
pub(crate) fn free_subnet(
    view: &View,
    attachment: &Attachment,
    interface: &VirtualInterface,
) -> Asked<PeerAddresses> {
    for attempt in 0..4 {
        let index = subnet_index(&interface.connection, interface.vlan, attempt);
        let addresses = PeerAddresses::link_local(index);
        if holder(view, attachment, interface, &addresses)?.is_none() {
            return Ok(addresses);
        }
    }
    let text = "No free /30 of 169.254.0.0/16 was found for this gateway: give amazonAddress and customerAddress.";
    Err(Fault::client(text).into())
}

/// Who of the same routing domain on the same router has a part of this subnet.
fn holder<'v>(
    view: &'v View,
    attachment: &Attachment,
    interface: &VirtualInterface,
    addresses: &PeerAddresses,
) -> Asked<Option<&'v Claim>> {
    let pieces = addresses.pieces();
    let domain = &attachment.routing_domain;
    view.want(pieces.iter().map(|p| key::peer_subnet(domain, &interface.edge, p)))?;
    for piece in &pieces {
        if let Some(claim) = view.peer_subnet(domain, &interface.edge, piece)? {
            return Ok(Some(claim));
        }
    }
    Ok(None)
}

/// The rules between a peer and the gateway that its interface leads to.
pub(crate) fn peer_fits(
    view: &View,
    parent: &str,
    attachment: &Attachment,
    interface: &VirtualInterface,
    peer: &BgpPeer,
) -> Asked<()> {
    let gateway = match &attachment.gateway {
        GatewayId::Virtual(id) => id.as_str(),
        GatewayId::DirectConnect(id) => id.as_str(),
        GatewayId::Public => "of the public network",
    };
    if peer.asn.number() == attachment.asn.number() {
        let rule =
            format!("is the AS number of gateway {gateway} itself; the two sides must differ");
        return Err(Fault::field(&path(parent, "asn"), peer.asn, rule).into());
    }
    if let Some(claim) = holder(view, attachment, interface, &peer.addresses)? {
        let rule = match attachment.gateway {
            // The other one may be another account's, who is nobody's business.
            GatewayId::Public => {
                "overlaps the peer subnet of another public Virtual Interface on the same router"
                    .to_owned()
            }
            GatewayId::Virtual(_) | GatewayId::DirectConnect(_) => format!(
                "overlaps the peer subnet of Virtual Interface {} of the same gateway {gateway} on the same router",
                claim.interface
            ),
        };
        let address = peer.addresses.customer();
        return Err(Fault::field(&path(parent, "customerAddress"), address, rule).into());
    }
    Ok(())
}

/// Leads an interface to a gateway.
fn attach(
    view: &View,
    parent: &str,
    interface: &mut VirtualInterface,
    attachment: Attachment,
) -> Asked<()> {
    for peer in &interface.peers {
        peer_fits(view, parent, &attachment, interface, peer)?;
    }
    interface.attachment = Some(attachment);
    Ok(())
}

impl Command for ConfirmPrivateVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let chosen = Chosen {
            kind: InterfaceKind::Private,
            gateway: self.gateway.as_deref(),
            direct: self.direct_connect_gateway.as_deref(),
        };
        confirm(view, context, &self.interface, &chosen)
    }
}

/// Confirms an interface, which then leads to the gateway of the recipient's choice.
pub(super) fn confirm(
    view: &View,
    context: &Context<'_>,
    id: &str,
    chosen: &Chosen<'_>,
) -> Asked<Decision<VirtualInterface>> {
    let found = access::find::<VirtualInterface>(view, context, Action::Confirm, id)?;
    let mut interface = found.clone();
    let phase =
        interface.phase.after(Event::Confirm).filter(|_| !interface.is_overdue(context.now));
    let Some(phase) = phase else {
        let rule = "only one in state confirming can be confirmed";
        return Err(wrong_state(view, &interface, context, rule)?.into());
    };
    public::is_of(&interface, chosen.kind)?;
    let attachment = chosen.find(view, "", context)?;
    attach(view, "", &mut interface, attachment)?;
    interface.expires = None;
    interface.phase = phase;
    quota::room(view, context, interface.use_of_dx_gateway())?;
    let mut changes = Changes::new(view);
    changes.put(interface.clone())?;
    changes.decision(interface)
}

/// The refusal of something that an interface's state does not allow.
pub(crate) fn wrong_state(
    view: &View,
    interface: &VirtualInterface,
    context: &Context<'_>,
    rule: &str,
) -> Asked<Fault> {
    let report = view.interface_status(&interface.id)?.map(|status| &status.report);
    Ok(Fault::IncorrectState {
        field: "virtualInterfaceId",
        id: interface.id.to_string(),
        state: interface.state(context.now, report, false).as_str(),
        rule: rule.to_owned(),
    })
}

impl Command for DeleteVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let found = access::find::<VirtualInterface>(view, context, Action::Delete, &self.0)?;
        let interface = found.clone();
        // The operator deletes for an owner that does not.
        let by_owner = context.principal.account().is_none_or(|who| interface.owner == *who);
        let event = match interface.is_overdue(context.now) {
            true => Event::Expire,
            false if by_owner => Event::DeleteByOwner,
            false => Event::DeleteByLender,
        };
        if interface.phase == Phase::Deleting {
            return Decision::unchanged(interface);
        }
        match interface.phase.after(event) {
            Some(phase) => interface.finish(view, phase, context),
            None => Err(Fault::not_found(ResourceKind::VirtualInterface, &self.0).into()),
        }
    }
}

impl VirtualInterface {
    /// The decision that takes it to `Deleting` or to an end.
    pub(crate) fn finish(
        self,
        view: &View,
        phase: Phase,
        context: &Context<'_>,
    ) -> Asked<Decision<Self>> {
        let mut changes = Changes::new(view);
        let ended = self.end(view, &mut changes, phase, context)?;
        changes.decision(ended)
    }

    /// Takes it to `Deleting` or to an end.
    pub(crate) fn end(
        mut self,
        view: &View,
        changes: &mut Changes<'_>,
        phase: Phase,
        context: &Context<'_>,
    ) -> Asked<Self> {
        if self.phase == Phase::Accepted {
            changes.delete(key::interface_status(&self.id))?;
        }
        // It was in no configuration already. Only one of a later version says that it is gone.
        if self.phase == Phase::Moving {
            changes.mark(key::edge_generation(&self.edge));
        }
        self.moving = None;
        self.without_rotations();
        failover_test::conclude(view, changes, &mut self, (TestStatus::Failed, context.now))?;
        self.expires = None;
        self.phase = phase;
        self.ended = phase.is_terminal().then(|| connection::ended_now(context));
        changes.put(self.clone())?;
        Ok(self)
    }
}
