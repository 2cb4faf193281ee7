//! What edges last said, as metrics with the names of AWS/DX (AWS Direct Connect User Guide, "Monitor with Amazon
//! CloudWatch") in Prometheus' form. Written at each scrape from the reports that this server holds, so that a report costs
//! nothing here; the series are those of the connections and interfaces that are on edges, and vanish with them. An edge that
//! has been silent for too long has no state and no counters, only the time of its last report: with several servers, the one
//! that took it last knows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use linkway_domain::Time;
use linkway_domain::edge::{SessionState, Traffic};
use linkway_domain::id::EdgeId;

use crate::feed::Heard;

/// The families in the order in which they are written: name, type, help.
const FAMILIES: [(&str, &str, &str); 19] = [
    (
        "linkway_edge_last_report_timestamp_seconds",
        "gauge",
        "When the edge last reported to this server, Unix time",
    ),
    (
        "linkway_edge_epoch",
        "gauge",
        "The epoch of the configuration that the edge reported as applied",
    ),
    (
        "linkway_edge_generation",
        "gauge",
        "The generation of the configuration that the edge reported as applied",
    ),
    (
        "linkway_connection_state",
        "gauge",
        "Whether the connection's port has a carrier (AWS/DX ConnectionState)",
    ),
    (
        "linkway_connection_bytes",
        "counter",
        "Bytes on the connection's port, ingress from the customer (ConnectionBps*)",
    ),
    ("linkway_connection_packets", "counter", "Packets on the connection's port (ConnectionPps*)"),
    (
        "linkway_connection_errors",
        "counter",
        "Packets that the port could not take or give (ConnectionErrorCount)",
    ),
    (
        "linkway_virtual_interface_programmed",
        "gauge",
        "Whether the interface is in place on the router",
    ),
    (
        "linkway_virtual_interface_bgp_status",
        "gauge",
        "Whether the BGP session is up (VirtualInterfaceBgpStatus)",
    ),
    (
        "linkway_virtual_interface_bgp_prefix_limit",
        "gauge",
        "Whether the BGP session is shut for too many prefixes until it is reset",
    ),
    (
        "linkway_virtual_interface_bgp_prefixes_accepted",
        "gauge",
        "Prefixes accepted from the customer (VirtualInterfaceBgpPrefixesAccepted)",
    ),
    (
        "linkway_virtual_interface_bgp_prefixes_rejected",
        "gauge",
        "Prefixes of the customer that are turned away",
    ),
    (
        "linkway_virtual_interface_bgp_prefixes_advertised",
        "gauge",
        "Prefixes announced to the customer (VirtualInterfaceBgpPrefixesAdvertised)",
    ),
    (
        "linkway_virtual_interface_bytes",
        "counter",
        "Bytes on the interface, ingress from the customer (VirtualInterfaceBps*)",
    ),
    (
        "linkway_virtual_interface_packets",
        "counter",
        "Packets on the interface (VirtualInterfacePps*)",
    ),
    (
        "linkway_virtual_interface_errors",
        "counter",
        "Packets that the interface could not take or give",
    ),
    (
        "linkway_virtual_interface_policed_packets",
        "counter",
        "Packets that the rate limit dropped (VirtualInterfacePolicedPps*)",
    ),
    (
        "linkway_fabric_bgp_status",
        "gauge",
        "Whether the BGP session of a gateway's handoff is established",
    ),
    (
        "linkway_fabric_reachable",
        "gauge",
        "Whether the gateway's prefixes are announced to customers, as far as the session with the fabric decides",
    ),
];

