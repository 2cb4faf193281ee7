//! Public interfaces: they lead to the operator's public network, by no gateway, and wait after their confirmation until it is
//! verified that their prefixes are the customer's (Direct Connect user guide, "Prerequisites for virtual interfaces").

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::attach;
use super::decide::{confirmed, lend, wrong_state};
use super::new::{Built, NewInterface, build, check};
use super::{Attachment, Event, GatewayId, InterfaceKind, Phase, VirtualInterface};
use crate::access::{self, Action};
use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::{AccountId, RoutingDomainId};
use crate::net::{AddressFamily, Prefix};
use crate::view::{Asked, View};

/// The most prefixes of an interface (Direct Connect user guide, "Quotas").
const MOST_PREFIXES: usize = 1000;
/// The longest prefixes of a public interface; any shorter one can be announced.
const LONGEST: (u8, u8) = (32, 64);
/// The prefixes that are announced on no public network (RFC 1918, RFC 6598, RFC 3927).
const PRIVATE: [Ipv4Net; 5] = [
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
];

/// `CreatePublicVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct CreatePublicVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The interface.
    pub new: NewInterface,
    /// What the customer will announce.
    pub prefixes: Vec<String>,
}

/// `AllocatePublicVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct AllocatePublicVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The recipient.
    pub owner: String,
    /// The interface.
    pub new: NewInterface,
    /// What the customer will announce.
    pub prefixes: Vec<String>,
}

/// `ConfirmPublicVirtualInterface`, by the interface's id.
#[derive(Clone, Debug)]
pub struct ConfirmPublicVirtualInterface(pub String);

/// The operator, or an RPKI file, says whether the prefixes and peers of a public interface are the customer's.
#[derive(Clone, Debug)]
pub struct VerifyInterface {
    /// The interface.
    pub interface: String,
    /// Whether they are; otherwise the interface is rejected, or its new peer taken away.
    pub accepted: bool,
}

impl Command for CreatePublicVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        const PARENT: &str = "newPublicVirtualInterface";
        let new = New { parent: PARENT, new: &self.new, prefixes: &self.prefixes };
        let mut made = new.build(view, &self.connection, context)?;
        attach::attach(view, PARENT, &mut made.interface, network(context))?;
        made.interface.phase = Phase::Verifying;
        made.has_room(view, context)?;
        made.decision(view, context)
    }
}

impl Command for AllocatePublicVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        const PARENT: &str = "newPublicVirtualInterfaceAllocation";
        let owner = AccountId::parse_field("ownerAccount", &self.owner)?;
        let new = New { parent: PARENT, new: &self.new, prefixes: &self.prefixes };
        let made = new.build(view, &self.connection, context)?;
        // Refused here already, rather than to the recipient who cannot mend it.
        differs(PARENT, &made.interface, context)?;
        lend(view, made, owner, context)
    }
}

impl Command for ConfirmPublicVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let (kind, event) = (InterfaceKind::Public, Event::ConfirmUnverified);
        let mut interface = confirmed(view, context, &self.0, kind, event)?;
        attach::attach(view, "", &mut interface, network(context))?;
        let mut changes = Changes::new(view);
        changes.put(interface.clone())?;
        changes.decision(interface)
    }
}

impl Command for VerifyInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let action = Action::Confirm;
        let found = access::find::<VirtualInterface>(view, context, action, &self.interface)?;
        let mut interface = found.clone();
        if !interface.awaits_verification() {
            let rule =
                "only a public one in state verifying, or with such a BGP Peer, can be verified";
            return Err(wrong_state(view, &interface, context, rule)?.into());
        }
        let event = if self.accepted { Event::Verify } else { Event::Refuse };
        if let Some(phase) = interface.phase.after(event) {
            if !self.accepted {
                return interface.finish(view, phase, context);
            }
            interface.phase = phase;
        }
        if !self.accepted {
            interface.peers.retain(|peer| peer.phase != PeerPhase::Verifying);
        }
        for peer in &mut interface.peers {
            if peer.phase == PeerPhase::Verifying {
                peer.phase = PeerPhase::Live;
            }
        }
        let mut changes = Changes::new(view);
        changes.put(interface.clone())?;
        changes.decision(interface)
    }
}

/// What a request has of a new interface.
struct New<'a> {
    parent: &'static str,
    new: &'a NewInterface,
    prefixes: &'a [String],
}

impl New<'_> {
    fn build(&self, view: &View, connection: &str, context: &Context<'_>) -> Asked<Built> {
        let Self { parent, new, .. } = *self;
        let field = |member: &str| format!("{parent}.{member}");
        let family = AddressFamily::parse(&field("addressFamily"), new.address_family.as_deref())?;
        let given = (new.amazon_address.as_deref(), new.customer_address.as_deref());
        addresses(parent, family, given.0, given.1)?;
        let checked = check(parent, new, context)?;
        let prefixes = prefixes(&field("routeFilterPrefixes"), self.prefixes)?;
        let kind = InterfaceKind::Public;
        let mut made = build(view, parent, kind, new, checked, connection, context)?;
        made.interface.options.route_filter_prefixes = prefixes;
        Ok(made)
    }
}

