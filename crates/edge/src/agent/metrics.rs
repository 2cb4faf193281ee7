//! What the agent tells a Prometheus scraper (text format 0.0.4), names after the AWS/DX metrics (AWS Direct Connect user guide, "Monitor with Amazon CloudWatch").

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkway_domain::edge::{EdgeConfig, EdgeStatus, SessionState, Traffic};

use super::Round;
use crate::fence::Drops;
use crate::kernel::Kernel;
use crate::session::FLAPPING;

/// The figures, shared with the thread that serves them.
#[derive(Clone, Default)]
pub struct Gauges(Arc<Mutex<Figures>>);

#[derive(Default)]
struct Figures {
    rounds: u64,
    changes: u64,
    failures: u64,
    refused: u64,
    seconds: f64,
    blind: bool,
    too_low: usize,
    snapshot: Option<Snapshot>,
}

/// A report, which connection each interface is on, and what fences have dropped.
pub struct Snapshot {
    status: EdgeStatus,
    connections: BTreeMap<String, String>,
    /// By the names of links.
    drops: BTreeMap<String, Drops>,
}

impl Snapshot {
    /// Of a report about a configuration.
    #[must_use]
    pub fn new(config: Option<&EdgeConfig>, status: &EdgeStatus, kernel: &Kernel) -> Self {
        let mut connections = BTreeMap::new();
        let fenced = kernel.links.iter().filter(|(_, link)| link.fence.is_some());
        let drops = fenced.map(|(name, link)| (name.clone(), link.drops)).collect();
        if let Some(config) = config {
            let ports: BTreeMap<_, _> =
                config.ports.iter().map(|port| (&port.interface, &port.connection_id)).collect();
            for interface in &config.interfaces {
                if let Some(connection) = ports.get(&interface.interface) {
                    let id = interface.virtual_interface_id.to_string();
                    connections.insert(id, connection.to_string());
                }
            }
        }
        Self { status: status.clone(), connections, drops }
    }
}

impl Gauges {
    fn with(&self, change: impl FnOnce(&mut Figures)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// A configuration was refused.
    pub fn refused(&self) {
        self.with(|figures| figures.refused += 1);
    }

    /// The router cannot be seen.
    pub fn blind(&self) {
        self.with(|figures| figures.blind = true);
    }

    /// So many limits of the machine are too low for what it serves.
    pub fn too_low(&self, limits: usize) {
        self.with(|figures| figures.too_low = limits);
    }

    /// The newest report.
    pub fn show(&self, snapshot: Snapshot) {
        self.with(|figures| {
            figures.blind = false;
            figures.snapshot = Some(snapshot);
        });
    }

    /// A round is over.
    pub fn round(&self, round: &Round, took: Duration) {
        self.with(|figures| {
            figures.rounds += 1;
            figures.changes += round.changes as u64;
            figures.failures += round.failed.len() as u64;
            figures.seconds += took.as_secs_f64();
        });
    }

    /// All of it as text.
    #[must_use]
    pub fn render(&self) -> String {
        let figures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page(String::new());
        page.one("linkway_edge_rounds_total", "counter", "Looks at the router", figures.rounds);
        page.one("linkway_edge_changes_total", "counter", "Changes tried", figures.changes);
        page.one(
            "linkway_edge_failed_changes_total",
            "counter",
            "Changes failed",
            figures.failures,
        );
        let help = "Configurations refused as older than the held one";
        page.one("linkway_edge_refused_configurations_total", "counter", help, figures.refused);
        let help = "Time spent in rounds";
        page.one("linkway_edge_round_seconds_total", "counter", help, figures.seconds);
        let help = "Whether the kernel can be observed";
        page.one("linkway_edge_kernel_visible", "gauge", help, u8::from(!figures.blind));
        let help = "Limits of the machine that are too low for what it serves; the log names them";
        page.one("linkway_edge_limits_too_low", "gauge", help, figures.too_low);
        if let Some(snapshot) = &figures.snapshot {
            snapshot.render(&mut page);
        }
        page.0
    }
}

impl Snapshot {
    fn render(&self, page: &mut Page) {
        let status = &self.status;
        page.one("linkway_edge_epoch", "gauge", "Epoch of the configuration", status.epoch);
        let help = "Generation of the configuration";
        page.one("linkway_edge_generation", "gauge", help, status.generation);
        let ports: Vec<_> = status
            .ports
            .iter()
            .map(|port| (format!("connection_id=\"{}\"", port.connection_id), port))
            .collect();
        let help = "Whether the port has a carrier";
        page.gauge("linkway_connection_state", help, &ports, |port| u8::from(port.carrier));
        let traffic: Vec<_> =
            ports.iter().map(|(labels, port)| (labels.clone(), port.traffic)).collect();
        page.traffic("linkway_connection", &traffic);
        let interfaces: Vec<_> = status
            .interfaces
            .iter()
            .map(|item| {
                let id = &item.virtual_interface_id;
                let connection = self.connections.get(id.as_str()).map_or("", String::as_str);
                let labels =
                    format!("connection_id=\"{connection}\",virtual_interface_id=\"{id}\"");
                (labels, item)
            })
            .collect();
        page.gauge(
            "linkway_virtual_interface_programmed",
            "Whether VLAN, VRF, addresses and session are in place",
            &interfaces,
            |item| u8::from(item.programmed),
        );
        let traffic: Vec<_> =
            interfaces.iter().map(|(labels, item)| (labels.clone(), item.traffic)).collect();
        page.traffic("linkway_virtual_interface", &traffic);
        let name = "linkway_virtual_interface_policed_packets_total";
        page.head(
            name,
            "counter",
            "Packets that the rate limit dropped; ingress is from the customer",
        );
        for (labels, item) in &interfaces {
            let Some(policed) = item.policed else { continue };
            page.line(name, &format!("{labels},direction=\"ingress\""), policed.packets_in);
            page.line(name, &format!("{labels},direction=\"egress\""), policed.packets_out);
        }
        let name = "linkway_edge_fence_dropped_packets_total";
        page.head(name, "counter", "Packets that a link's fence has dropped, by fence");
        for (link, drops) in &self.drops {
            for (fence, packets) in drops.by_fence() {
                page.line(name, &format!("link=\"{link}\",fence=\"{fence}\""), packets);
            }
        }
        let peers: Vec<_> = interfaces
            .iter()
            .flat_map(|(labels, item)| {
                item.peers.iter().map(move |peer| {
                    let family = peer.address_family.as_str();
                    (format!("{labels},address_family=\"{family}\""), peer)
                })
            })
            .collect();
        page.gauge(
            "linkway_virtual_interface_bgp_status",
            "Whether the BGP session is established",
            &peers,
            |peer| u8::from(peer.state == SessionState::Established),
        );
        page.gauge(
            "linkway_virtual_interface_bgp_prefix_limit",
            "Whether too many prefixes have shut the session",
            &peers,
            |peer| u8::from(peer.state == SessionState::PrefixLimit),
        );
        page.gauge(
            "linkway_virtual_interface_bgp_flapping",
            "Whether the session is shut for a time because its routes flap",
            &peers,
            |peer| {
                u8::from(
                    peer.last_error.as_deref().is_some_and(|error| error.starts_with(FLAPPING)),
                )
            },
        );
        page.gauge(
            "linkway_virtual_interface_bgp_prefixes_rejected",
            "Prefixes of the customer's router that were refused",
            &peers,
            |peer| peer.prefixes_rejected,
        );
        page.gauge(
            "linkway_virtual_interface_bgp_prefixes_accepted",
            "Prefixes taken from the customer's router",
            &peers,
            |peer| peer.prefixes_accepted,
        );
        page.gauge(
            "linkway_virtual_interface_bgp_prefixes_advertised",
            "Prefixes announced to the customer's router",
            &peers,
            |peer| peer.prefixes_advertised,
        );
        self.render_fabric(page);
    }

