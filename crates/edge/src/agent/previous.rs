//! What an agent of format 1 of the feed has left in the state directory, so that this one goes on with it until its server
//! answers: `config.json`, and `config.changes` with a line for each configuration since. Pure.
//!
//! Format 1 had gateways in the place of routing domains and exactly one BGP peer an interface, without its id.

use linkway_domain::edge::{
    ConfigVersion, EdgeConfig, HandoffConfig, InterfaceConfig, InterfaceKind, PeerConfig,
    PortConfig, RoutingDomainConfig,
};
use linkway_domain::id::{EdgeId, PortName, RoutingDomainId, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::net::{Asn, AuthKey, GatewayAsn, Mtu, PeerAddresses, Prefix, Vlan};
use serde::Deserialize;

/// A whole configuration.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    edge_id: EdgeId,
    #[serde(default)]
    epoch: u64,
    generation: u64,
    ports: Vec<PortConfig>,
    gateways: Vec<Gateway>,
    interfaces: Vec<Interface>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Gateway {
    virtual_gateway_id: VirtualGatewayId,
    amazon_side_asn: GatewayAsn,
    cidrs: Vec<Prefix>,
    handoffs: Vec<HandoffConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Interface {
    virtual_interface_id: VirtualInterfaceId,
    interface: PortName,
    vlan: Vlan,
    mtu: Mtu,
    virtual_gateway_id: VirtualGatewayId,
    addresses: PeerAddresses,
    asn: Asn,
    auth_key: AuthKey,
    #[serde(default)]
    session_resets: u32,
}

/// A line of `config.changes`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    /// Of which configuration.
    after: ConfigVersion,
    /// Which configuration that makes of it.
    version: ConfigVersion,
    #[serde(default)]
    ports: Option<Vec<PortConfig>>,
    #[serde(default)]
    gateways: Vec<Gateway>,
    #[serde(default)]
    gateways_gone: Vec<VirtualGatewayId>,
    #[serde(default)]
    interfaces: Vec<Interface>,
    #[serde(default)]
    interfaces_gone: Vec<VirtualInterfaceId>,
}

/// The configuration in the two files' texts; `None`: the first is not of format 1.
pub(super) fn read(whole: &str, changes: &str) -> Option<EdgeConfig> {
    let mut config: Config = serde_json::from_str(whole).ok()?;
    for line in changes.split_inclusive('\n') {
        // A line that was not written to its end does not count, nor does what follows it.
        let change = line.ends_with('\n').then(|| serde_json::from_str::<Change>(line).ok());
        if !change.flatten().is_some_and(|change| change.apply(&mut config)) {
            break;
        }
    }
    Some(config.into())
}

impl Change {
    /// Makes the change; whether it is one of this configuration. One of an earlier one is in it already.
    fn apply(self, config: &mut Config) -> bool {
        let held = ConfigVersion { epoch: config.epoch, generation: config.generation };
        if self.after != held {
            return self.version <= held;
        }
        (config.epoch, config.generation) = (self.version.epoch, self.version.generation);
        config.ports = self.ports.unwrap_or(std::mem::take(&mut config.ports));
        config.gateways.retain(|old| {
            let id = &old.virtual_gateway_id;
            !self.gateways_gone.contains(id)
                && !self.gateways.iter().any(|new| new.virtual_gateway_id == *id)
        });
        config.gateways.extend(self.gateways);
        config.interfaces.retain(|old| {
            let id = &old.virtual_interface_id;
            !self.interfaces_gone.contains(id)
                && !self.interfaces.iter().any(|new| new.virtual_interface_id == *id)
        });
        config.interfaces.extend(self.interfaces);
        true
    }
}

impl From<Config> for EdgeConfig {
    fn from(mut old: Config) -> Self {
        old.gateways.sort_by(|a, b| a.virtual_gateway_id.cmp(&b.virtual_gateway_id));
        old.interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
        let domains = old.gateways.into_iter().map(RoutingDomainConfig::from);
        let interfaces = old.interfaces.into_iter().map(InterfaceConfig::from);
        Self {
            edge_id: old.edge_id,
            epoch: old.epoch,
            generation: old.generation,
            ports: old.ports,
            routing_domains: domains.map(Into::into).collect(),
            interfaces: interfaces.map(Into::into).collect(),
        }
    }
}

impl From<Gateway> for RoutingDomainConfig {
    fn from(old: Gateway) -> Self {
        Self {
            routing_domain_id: RoutingDomainId::of_virtual_gateway(&old.virtual_gateway_id),
            alias: None,
            amazon_side_asn: old.amazon_side_asn,
            cidrs: old.cidrs,
            handoffs: old.handoffs,
            associations: Vec::new(),
        }
    }
}

impl From<Interface> for InterfaceConfig {
    fn from(old: Interface) -> Self {
        let peer = PeerConfig {
            bgp_peer_id: None,
            addresses: old.addresses,
            asn: old.asn,
            auth_key: old.auth_key,
            new_key: None,
            session_resets: old.session_resets,
            prefix_limit: None,
            shut_until: None,
            drain: None,
        };
        Self {
            virtual_interface_id: old.virtual_interface_id,
            kind: InterfaceKind::Private,
            interface: old.interface,
            vlan: old.vlan,
            mtu: old.mtu,
            routing_domain_id: RoutingDomainId::of_virtual_gateway(&old.virtual_gateway_id),
            peers: [peer].into_iter().collect(),
            rate_limit: None,
            site_link: false,
            route_filter_prefixes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that an agent of format 1 wrote.
    const WHOLE: &str = r#"{"edgeId":"par1-a","epoch":1764460800000,"generation":41,"ports":[{"interface":"eth1","connectionId":"dxcon-ffabc123"}],"gateways":[{"virtualGatewayId":"vgw-1a2b3c4d","amazonSideAsn":64512,"cidrs":["10.0.0.0/16"],"handoffs":[{"interface":"fabric.1","nextHop":"192.0.2.1"}]}],"interfaces":[{"virtualInterfaceId":"dxvif-ff000001","interface":"eth1","vlan":101,"mtu":1500,"virtualGatewayId":"vgw-1a2b3c4d","addresses":{"amazon":"169.254.0.1/30","customer":"169.254.0.2/30"},"asn":65000,"authKey":"fjord-Secret-1","sessionResets":2}]}"#;
    const CHANGES: &str = concat!(
        r#"{"after":{"epoch":1764460800000,"generation":40},"version":{"epoch":1764460800000,"generation":41}}"#,
        "\n",
        r#"{"after":{"epoch":1764460800000,"generation":41},"version":{"epoch":1764460800000,"generation":45},"ports":[],"gateways":[{"virtualGatewayId":"vgw-00000001","amazonSideAsn":64513,"cidrs":["10.1.0.0/16","2001:db8:1::/56"],"handoffs":[]}],"interfaces":[{"virtualInterfaceId":"dxvif-fe000002","interface":"eth2","vlan":7,"mtu":8500,"virtualGatewayId":"vgw-00000001","addresses":{"amazon":"fd6c:696e:6b77::1/125","customer":"fd6c:696e:6b77::2/125"},"asn":65001,"authKey":"fjord-Secret-2"}]}"#,
        "\n",
        r#"{"after":{"epoch":1764460800000,"generation":45},"version":{"epoch":1764460800000,"generation":46},"gatewaysGone":["vgw-1a2b3c4d"],"interfacesGone":["dxvif-ff000001"]}"#,
        "\n",
    );

    /// The same in this agent's format.
    const WHOLE_NOW: &str = r#"{"edgeId":"par1-a","epoch":1764460800000,"generation":41,"ports":[{"interface":"eth1","connectionId":"dxcon-ffabc123"}],"routingDomains":[{"routingDomainId":"vgw-1a2b3c4d","amazonSideAsn":64512,"cidrs":["10.0.0.0/16"],"handoffs":[{"interface":"fabric.1","nextHop":"192.0.2.1"}]}],"interfaces":[{"virtualInterfaceId":"dxvif-ff000001","kind":"private","interface":"eth1","vlan":101,"mtu":1500,"routingDomainId":"vgw-1a2b3c4d","peers":[{"addresses":{"amazon":"169.254.0.1/30","customer":"169.254.0.2/30"},"asn":65000,"authKey":"fjord-Secret-1","sessionResets":2}]}]}"#;
    const CHANGED_NOW: &str = r#"{"edgeId":"par1-a","epoch":1764460800000,"generation":46,"ports":[],"routingDomains":[{"routingDomainId":"vgw-00000001","amazonSideAsn":64513,"cidrs":["10.1.0.0/16","2001:db8:1::/56"],"handoffs":[]}],"interfaces":[{"virtualInterfaceId":"dxvif-fe000002","kind":"private","interface":"eth2","vlan":7,"mtu":8500,"routingDomainId":"vgw-00000001","peers":[{"addresses":{"amazon":"fd6c:696e:6b77::1/125","customer":"fd6c:696e:6b77::2/125"},"asn":65001,"authKey":"fjord-Secret-2"}]}]}"#;

    fn text(config: Option<EdgeConfig>) -> String {
        serde_json::to_string(&config).expect("text")
    }

    #[test]
    fn the_files_of_an_agent_of_format_1_are_read() {
        assert_eq!(text(read(WHOLE, "")), WHOLE_NOW);
        assert_eq!(text(read(WHOLE, CHANGES)), CHANGED_NOW);
        let cut = &CHANGES[..CHANGES.len() - 1];
        let both = read(WHOLE, cut).expect("a configuration");
        assert_eq!((both.generation, both.interfaces.len()), (45, 2), "a line without its end");
        // From a configuration that is no longer that of the lines, none is taken.
        let later = WHOLE.replace("\"generation\":41", "\"generation\":60");
        assert_eq!(read(&later, CHANGES).map(|config| config.generation), Some(60));
        assert_eq!(read(WHOLE_NOW, ""), None);
    }
}
