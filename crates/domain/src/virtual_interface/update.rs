//! `UpdateVirtualInterfaceAttributes`: what can be changed of an interface without interrupting it.
//!
//! Its owner changes what is the interface's: name, MTU, SiteLink. What it takes of the connection, rate and prefixes, is the
//! connection's owner's to change.

use super::decide::wrong_state;
use super::options::{self, PrefixNumbers, prefix_member};
use super::{Phase, VirtualInterface};
use crate::access::{self, Action};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::{Fault, ResourceKind};
use crate::net::{AddressFamily, Mtu};
use crate::text;
use crate::view::{Asked, View};

/// `UpdateVirtualInterfaceAttributes`; members that are absent stay as they are.
#[derive(Clone, Debug, Default)]
pub struct UpdateVirtualInterfaceAttributes {
    /// The interface.
    pub interface: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// The MTU in bytes.
    pub mtu: Option<i64>,
    /// SiteLink, which needs a Direct Connect gateway.
    pub site_link: Option<bool>,
    /// A rate limit: a text of the API's; empty: none.
    pub rate_limit: Option<String>,
    /// How many prefixes its sessions take.
    pub prefix_pool: PrefixNumbers,
    /// How many prefixes the sessions have by the edge's last report, as far as it is known; not the request's.
    pub prefixes_in_use: PrefixNumbers,
}

impl Command for UpdateVirtualInterfaceAttributes {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let name = self.name.as_deref().map(|name| text::name("virtualInterfaceName", name));
        let name = name.transpose()?;
        let found = self.find(view, context)?;
        let mut interface = found.clone();
        match interface.phase {
            Phase::Accepted => {}
            Phase::Confirming
            | Phase::Verifying
            | Phase::Moving
            | Phase::Deleting
            | Phase::Deleted
            | Phase::Rejected
            | Phase::Expired => {
                let rule = "only one that was accepted can be changed";
                return Err(wrong_state(view, &interface, context, rule)?.into());
            }
        }
        if let Some(name) = name {
            interface.name = name;
        }
        options::mtu_fits("", self.mtu, interface.kind)?;
        if let Some(mtu) = self.mtu {
            interface.mtu = Mtu::parse("mtu", mtu, interface.jumbo)?;
        }
        if let Some(site_link) = self.site_link {
            if site_link {
                options::can_have_site_link("", &interface)?;
            }
            interface.options.site_link = site_link;
        }
        if self.is_about_the_connection() {
            self.change_use(view, context, found, &mut interface)?;
        }
        if interface == *found {
            return Decision::unchanged(interface);
        }
        let mut changes = Changes::new(view);
        changes.put(interface.clone())?;
        changes.decision(interface)
    }
}

impl UpdateVirtualInterfaceAttributes {
    const fn is_about_the_connection(&self) -> bool {
        self.rate_limit.is_some() || self.prefix_pool.is_any()
    }

    const fn is_about_the_interface(&self) -> bool {
        self.name.is_some() || self.mtu.is_some() || self.site_link.is_some()
    }

    /// The interface, if the caller may change all that the request names.
    fn find<'v>(&self, view: &'v View, context: &Context<'_>) -> Asked<&'v VirtualInterface> {
        let of_lender = self.is_about_the_connection() && !self.is_about_the_interface();
        let action = if of_lender { Action::See } else { Action::Update };
        let found = access::find::<VirtualInterface>(view, context, action, &self.interface)?;
        let is_lender = context.principal.account().is_none_or(|who| *who == found.lender);
        if self.is_about_the_connection() && !is_lender {
            let rule = format!(
                "is not yours to change: the owner of its connection is account {}",
                found.lender
            );
            return Err(Fault::field(self.first_of_the_connection(), &found.id, rule).into());
        }
        Ok(found)
    }

    /// The member that a refusal names.
    fn first_of_the_connection(&self) -> &'static str {
        let families = [AddressFamily::Ipv4, AddressFamily::Ipv6].into_iter();
        let mut pools = families.filter(|family| self.prefix_pool.of(*family).is_some());
        match &self.rate_limit {
            Some(_) => "rateLimit of virtualInterfaceId",
            None => match pools.next() {
                Some(AddressFamily::Ipv4) => "prefixPoolAllocatedCountIpv4 of virtualInterfaceId",
                Some(AddressFamily::Ipv6) | None => {
                    "prefixPoolAllocatedCountIpv6 of virtualInterfaceId"
                }
            },
        }
    }

    /// What the interface takes of its connection.
    fn change_use(
        &self,
        view: &View,
        context: &Context<'_>,
        before: &VirtualInterface,
        interface: &mut VirtualInterface,
    ) -> Asked<()> {
        let missing = || Fault::not_found(ResourceKind::Connection, &before.connection);
        let port = view.connection(&before.connection)?.ok_or_else(missing)?.bandwidth;
        if self.rate_limit.is_some() {
            let limit = options::rate_limit("", self.rate_limit.as_deref(), port)?;
            interface.options.rate_limit = limit;
        }
        let wanted = self.prefix_pool.parse("", interface.kind)?;
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            let in_use = self.prefixes_in_use.of(family).unwrap_or(0);
            match wanted.of(family) {
                Some(number) if i64::from(number) < in_use => {
                    let rule = format!(
                        "is fewer than the {in_use} prefixes that the customer's router announces"
                    );
                    return Err(Fault::field(prefix_member(family), number, rule).into());
                }
                Some(_) | None => {}
            }
        }
        interface.options.prefix_pool = interface.options.prefix_pool.changed_by(wanted);
        interface.options_have_room(view, context, Some(before), port)?;
        interface.dx_prefixes_have_room(view, Some(before))
    }
}