/// Series by family.
#[derive(Default)]
struct Series(BTreeMap<&'static str, String>);

impl Series {
    /// One sample. Labels are ids and words of closed sets, which need no escaping.
    fn put(&mut self, family: &'static str, labels: &str, value: u64) {
        let suffix = if is_counter(family) { "_total" } else { "" };
        let lines = self.0.entry(family).or_default();
        writeln!(lines, "{family}{suffix}{{{labels}}} {value}").expect("a string takes all");
    }

    fn traffic(&mut self, of: [&'static str; 3], labels: &str, traffic: &Traffic) {
        let [bytes, packets, errors] = of;
        let both = [
            ("ingress", traffic.bytes_in, traffic.packets_in),
            ("egress", traffic.bytes_out, traffic.packets_out),
        ];
        for (direction, byte_count, packet_count) in both {
            let labels = format!("{labels},direction=\"{direction}\"");
            self.put(bytes, &labels, byte_count);
            self.put(packets, &labels, packet_count);
        }
        self.put(errors, labels, traffic.errors);
    }
}

fn is_counter(family: &str) -> bool {
    FAMILIES.iter().any(|(name, kind, _)| *name == family && *kind == "counter")
}

/// Appends what the edges last said. `silence` is how long a report speaks for its edge.
pub(super) fn write(
    text: &mut String,
    heard: &[(EdgeId, Arc<Heard>)],
    now: Time,
    silence: Duration,
) {
    let mut series = Series::default();
    for (edge, heard) in heard {
        let labels = format!("edge=\"{edge}\"");
        let seconds = heard.at.millis() / 1000;
        series.put("linkway_edge_last_report_timestamp_seconds", &labels, seconds);
        if now.since(heard.at) > silence {
            continue;
        }
        series.put("linkway_edge_epoch", &labels, heard.status.epoch);
        series.put("linkway_edge_generation", &labels, heard.status.generation);
        ports(&mut series, heard);
        interfaces(&mut series, heard);
        fabric_sessions(&mut series, edge, heard);
    }
    for (family, kind, help) in FAMILIES {
        if let Some(lines) = series.0.get(family) {
            writeln!(text, "# HELP {family} {help}.\n# TYPE {family} {kind}")
                .expect("a string takes all");
            text.push_str(lines);
        }
    }
}

fn ports(series: &mut Series, heard: &Heard) {
    const TRAFFIC: [&str; 3] =
        ["linkway_connection_bytes", "linkway_connection_packets", "linkway_connection_errors"];
    for port in &heard.status.ports {
        let labels = format!("connection_id=\"{}\"", port.connection_id);
        series.put("linkway_connection_state", &labels, u64::from(port.carrier));
        series.traffic(TRAFFIC, &labels, &port.traffic);
    }
}

fn interfaces(series: &mut Series, heard: &Heard) {
    const TRAFFIC: [&str; 3] = [
        "linkway_virtual_interface_bytes",
        "linkway_virtual_interface_packets",
        "linkway_virtual_interface_errors",
    ];
    for interface in &heard.status.interfaces {
        let id = &interface.virtual_interface_id;
        let Some(connection) = heard.connections.get(id) else { continue };
        let labels = format!("connection_id=\"{connection}\",virtual_interface_id=\"{id}\"");
        let programmed = u64::from(interface.programmed);
        series.put("linkway_virtual_interface_programmed", &labels, programmed);
        series.traffic(TRAFFIC, &labels, &interface.traffic);
        if let Some(policed) = interface.policed {
            for (way, packets) in [("ingress", policed.packets_in), ("egress", policed.packets_out)]
            {
                let labels = format!("{labels},direction=\"{way}\"");
                series.put("linkway_virtual_interface_policed_packets", &labels, packets);
            }
        }
        for peer in &interface.peers {
            let labels = format!("{labels},address_family=\"{}\"", peer.address_family.as_str());
            let is = |state: SessionState| u64::from(peer.state == state);
            for (family, value) in [
                ("linkway_virtual_interface_bgp_status", is(SessionState::Established)),
                ("linkway_virtual_interface_bgp_prefix_limit", is(SessionState::PrefixLimit)),
                ("linkway_virtual_interface_bgp_prefixes_accepted", peer.prefixes_accepted.into()),
                ("linkway_virtual_interface_bgp_prefixes_rejected", peer.prefixes_rejected.into()),
                (
                    "linkway_virtual_interface_bgp_prefixes_advertised",
                    peer.prefixes_advertised.into(),
                ),
            ] {
                series.put(family, &labels, value);
            }
        }
    }
}

fn fabric_sessions(series: &mut Series, edge: &EdgeId, heard: &Heard) {
    for session in &heard.status.fabric_sessions {
        let (domain, family) = (&session.routing_domain_id, session.address_family.as_str());
        let labels =
            format!("edge=\"{edge}\",virtual_gateway_id=\"{domain}\",address_family=\"{family}\"");
        let up = u64::from(session.state == SessionState::Established);
        series.put("linkway_fabric_bgp_status", &labels, up);
        series.put("linkway_fabric_reachable", &labels, u64::from(session.reachable));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use linkway_domain::id::{ConnectionId, VirtualInterfaceId};
    use serde_json::json;

    use super::*;

    fn heard(at: u64) -> Arc<Heard> {
        let traffic =
            json!({ "packetsIn": 1, "bytesIn": 2, "packetsOut": 3, "bytesOut": 4, "errors": 5 });
        let status = json!({
            "epoch": 17, "generation": 9, "sequence": 1,
            "ports": [{ "connectionId": "dxcon-11111111", "carrier": true, "traffic": traffic }],
            "interfaces": [
                { "virtualInterfaceId": "dxvif-11111111", "programmed": true, "bgpUp": true, "traffic": traffic,
                  "policed": { "packetsIn": 11, "packetsOut": 12 },
                  "peers": [{ "addressFamily": "ipv4", "state": "established", "prefixesAccepted": 7,
                              "prefixesRejected": 8, "prefixesAdvertised": 9, "lastError": "x" }] },
                { "virtualInterfaceId": "dxvif-22222222", "programmed": true, "bgpUp": false,
                  "peers": [{ "addressFamily": "ipv6", "state": "prefixLimit" }] },
            ],
            "fabricSessions": [
                { "routingDomainId": "vgw-11111111", "addressFamily": "ipv4", "interface": "vpc0", "address": "192.0.2.1",
                  "state": "active", "reachable": true, "error": "x" },
            ],
        });
        let id = |id: &str| VirtualInterfaceId::parse(id).expect("an id");
        let connection = ConnectionId::parse("dxcon-11111111").expect("an id");
        let connections: HashMap<_, _> = ["dxvif-11111111", "dxvif-22222222"]
            .map(|interface| (id(interface), connection.clone()))
            .into();
        let status = serde_json::from_value(status).expect("a status");
        let at = Time::from_millis(at);
        Arc::new(Heard { at, access_key: None, stored: 0, status, connections })
    }

    #[test]
    fn each_family_is_written_once_with_the_series_of_all_edges() {
        let edge = |id: &str| EdgeId::parse(id).expect("an edge's id");
        let mut text = String::new();
        let all = [(edge("a"), heard(100_000)), (edge("old"), heard(9_999))];
        write(&mut text, &all, Time::from_millis(100_000), Duration::from_secs(90));
        let vif = |it: &str, rest: &str| {
            format!(
                "{{connection_id=\"dxcon-11111111\",virtual_interface_id=\"dxvif-{it}\"{rest}}}"
            )
        };
        let (one, two) = (vif("11111111", ""), vif("11111111", ",address_family=\"ipv4\""));
        let shut = vif("22222222", ",address_family=\"ipv6\"");
        let ingress = vif("11111111", ",direction=\"ingress\"");
        let egress = "{connection_id=\"dxcon-11111111\",direction=\"egress\"}";
        let fabric = "{edge=\"a\",virtual_gateway_id=\"vgw-11111111\",address_family=\"ipv4\"}";
        let name = "linkway_virtual_interface";
        for line in [
            "linkway_edge_last_report_timestamp_seconds{edge=\"a\"} 100".to_owned(),
            "linkway_edge_last_report_timestamp_seconds{edge=\"old\"} 9".to_owned(),
            "linkway_edge_epoch{edge=\"a\"} 17".to_owned(),
            "linkway_edge_generation{edge=\"a\"} 9".to_owned(),
            "linkway_connection_state{connection_id=\"dxcon-11111111\"} 1".to_owned(),
            format!("linkway_connection_bytes_total{egress} 4"),
            format!("linkway_connection_packets_total{egress} 3"),
            "linkway_connection_errors_total{connection_id=\"dxcon-11111111\"} 5".to_owned(),
            format!("{name}_programmed{one} 1"),
            format!("{name}_bgp_status{two} 1"),
            format!("{name}_bgp_status{shut} 0"),
            format!("{name}_bgp_prefix_limit{shut} 1"),
            format!("{name}_bgp_prefixes_accepted{two} 7"),
            format!("{name}_bgp_prefixes_rejected{two} 8"),
            format!("{name}_bgp_prefixes_advertised{two} 9"),
            format!("{name}_bytes_total{ingress} 2"),
            format!("{name}_packets_total{ingress} 1"),
            format!("{name}_errors_total{one} 5"),
            format!("{name}_policed_packets_total{ingress} 11"),
            format!("linkway_fabric_bgp_status{fabric} 0"),
            format!("linkway_fabric_reachable{fabric} 1"),
        ] {
            assert!(text.lines().any(|there| there == line), "{line} in\n{text}");
        }
        let mut series: Vec<&str> = text
            .lines()
            .filter(|l| !l.starts_with('#'))
            .filter_map(|l| l.rsplit_once(' ').map(|(s, _)| s))
            .collect();
        let count = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), count, "a series is written twice");
        for (family, kind, _) in FAMILIES {
            assert_eq!(text.matches(&format!("# TYPE {family} {kind}\n")).count(), 1, "{family}");
        }
        assert!(!text.contains("edge_epoch{edge=\"old\"}"), "a silent edge says nothing");
        assert!(!text.contains("lastError"));
    }
}
