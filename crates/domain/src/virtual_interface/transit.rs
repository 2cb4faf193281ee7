//! Transit virtual interfaces: they lead to transit gateways, by a Direct Connect gateway that has no others.

use super::attach::Chosen;
use super::decide::{Offer, Own, confirm};
use super::new::NewInterface;
use super::options::PrefixNumbers;
use super::{InterfaceKind, VirtualInterface};
use crate::decide::{Command, Context, Decision};
use crate::view::{Asked, View};

/// `CreateTransitVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct CreateTransitVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The interface.
    pub new: NewInterface,
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
    /// The interface.
    pub new: NewInterface,
}

/// `ConfirmTransitVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct ConfirmTransitVirtualInterface {
    /// The interface.
    pub interface: String,
    /// The caller's Direct Connect gateway.
    pub direct_connect_gateway: Option<String>,
}

impl Command for CreateTransitVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let own = Own {
            parent: "newTransitVirtualInterface",
            connection: &self.connection,
            new: &self.new,
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
        let offer = Offer {
            parent: "newTransitVirtualInterfaceAllocation",
            kind: InterfaceKind::Transit,
            connection: &self.connection,
            owner: &self.owner,
            new: &self.new,
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
