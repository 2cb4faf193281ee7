//! What the tables show of each answer. Columns are the API's member names in words; JSON shows
//! everything.

use std::fmt::Display;

use linkway_wire::operator::{
    AccessKey, AccessKeyKind, AccessKeyStatus, Account, AccountStatus, AuditEvent, Connection,
    DeletedAccount, DeletedEdge, DrainedEdge, Edge, Epoch, Gateway, GatewayHandoff, GivenUpEdge,
    Interface, Location, NewAccessKey, NewEdge, NewOperatorKey, Operator, OperatorKey, Port,
};

use super::output::Row;

pub(super) fn maybe(value: &Option<impl Display>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

pub(super) fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

pub(super) fn time(value: jiff::Timestamp) -> String {
    format!("{value:.0}")
}

/// How long ago a moment is, by this machine's clock.
pub(super) fn ago(value: jiff::Timestamp) -> String {
    since(jiff::Timestamp::now().duration_since(value).as_secs())
}

fn since(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match seconds {
        ..0 => "in the future".to_owned(),
        0..=119 => format!("{seconds} s ago"),
        120..=7199 => format!("{} min ago", seconds / MINUTE),
        7200..=172_799 => format!("{} h ago", seconds / HOUR),
        _ => format!("{} d ago", seconds / DAY),
    }
}

fn status(value: AccessKeyStatus) -> String {
    match value {
        AccessKeyStatus::Enabled => "enabled",
        AccessKeyStatus::Disabled => "disabled",
    }
    .to_owned()
}

fn kind(value: AccessKeyKind) -> String {
    match value {
        AccessKeyKind::Account => "account",
        AccessKeyKind::Operator => "operator",
        AccessKeyKind::Edge => "edge",
    }
    .to_owned()
}

impl Row for Account {
    const COLUMNS: &'static [&'static str] = &["ACCOUNT", "NAME", "STATUS", "CREATED"];
    fn cells(&self) -> Vec<String> {
        let status = match self.status {
            AccountStatus::Enabled => "enabled",
            AccountStatus::Disabled => "disabled",
        };
        vec![self.account_id.clone(), self.name.clone(), status.to_owned(), time(self.created_at)]
    }
}

impl Row for DeletedAccount {
    const COLUMNS: &'static [&'static str] = &["DELETED ACCOUNT", "NAME", "DELETED ACCESS KEYS"];
    fn cells(&self) -> Vec<String> {
        vec![self.account_id.clone(), self.name.clone(), self.access_key_ids.join(" ")]
    }
}

impl Row for DeletedEdge {
    const COLUMNS: &'static [&'static str] = &["DELETED EDGE", "LOCATION", "DELETED ACCESS KEYS"];
    fn cells(&self) -> Vec<String> {
        vec![self.edge_id.clone(), self.location_code.clone(), self.access_key_ids.join(" ")]
    }
}

impl Row for DrainedEdge {
    const COLUMNS: &'static [&'static str] = &["EDGE", "INTERFACES"];
    fn cells(&self) -> Vec<String> {
        vec![self.edge_id.clone(), self.virtual_interface_ids.join(" ")]
    }
}

impl Row for GivenUpEdge {
    const COLUMNS: &'static [&'static str] =
        &["GIVEN UP", "LOCATION", "DELETED CONNECTIONS", "INTERFACES", "BGP PEERS", "ASSOCIATIONS"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.edge_id.clone(),
            self.location_code.clone(),
            self.connection_ids.join(" "),
            self.virtual_interface_ids.join(" "),
            self.bgp_peer_ids.join(" "),
            self.association_ids.join(" "),
        ]
    }
}

impl Row for NewAccessKey {
    const COLUMNS: &'static [&'static str] =
        &["ACCESS KEY", "SECRET ACCESS KEY", "ACCOUNT", "EDGE", "STATUS", "CREATED"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.access_key_id.clone(),
            self.secret_access_key.expose().to_owned(),
            maybe(&self.account_id),
            maybe(&self.edge_id),
            status(self.status),
            time(self.created_at),
        ]
    }
}

