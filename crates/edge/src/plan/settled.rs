//! A router on which everything is as configured, and who has what on it.

use std::collections::HashMap;
use std::sync::Arc;

use linkway_domain::edge::{EdgeConfig, InterfaceConfig};
use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;

use super::Planned;
use super::tables::TableSet;
use crate::kernel::{Kernel, LinkKind};
use crate::session::{Digest, Observed, SessionId, Sessions};

/// A configuration for which the plan was empty, with nothing in its way.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The configuration.
    pub config: Arc<EdgeConfig>,
    /// The sessions that the daemon has for it.
    pub wanted: Sessions,
    /// By which it was seen that it has them.
    pub loaded: Option<Digest>,
    /// The routing tables that are in use, by whomever.
    pub tables: TableSet,
    interfaces: HashMap<RoutingDomainId, Vec<VirtualInterfaceId>>,
    /// The routing domains that have an association with one.
    associated: HashMap<RoutingDomainId, Vec<RoutingDomainId>>,
    /// The VLANs of each port.
    places: HashMap<String, HashMap<u16, VirtualInterfaceId>>,
    /// The routing domains that have links as handoffs.
    handoffs: HashMap<String, RoutingDomainId>,
    /// The VLAN subinterfaces of each link, by whomever.
    vlans: HashMap<String, HashMap<u16, String>>,
}

impl Settled {
    /// If that is what was found.
    #[must_use]
    pub fn of(
        config: &Arc<EdgeConfig>,
        kernel: &Kernel,
        observed: &Observed,
        planned: &Planned,
    ) -> Option<Self> {
        if !planned.plan.is_empty() || !planned.problems.is_empty() {
            return None;
        }
        let mut settled = Self {
            config: Arc::clone(config),
            wanted: planned.wanted.clone(),
            loaded: observed.loaded,
            tables: TableSet::default(),
            interfaces: HashMap::new(),
            associated: HashMap::new(),
            places: HashMap::new(),
            handoffs: HashMap::new(),
            vlans: HashMap::new(),
        };
        for one in &config.interfaces {
            let (domain, id) = (&one.routing_domain_id, &one.virtual_interface_id);
            settled.interfaces.entry(domain.clone()).or_default().push(id.clone());
            let port = settled.places.entry(one.interface.to_string()).or_default();
            port.insert(one.vlan.number(), id.clone());
        }
        for domain in &config.routing_domains {
            let id = &domain.routing_domain_id;
            let links = domain.handoffs.iter().map(|handoff| handoff.interface.to_string());
            settled.handoffs.extend(links.map(|link| (link, id.clone())));
            for other in domain.associations.iter().map(|one| &one.routing_domain_id) {
                settled.associated.entry(id.clone()).or_default().push(other.clone());
                settled.associated.entry(other.clone()).or_default().push(id.clone());
            }
        }
        settled.tables.extend(kernel.routes.iter().map(|route| route.table));
        for (name, link) in &kernel.links {
            match &link.kind {
                LinkKind::Vrf { table } => settled.tables.extend([*table]),
                LinkKind::Vlan { parent: Some(parent), vlan } => {
                    let on = settled.vlans.entry(parent.clone()).or_default();
                    on.insert(*vlan, name.clone());
                }
                LinkKind::Vlan { parent: None, .. } | LinkKind::Other => {}
            }
        }
        Some(settled)
    }

    /// The interfaces of a routing domain.
    pub(super) fn interfaces_of(&self, domain: &RoutingDomainId) -> &[VirtualInterfaceId] {
        self.interfaces.get(domain).map_or(&[], Vec::as_slice)
    }

    /// The routing domains that have an association with one, whichever of the two is the Direct Connect gateway's.
    pub(super) fn associated_with(&self, domain: &RoutingDomainId) -> &[RoutingDomainId] {
        self.associated.get(domain).map_or(&[], Vec::as_slice)
    }

    /// Whether an interface has a session.
    pub(super) fn has_session(&self, id: &VirtualInterfaceId) -> bool {
        let of = |family| SessionId { interface: id.clone(), family };
        let sessions = &self.wanted.sessions;
        [AddressFamily::Ipv4, AddressFamily::Ipv6]
            .into_iter()
            .any(|f| sessions.contains_key(&of(f)))
    }

    /// The interface that has the port and VLAN of this one.
    pub(super) fn at_place(&self, one: &InterfaceConfig) -> Option<&VirtualInterfaceId> {
        self.places.get(one.interface.as_str())?.get(&one.vlan.number())
    }

    /// The name of the link that has the port and VLAN of this one.
    pub(super) fn link_at(&self, one: &InterfaceConfig) -> Option<&str> {
        self.vlans.get(one.interface.as_str())?.get(&one.vlan.number()).map(String::as_str)
    }

    /// The routing domain that has a link as its handoff.
    pub(super) fn handoff_of(&self, link: &str) -> Option<&RoutingDomainId> {
        self.handoffs.get(link)
    }

    /// Whether interfaces are on a link.
    pub(super) fn is_port(&self, link: &str) -> bool {
        self.places.contains_key(link)
    }

    /// Whether a link has VLAN subinterfaces.
    pub(super) fn has_vlans(&self, link: &str) -> bool {
        self.vlans.contains_key(link)
    }
}
