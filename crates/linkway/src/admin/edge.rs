//! `linkway admin edge show`: one answer, up to four tables.

use linkway_wire::operator::{EdgeDetail, EdgeInterface, EdgePort, FabricSession};
use serde::Serialize;

use super::failure::Failure;
use super::output::{Form, Row, Width, one, table};
use super::rows::{ago, maybe, time, yes_no};

/// Prints everything that is known of an edge.
pub fn show(form: Form, width: Width, detail: EdgeDetail) -> Result<(), Failure> {
    if form == Form::Json {
        return one(form, &Head(detail));
    }
    let lines: Vec<Line> = detail.interfaces.iter().flat_map(lines).collect();
    let detail = Head(detail);
    one(form, &detail)?;
    table(&detail.0.ports, width)?;
    table(&lines, width)?;
    table(&detail.0.fabric_sessions, width)
}

/// The edge itself; as JSON, with everything on it.
#[derive(Serialize)]
#[serde(transparent)]
struct Head(EdgeDetail);

impl Row for Head {
    const COLUMNS: &'static [&'static str] = &[
        "EDGE",
        "LOCATION",
        "SIMULATED",
        "LAST REPORT",
        "REPORTED AT",
        "SILENT",
        "EPOCH",
        "GENERATION",
        "DETAIL MISSING",
    ];
    fn cells(&self) -> Vec<String> {
        let EdgeDetail { edge, epoch, desired_epoch, desired_generation, detail_missing, .. } =
            &self.0;
        vec![
            edge.edge_id.clone(),
            edge.location_code.clone(),
            yes_no(edge.simulated),
            edge.last_report_at.map(ago).unwrap_or_default(),
            edge.last_report_at.map(time).unwrap_or_default(),
            yes_no(edge.silent),
            behind(*epoch, *desired_epoch),
            behind(edge.generation, *desired_generation),
            maybe(detail_missing),
        ]
    }
}

/// What the edge has, and what it should have where that is something else.
fn behind(has: Option<u64>, should: u64) -> String {
    match has {
        Some(has) if has == should => has.to_string(),
        Some(has) => format!("{has} (should be {should})"),
        None => format!("none (should be {should})"),
    }
}

impl Row for EdgePort {
    const COLUMNS: &'static [&'static str] = &[
        "PORT",
        "CONNECTION",
        "STATE",
        "CARRIER",
        "BYTES IN",
        "BYTES OUT",
        "PACKETS IN",
        "PACKETS OUT",
        "PACKET ERRORS",
        "ERROR",
    ];
    const NARROW: &'static [&'static str] =
        &["PORT", "CONNECTION", "STATE", "CARRIER", "BYTES IN", "BYTES OUT", "ERROR"];
    fn cells(&self) -> Vec<String> {
        let number =
            |of: fn(&linkway_wire::operator::Traffic) -> u64| maybe(&self.traffic.as_ref().map(of));
        vec![
            self.interface.clone(),
            self.connection_id.clone(),
            self.connection_state.clone(),
            self.carrier.map(yes_no).unwrap_or_default(),
            number(|t| t.bytes_in),
            number(|t| t.bytes_out),
            number(|t| t.packets_in),
            number(|t| t.packets_out),
            number(|t| t.errors),
            maybe(&self.error),
        ]
    }
}

impl Row for FabricSession {
    const COLUMNS: &'static [&'static str] = &[
        "GATEWAY",
        "HANDOFF",
        "FABRIC PEER",
        "ASN",
        "BGP",
        "VPC REACHED",
        "ACCEPTED",
        "ADVERTISED",
        "ERROR",
    ];
    const NARROW: &'static [&'static str] =
        &["GATEWAY", "HANDOFF", "FABRIC PEER", "BGP", "VPC REACHED", "ERROR"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.virtual_gateway_id.clone(),
            self.interface.clone(),
            self.address.clone(),
            self.asn.to_string(),
            maybe(&self.state.map(|state| state.as_str())),
            self.reachable.map(yes_no).unwrap_or_default(),
            maybe(&self.prefixes_accepted),
            maybe(&self.prefixes_advertised),
            maybe(&self.error),
        ]
    }
}

/// An interface with one of its sessions, or with none.
struct Line {
    cells: Vec<String>,
}

fn lines(interface: &EdgeInterface) -> Vec<Line> {
    let peers = interface.peers.as_deref().unwrap_or_default();
    if peers.is_empty() {
        return vec![line(interface, None)];
    }
    peers.iter().map(|peer| line(interface, Some(peer))).collect()
}

fn line(interface: &EdgeInterface, peer: Option<&linkway_wire::operator::PeerStatus>) -> Line {
    let number = |of: fn(&linkway_wire::operator::Traffic) -> u64| {
        maybe(&interface.traffic.as_ref().map(of))
    };
    let error = interface.error.clone().or_else(|| peer.and_then(|peer| peer.last_error.clone()));
    let cells = vec![
        interface.virtual_interface_id.clone(),
        interface.interface.clone(),
        interface.vlan.to_string(),
        interface.virtual_interface_state.clone(),
        interface.programmed.map(yes_no).unwrap_or_default(),
        maybe(&peer.map(|peer| peer.address_family.as_str())),
        maybe(&peer.map(|peer| peer.state.as_str())),
        maybe(&peer.map(|peer| peer.prefixes_accepted)),
        maybe(&peer.map(|peer| peer.prefixes_rejected)),
        maybe(&peer.map(|peer| peer.prefixes_advertised)),
        number(|t| t.bytes_in),
        number(|t| t.bytes_out),
        maybe(&interface.policed.map(|policed| policed.packets_in)),
        maybe(&interface.policed.map(|policed| policed.packets_out)),
        interface.session_resets.to_string(),
        maybe(&error),
    ];
    Line { cells }
}

impl Row for Line {
    const COLUMNS: &'static [&'static str] = &[
        "VIRTUAL INTERFACE",
        "PORT",
        "VLAN",
        "STATE",
        "PROGRAMMED",
        "FAMILY",
        "BGP",
        "ACCEPTED",
        "REJECTED",
        "ADVERTISED",
        "BYTES IN",
        "BYTES OUT",
        "POLICED IN",
        "POLICED OUT",
        "RESETS",
        "ERROR",
    ];
    const NARROW: &'static [&'static str] =
        &["VIRTUAL INTERFACE", "PORT", "VLAN", "STATE", "FAMILY", "BGP", "ACCEPTED", "ERROR"];
    fn cells(&self) -> Vec<String> {
        self.cells.clone()
    }
}