impl Row for AccessKey {
    const COLUMNS: &'static [&'static str] =
        &["ACCESS KEY", "KIND", "ACCOUNT", "EDGE", "STATUS", "CREATED"];
    const NARROW: &'static [&'static str] = &["ACCESS KEY", "KIND", "ACCOUNT", "EDGE", "STATUS"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.access_key_id.clone(),
            kind(self.kind),
            maybe(&self.account_id),
            maybe(&self.edge_id),
            status(self.status),
            time(self.created_at),
        ]
    }
}

impl Row for Operator {
    const COLUMNS: &'static [&'static str] = &["OPERATOR", "ROLE", "STATUS", "KEYS", "CREATED"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.operator_name.clone(),
            self.role.clone(),
            status(self.status),
            self.keys.to_string(),
            time(self.created_at),
        ]
    }
}

impl Row for OperatorKey {
    const COLUMNS: &'static [&'static str] =
        &["ACCESS KEY", "OPERATOR", "STATUS", "EXPIRES", "LAST USED"];
    const NARROW: &'static [&'static str] = &["ACCESS KEY", "STATUS", "EXPIRES", "LAST USED"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.access_key_id.clone(),
            self.operator_name.clone(),
            status(self.status),
            self.expires_at.map(time).unwrap_or_default(),
            self.last_used_at.map(time).unwrap_or_default(),
        ]
    }
}

impl Row for NewOperatorKey {
    const COLUMNS: &'static [&'static str] =
        &["ACCESS KEY", "SECRET ACCESS KEY", "OPERATOR", "EXPIRES"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.access_key_id.clone(),
            self.secret_access_key.expose().to_owned(),
            self.operator_name.clone(),
            self.expires_at.map(time).unwrap_or_default(),
        ]
    }
}

impl Row for Location {
    const COLUMNS: &'static [&'static str] = &["LOCATION", "NAME", "SIMULATED", "REGION"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.location_code.clone(),
            self.location_name.clone(),
            yes_no(self.simulated),
            self.region.clone(),
        ]
    }
}

impl Row for NewEdge {
    const COLUMNS: &'static [&'static str] =
        &["EDGE", "LOCATION", "ACCESS KEY", "SECRET ACCESS KEY", "CREATED"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.edge_id.clone(),
            self.location_code.clone(),
            self.access_key_id.clone(),
            self.secret_access_key.expose().to_owned(),
            time(self.created_at),
        ]
    }
}

impl Row for Edge {
    const COLUMNS: &'static [&'static str] =
        &["EDGE", "LOCATION", "SIMULATED", "LAST REPORT", "REPORTED AT", "GENERATION", "SILENT"];
    const NARROW: &'static [&'static str] =
        &["EDGE", "LOCATION", "SIMULATED", "LAST REPORT", "SILENT"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.edge_id.clone(),
            self.location_code.clone(),
            yes_no(self.simulated),
            self.last_report_at.map(ago).unwrap_or_default(),
            self.last_report_at.map(time).unwrap_or_default(),
            maybe(&self.generation),
            yes_no(self.silent),
        ]
    }
}

impl Row for Epoch {
    const COLUMNS: &'static [&'static str] = &["EPOCH"];
    fn cells(&self) -> Vec<String> {
        vec![self.epoch.to_string()]
    }
}

impl Row for Port {
    const COLUMNS: &'static [&'static str] =
        &["EDGE", "INTERFACE", "LOCATION", "BANDWIDTH", "JUMBO", "CONNECTION", "CARRIER"];
    const NARROW: &'static [&'static str] =
        &["EDGE", "INTERFACE", "BANDWIDTH", "CONNECTION", "CARRIER"];
    fn cells(&self) -> Vec<String> {
        vec![
            self.edge_id.clone(),
            self.interface.clone(),
            self.location_code.clone(),
            self.bandwidth.clone(),
            yes_no(self.jumbo_frame_capable),
            maybe(&self.connection_id),
            self.carrier.map(yes_no).unwrap_or_default(),
        ]
    }
}

impl Row for Connection {
    const COLUMNS: &'static [&'static str] =
        &["CONNECTION", "NAME", "STATE", "OWNER", "LOCATION", "BANDWIDTH", "EDGE", "INTERFACE"];
    const NARROW: &'static [&'static str] =
        &["CONNECTION", "NAME", "STATE", "OWNER", "EDGE", "INTERFACE"];
    fn cells(&self) -> Vec<String> {
        let public = &self.connection;
        vec![
            maybe(&public.connection_id),
            maybe(&public.connection_name),
            maybe(&public.connection_state),
            maybe(&public.owner_account),
            maybe(&public.location),
            maybe(&public.bandwidth),
            maybe(&self.edge_id),
            maybe(&self.interface),
        ]
    }
}

