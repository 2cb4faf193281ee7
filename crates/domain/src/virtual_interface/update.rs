//! `UpdateVirtualInterfaceAttributes`: what can be changed of an interface without interrupting it.

use super::decide::{no_prefix_pool, wrong_state};
use super::{Phase, VirtualInterface};
use crate::access::{self, Action};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::net::Mtu;
use crate::text;
use crate::view::{Asked, View};

/// `UpdateVirtualInterfaceAttributes`; members that are absent stay as they are.
#[derive(Clone, Debug, Default)]
pub struct UpdateVirtualInterfaceAttributes {
    /// The interface, which must be the caller's own.
    pub interface: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// The MTU in bytes.
    pub mtu: Option<i64>,
    /// SiteLink: not offered here; turning it off changes nothing.
    pub site_link: Option<bool>,
    /// A rate limit: none is offered here.
    pub rate_limit: Option<String>,
    /// A prefix allocation, by member name: not offered here.
    pub prefix_pool: Option<&'static str>,
}

impl Command for UpdateVirtualInterfaceAttributes {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let name = self.name.as_deref().map(|name| text::name("virtualInterfaceName", name));
        let name = name.transpose()?;
        self.not_offered()?;
        let action = Action::Update;
        let found = access::find::<VirtualInterface>(view, context, action, &self.interface)?;
        let mut interface = found.clone();
        match interface.phase {
            Phase::Accepted => {}
            Phase::Confirming
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
        if let Some(mtu) = self.mtu {
            interface.mtu = Mtu::parse("mtu", mtu, interface.jumbo)?;
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
    /// Refuses what the request can name and this service does not have.
    fn not_offered(&self) -> Result<(), Fault> {
        if self.site_link == Some(true) {
            let rule = "is not offered: SiteLink needs a Direct Connect gateway";
            return Err(Fault::field("enableSiteLink", "true", rule));
        }
        if let Some(limit) = &self.rate_limit {
            let rule = "is not offered: ports here do not police";
            return Err(Fault::field("rateLimit", limit, rule));
        }
        match self.prefix_pool {
            Some(member) => Err(no_prefix_pool(member)),
            None => Ok(()),
        }
    }
}
