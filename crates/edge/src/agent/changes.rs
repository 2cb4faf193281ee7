//! What has changed since a configuration was last saved as a whole: lines that are added to a file, so that what is written
//! for a change does not grow with what else the router serves. Pure.

use std::sync::Arc;

use linkway_domain::edge::{ConfigVersion, EdgeConfig, GatewayConfig, InterfaceConfig, PortConfig};
use linkway_domain::id::{VirtualGatewayId, VirtualInterfaceId};
use serde::{Deserialize, Serialize};

use crate::difference::{differing, insert, remove};

/// How many gateways and interfaces a change may have; a configuration that differs in more is saved as a whole.
const MOST: usize = 256;

/// A change, a line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    /// Of which configuration.
    after: ConfigVersion,
    /// Which configuration that makes of it.
    version: ConfigVersion,
    /// All ports, if they have changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ports: Option<Vec<PortConfig>>,
    /// The gateways that are new or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gateways: Vec<Arc<GatewayConfig>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gateways_gone: Vec<VirtualGatewayId>,
    /// The interfaces that are new or changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<Arc<InterfaceConfig>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    interfaces_gone: Vec<VirtualInterfaceId>,
}

impl Change {
    /// From one configuration to another; `None`: they have too little in common.
    pub(super) fn between(held: &EdgeConfig, next: &EdgeConfig) -> Option<Self> {
        let gateways = differing(&held.gateways, &next.gateways, |one| &one.virtual_gateway_id);
        let interfaces =
            differing(&held.interfaces, &next.interfaces, |one| &one.virtual_interface_id);
        if held.edge_id != next.edge_id || gateways.len() + interfaces.len() > MOST {
            return None;
        }
        let gone = gateways.iter().filter(|(_, is)| is.is_none()).filter_map(|(was, _)| *was);
        let gateways_gone = gone.map(|one| one.virtual_gateway_id.clone()).collect();
        let gone = interfaces.iter().filter(|(_, is)| is.is_none()).filter_map(|(was, _)| *was);
        let interfaces_gone = gone.map(|one| one.virtual_interface_id.clone()).collect();
        Some(Self {
            after: held.version(),
            version: next.version(),
            ports: (held.ports != next.ports).then(|| next.ports.clone()),
            gateways: gateways.into_iter().filter_map(|(_, is)| is.cloned()).collect(),
            gateways_gone,
            interfaces: interfaces.into_iter().filter_map(|(_, is)| is.cloned()).collect(),
            interfaces_gone,
        })
    }

    /// Makes the change; whether it is one of this configuration. One of an earlier one is in it already.
    pub(super) fn make(self, config: &mut EdgeConfig) -> bool {
        if self.after != config.version() {
            return self.version <= config.version();
        }
        (config.epoch, config.generation) = (self.version.epoch, self.version.generation);
        if let Some(ports) = self.ports {
            config.ports = ports;
        }
        for id in self.gateways.iter().map(|one| &one.virtual_gateway_id).chain(&self.gateways_gone)
        {
            remove(&mut config.gateways, id, |one| &one.virtual_gateway_id);
        }
        for one in &self.gateways {
            insert(&mut config.gateways, one, |one| &one.virtual_gateway_id);
        }
        let come = self.interfaces.iter().map(|one| &one.virtual_interface_id);
        for id in come.chain(&self.interfaces_gone) {
            remove(&mut config.interfaces, id, |one| &one.virtual_interface_id);
        }
        for one in &self.interfaces {
            insert(&mut config.interfaces, one, |one| &one.virtual_interface_id);
        }
        true
    }
}