/// As it is given to `gateway create`, and behind it the session with the fabric.
pub(super) fn handoff(handoff: &GatewayHandoff) -> String {
    let place = format!("{}:{}:{}", handoff.edge_id, handoff.interface, handoff.next_hop);
    let Some(peer) = &handoff.fabric_peer else { return place };
    let state = peer.state.map_or("unknown", |state| state.as_str());
    format!("{place} ({} AS {} {state})", peer.address, peer.asn)
}

impl Row for Gateway {
    const COLUMNS: &'static [&'static str] =
        &["GATEWAY", "NAME", "ACCOUNT", "ASN", "VPC", "CIDRS", "HANDOFFS", "STATE", "ERROR"];
    const NARROW: &'static [&'static str] =
        &["GATEWAY", "NAME", "ACCOUNT", "CIDRS", "HANDOFFS", "ERROR"];
    fn cells(&self) -> Vec<String> {
        let handoffs = self.handoffs.iter().map(handoff);
        vec![
            self.virtual_gateway_id.clone(),
            maybe(&self.name),
            self.account_id.clone(),
            self.amazon_side_asn.to_string(),
            self.vpc_id.clone(),
            self.cidrs.join(" "),
            handoffs.collect::<Vec<_>>().join(" "),
            self.virtual_gateway_state.clone(),
            maybe(&self.error),
        ]
    }
}

impl Row for Interface {
    const COLUMNS: &'static [&'static str] = &[
        "VIRTUAL INTERFACE",
        "NAME",
        "STATE",
        "OWNER",
        "CONNECTION",
        "CONNECTION OWNER",
        "VLAN",
        "GATEWAY",
        "EDGE",
        "INTERFACE",
        "DRAIN",
        "ERROR",
    ];
    const NARROW: &'static [&'static str] =
        &["VIRTUAL INTERFACE", "NAME", "STATE", "OWNER", "VLAN", "GATEWAY", "ERROR"];
    fn cells(&self) -> Vec<String> {
        let public = &self.virtual_interface;
        let gateways = [&public.virtual_gateway_id, &public.direct_connect_gateway_id];
        let gateway = gateways.into_iter().flatten().find(|id| !id.is_empty());
        vec![
            maybe(&public.virtual_interface_id),
            maybe(&public.virtual_interface_name),
            maybe(&public.virtual_interface_state),
            maybe(&public.owner_account),
            maybe(&public.connection_id),
            maybe(&self.connection_owner_account),
            maybe(&public.vlan),
            gateway.cloned().unwrap_or_default(),
            maybe(&self.edge_id),
            maybe(&self.interface),
            maybe(&self.drain),
            maybe(&self.error),
        ]
    }
}

impl Row for AuditEvent<'_> {
    const COLUMNS: &'static [&'static str] =
        &["TIME", "PRINCIPAL", "FROM", "OPERATION", "OUTCOME", "RESOURCES", "MESSAGE"];
    const NARROW: &'static [&'static str] = &["TIME", "PRINCIPAL", "OPERATION", "RESOURCES"];
    fn cells(&self) -> Vec<String> {
        vec![
            time(self.timestamp()),
            self.principal.to_string(),
            self.source_address.to_string(),
            self.operation.to_string(),
            match self.count {
                None => self.outcome.to_string(),
                Some(count) => format!("{} ×{count}", self.outcome),
            },
            self.resources.join(" "),
            maybe(&self.message),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn ages_are_in_one_unit() {
        let table = [
            (-1, "in the future"),
            (0, "0 s ago"),
            (12, "12 s ago"),
            (119, "119 s ago"),
            (120, "2 min ago"),
            (7199, "119 min ago"),
            (7200, "2 h ago"),
            (172_799, "47 h ago"),
            (172_800, "2 d ago"),
        ];
        for (seconds, expected) in table {
            assert_eq!(since(seconds), expected);
        }
    }
}