    /// The sessions with the fabric.
    fn render_fabric(&self, page: &mut Page) {
        let sessions: Vec<_> = self
            .status
            .fabric_sessions
            .iter()
            .map(|session| {
                let (domain, family) =
                    (&session.routing_domain_id, session.address_family.as_str());
                (format!("virtual_gateway_id=\"{domain}\",address_family=\"{family}\""), session)
            })
            .collect();
        page.gauge(
            "linkway_fabric_bgp_status",
            "Whether the BGP session of a gateway's handoff is established",
            &sessions,
            |session| u8::from(session.state == SessionState::Established),
        );
        page.gauge(
            "linkway_fabric_reachable",
            "Whether the session with the fabric lets the gateway's prefixes be announced to customers",
            &sessions,
            |session| u8::from(session.reachable),
        );
        page.gauge(
            "linkway_fabric_prefixes_accepted",
            "Prefixes taken from the fabric's router",
            &sessions,
            |session| session.prefixes_accepted,
        );
        page.gauge(
            "linkway_fabric_prefixes_advertised",
            "Customers' prefixes announced to the fabric's router",
            &sessions,
            |session| session.prefixes_advertised,
        );
    }
}

/// A page under construction.
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}.\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }

    /// A gauge of several things, each with its labels.
    fn gauge<T, V: std::fmt::Display>(
        &mut self,
        name: &str,
        help: &str,
        items: &[(String, T)],
        value: impl Fn(&T) -> V,
    ) {
        self.head(name, "gauge", help);
        for (labels, item) in items {
            self.line(name, labels, value(item));
        }
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// Bytes and packets each way; *ingress* is from the customer, as AWS/DX has it.
    fn traffic(&mut self, prefix: &str, items: &[(String, Traffic)]) {
        for (what, pick) in [
            ("bytes", (|t: &Traffic| (t.bytes_in, t.bytes_out)) as fn(&Traffic) -> (u64, u64)),
            ("packets", |t| (t.packets_in, t.packets_out)),
        ] {
            let name = format!("{prefix}_{what}_total");
            self.head(&name, "counter", &format!("{what} each way; ingress is from the customer"));
            for (labels, traffic) in items {
                let (ingress, egress) = pick(traffic);
                self.line(&name, &format!("{labels},direction=\"ingress\""), ingress);
                self.line(&name, &format!("{labels},direction=\"egress\""), egress);
            }
        }
        let name = format!("{prefix}_errors_total");
        self.head(&name, "counter", "Packets that could not be taken or given");
        for (labels, traffic) in items {
            self.line(&name, labels, traffic.errors);
        }
    }
}
