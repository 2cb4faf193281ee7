//! Transit virtual interfaces: they lead to transit gateways, by a Direct Connect gateway that has no others.

use super::decide::{Chosen, NewInterface, Offer, Own, confirm};
use super::options::PrefixNumbers;
use super::{InterfaceKind, VirtualInterface};
use crate::decide::{Command, Context, Decision};
use crate::fault::Fault;
use crate::view::{Asked, View};

/// `CreateTransitVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct CreateTransitVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The interface, but for its VLAN.
    pub new: NewInterface,
    /// The VLAN. The model requires no member of a new transit interface; this one is needed all the same.
    pub vlan: Option<i64>,
    /// The caller's Direct Connect gateway.
    pub direct_connect_gateway: Option<String>,
    /// SiteLink.
    pub site_link: bool,
    /// How many prefixes its sessions take.
    pub prefix_pool: PrefixNumbers,
}

/// `AllocateTransitVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct AllocateTransitVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The recipient.
    pub owner: String,
    /// The interface, but for its VLAN.
    pub new: NewInterface,
    /// The VLAN.
    pub vlan: Option<i64>,
}

/// `ConfirmTransitVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct ConfirmTransitVirtualInterface {
    /// The interface.
    pub interface: String,
    /// The caller's Direct Connect gateway.
    pub direct_connect_gateway: Option<String>,
}

/// The interface with the VLAN that the request must have.
fn with_vlan(parent: &str, new: &NewInterface, vlan: Option<i64>) -> Result<NewInterface, Fault> {
    let Some(vlan) = vlan else {
        let rule = "give the VLAN of the Virtual Interface on its connection".to_owned();
        return Err(Fault::Required { field: format!("{parent}.vlan"), rule });
    };
    Ok(NewInterface { vlan, ..new.clone() })
}

impl Command for CreateTransitVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        const PARENT: &str = "newTransitVirtualInterface";
        let own = Own {
            parent: PARENT,
            connection: &self.connection,
            new: &with_vlan(PARENT, &self.new, self.vlan)?,
            chosen: chosen(self.direct_connect_gateway.as_deref()),
            site_link: self.site_link,
            prefix_pool: self.prefix_pool,
        };
        own.decide(view, context)
    }
}

impl Command for AllocateTransitVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        const PARENT: &str = "newTransitVirtualInterfaceAllocation";
        let offer = Offer {
            parent: PARENT,
            kind: InterfaceKind::Transit,
            connection: &self.connection,
            owner: &self.owner,
            new: &with_vlan(PARENT, &self.new, self.vlan)?,
        };
        offer.decide(view, context)
    }
}

impl Command for ConfirmTransitVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        confirm(view, context, &self.interface, &chosen(self.direct_connect_gateway.as_deref()))
    }
}

const fn chosen(direct: Option<&str>) -> Chosen<'_> {
    Chosen { kind: InterfaceKind::Transit, gateway: None, direct }
}
