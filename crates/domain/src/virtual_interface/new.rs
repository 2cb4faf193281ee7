//! A new virtual interface of any kind: its members checked, the record built, and the decision that makes it.

use super::options;
use super::{InterfaceKind, Options, Phase, VirtualInterface};
use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::connection::decide as connection;
use crate::decide::{Changes, Context, Decision};
use crate::fault::Fault;
use crate::id::{BgpPeerId, ConnectionId, VirtualInterfaceId};
use crate::key;
use crate::net::{AddressFamily, Asn, AuthKey, Bandwidth, Mtu, PeerAddresses, Vlan};
use crate::quota;
use crate::seed::Draws;
use crate::tag::decide::put_tags;
use crate::tag::{self, TaggedResource, Tags};
use crate::text;
use crate::time::Time;
use crate::view::{Asked, View};

/// The members that the structures of new interfaces have in common: `NewPrivateVirtualInterface`, its `…Allocation`, and those of public
/// and transit ones.
#[derive(Clone, Debug, Default)]
pub struct NewInterface {
    /// What its maker calls it.
    pub name: String,
    /// The VLAN. The model does not require it of a transit interface; it is needed all the same.
    pub vlan: Option<i64>,
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

/// The members of a new interface, checked as far as they can be on their own.
pub(super) struct Checked {
    name: String,
    vlan: Vlan,
    asn: Asn,
    auth_key: Option<AuthKey>,
    pub(super) family: AddressFamily,
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
        vlan: vlan(&field("vlan"), new.vlan)?,
        asn: Asn::parse(parent, new.asn, new.asn_long)?,
        auth_key: auth_key.transpose()?,
        family,
        addresses: PeerAddresses::parse(parent, family, ours, theirs)?,
        tags: Tags::parse(&field("tags"), &new.tags, &context.settings.quotas)?,
    })
}

fn vlan(field: &str, number: Option<i64>) -> Result<Vlan, Fault> {
    let Some(number) = number else {
        let rule = "give the VLAN of the Virtual Interface on its connection".to_owned();
        return Err(Fault::Required { field: field.to_owned(), rule });
    };
    Vlan::parse(field, number)
}

/// An interface as it will be written, but for what it leads to, and what else its maker says of it.
pub(super) struct Built {
    pub(super) interface: VirtualInterface,
    tags: Tags,
    /// That of its connection.
    bandwidth: Bandwidth,
}

/// An interface of the caller's, on a free VLAN of a connection that it may use.
pub(super) fn build(
    view: &View,
    parent: &str,
    kind: InterfaceKind,
    new: &NewInterface,
    checked: Checked,
    connection: &str,
    context: &Context<'_>,
) -> Asked<Built> {
    let (connection, port) = connection::usable(view, connection, context)?;
    let mut draws = context.seed.draws();
    let id = fresh_id(view, &mut draws, context.now)?;
    let limit = options::rate_limit(parent, new.rate_limit.as_deref(), connection.bandwidth)?;
    let mtu = match new.mtu {
        None => Mtu::DEFAULT,
        Some(number) => Mtu::parse(&format!("{parent}.mtu"), number, port.jumbo)?,
    };
    let peer = BgpPeer {
        id: BgpPeerId::draw(&mut draws),
        asn: checked.asn,
        auth_key: checked.auth_key.unwrap_or_else(|| AuthKey::draw(&mut draws)),
        addresses: checked.addresses.unwrap_or_else(|| {
            let index = subnet_index(&connection.id, checked.vlan, 0);
            chosen_addresses(checked.family, index, &mut draws)
        }),
        phase: PeerPhase::Live,
        session_resets: 0,
    };
    let interface = VirtualInterface {
        id,
        name: checked.name,
        kind,
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
    vlan_is_free(view, parent, &interface)?;
    Ok(Built { interface, tags: checked.tags, bandwidth: connection.bandwidth })
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
pub(super) fn subnet_index(connection: &ConnectionId, vlan: Vlan, attempt: u64) -> u64 {
    // FNV-1a: the connections of a gateway on one router should start at different places.
    let start = connection.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
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
fn vlan_is_free(view: &View, parent: &str, interface: &VirtualInterface) -> Asked<()> {
    if view.exists(&key::live_vlan(&interface.connection, interface.vlan))? {
        let rule = format!(
            "is in use by another Virtual Interface on connection {}",
            interface.connection
        );
        return Err(Fault::field(&format!("{parent}.vlan"), interface.vlan, rule).into());
    }
    Ok(())
}

impl Built {
    /// Refuses one that has no room in the quotas of its connection and its lender.
    pub(super) fn has_room(&self, view: &View, context: &Context<'_>) -> Asked<()> {
        quota::room(view, context, self.interface.use_of_connection())?;
        self.interface.options_have_room(view, context, None, self.bandwidth)?;
        tag::decide::room(view, context, &self.resource(), &self.tags)
    }

    /// The decision that makes it.
    pub(super) fn decision(
        self,
        view: &View,
        context: &Context<'_>,
    ) -> Asked<Decision<VirtualInterface>> {
        let mut changes = Changes::new(view);
        if let Some(expires) = self.interface.expires {
            let reminder = expires.minus(context.settings.reminder());
            changes.mark(key::due(reminder, self.interface.id.as_str()));
        }
        let resource = self.resource();
        let Self { interface, tags, .. } = self;
        if !tags.is_empty() {
            put_tags(resource, &interface.lender, tags, &mut changes)?;
        }
        changes.put(interface.clone())?;
        changes.decision(interface)
    }

    fn resource(&self) -> TaggedResource {
        TaggedResource::VirtualInterface(self.interface.id.clone())
    }
}