/// Checks `routeFilterPrefixes`: 1 to 1000, each once, IPv4 /1 to /32, IPv6 /1 to /64.
///
/// # Errors
///
/// A client fault that names the member.
fn prefixes(field: &str, texts: &[String]) -> Result<Vec<Prefix>, Fault> {
    if texts.is_empty() {
        let rule = "give the prefixes that will be announced".to_owned();
        return Err(Fault::Required { field: field.to_owned(), rule });
    }
    if texts.len() > MOST_PREFIXES {
        let rule = format!("has too many prefixes: at most {MOST_PREFIXES} are allowed");
        return Err(Fault::field(field, texts.len(), rule));
    }
    let mut found = BTreeSet::new();
    for (index, text) in texts.iter().enumerate() {
        let member = format!("{field}[{index}].cidr");
        let prefix = Prefix::parse(&member, text)?;
        let net = prefix.net();
        let longest = match AddressFamily::of(net.addr()) {
            AddressFamily::Ipv4 => LONGEST.0,
            AddressFamily::Ipv6 => LONGEST.1,
        };
        if net.prefix_len() > longest {
            let rule = format!("must have a prefix length of /1 to /{longest}");
            return Err(Fault::field(&member, text, rule));
        }
        if let ipnet::IpNet::V4(net) = net
            && let Some(private) = private(net)
        {
            let rule = format!("must be public: it overlaps {private}");
            return Err(Fault::field(&member, text, rule));
        }
        found.insert(prefix);
    }
    Ok(found.into_iter().collect())
}

/// The private range that a prefix overlaps.
fn private(net: Ipv4Net) -> Option<Ipv4Net> {
    PRIVATE.into_iter().find(|range| range.contains(&net) || net.contains(range))
}

/// Checks the addresses of a public peer beyond what holds for every peer: IPv4 ones are given, and are public. The texts
/// begin with what clients match on.
///
/// # Errors
///
/// A client fault that names the member.
pub(crate) fn addresses(
    parent: &str,
    family: AddressFamily,
    amazon: Option<&str>,
    customer: Option<&str>,
) -> Result<(), Fault> {
    if family == AddressFamily::Ipv6 {
        return Ok(());
    }
    let (Some(amazon), Some(customer)) = (amazon, customer) else {
        let member = if amazon.is_none() { "amazonAddress" } else { "customerAddress" };
        let rule = "a public Virtual Interface has public IPv4 addresses of its maker's; give amazonAddress and customerAddress";
        let (field, rule) = (format!("{parent}.{member}"), rule.to_owned());
        return Err(Fault::Required { field, rule });
    };
    let ends = [("Amazon", "amazonAddress", amazon), ("Customer", "customerAddress", customer)];
    let mut nets = Vec::new();
    for (noun, member, text) in ends {
        let Ok(net) = text.parse::<Ipv4Net>() else { return Ok(()) };
        let field = format!("{parent}.{member} {text:?}");
        let refuse =
            |rule: &str| Fault::client(format!("{noun} Address {rule}. {field} breaks this rule."));
        if let Some(range) = PRIVATE.into_iter().find(|range| range.contains(&net.addr())) {
            let rule = format!("is not allowed to contain a private IP, as those of {range} are");
            return Err(refuse(&rule));
        }
        if net.prefix_len() < 31 && net.addr() == net.network() {
            return Err(refuse("is address 0 on its subnet"));
        }
        if net.prefix_len() < 31 && net.addr() == net.broadcast() {
            return Err(refuse("is the broadcast address on its subnet"));
        }
        nets.push(net.trunc());
    }
    if nets[0] != nets[1] {
        let text = format!(
            "Amazon Address and Customer Address must be in the same CIDR: {parent}.amazonAddress is {amazon:?}, \
             {parent}.customerAddress {customer:?}."
        );
        return Err(Fault::client(text));
    }
    Ok(())
}

/// Refuses a customer's AS number that is the public network's.
fn differs(parent: &str, interface: &VirtualInterface, context: &Context<'_>) -> Result<(), Fault> {
    let ours = context.settings.public_asn.number();
    let same = |peer: &&BgpPeer| peer.asn.number() == ours;
    match interface.peers.iter().find(same) {
        None => Ok(()),
        Some(peer) => {
            let rule = "is the AS number of the public network itself; the two sides must differ";
            Err(Fault::field(&format!("{parent}.asn"), peer.asn, rule))
        }
    }
}

/// The public network of the interface's router.
fn network(context: &Context<'_>) -> Attachment {
    Attachment {
        gateway: GatewayId::Public,
        routing_domain: RoutingDomainId::public(),
        asn: context.settings.public_asn,
    }
}
