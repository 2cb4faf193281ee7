//! One edge with everything on it, and what the operator starts anew there.

use std::collections::HashMap;

use linkway_domain::Fault;
use linkway_domain::connection::{Connection, ConnectionPhase};
use linkway_domain::decide::{Command, Outcome, RenewEpoch};
use linkway_domain::edge::{InterfaceStatus, PortStatus};
use linkway_domain::fault::shown;
use linkway_domain::id::EdgeId;
use linkway_domain::key;
use linkway_domain::location::EdgeSeen;
use linkway_domain::record::Record;
use linkway_domain::virtual_interface::VirtualInterface;
use linkway_wire::error::WireError;
use linkway_wire::json;
use linkway_wire::operator as wire;

use super::unexpected;
use crate::api::{Answered, Api, Call};
use crate::clock;
use crate::feed::Heard;
use crate::records::Failure;

impl Api {
    pub(in crate::api) async fn describe_edge(&self, call: &Call) -> Answered {
        let request: wire::DescribeEdge = json::decode(&call.body)?;
        let missing =
            || Fault::client(format!("The edge {} does not exist.", shown(&request.edge_id)));
        let id: EdgeId = request.edge_id.parse().map_err(|_| missing())?;
        let Some(Record::Edge(edge)) = self.records.get(&key::edge(&id)).await? else {
            return Err(missing().into());
        };
        let seen = match self.records.get(&key::edge_seen(&id)).await? {
            Some(Record::EdgeSeen(seen)) => Some(seen),
            Some(_) | None => None,
        };
        let heard = self.feed.heard(&id);
        // Another server may have taken a later one.
        let later =
            |heard: &Heard| seen.as_ref().is_some_and(|seen| seen.sequence > heard.status.sequence);
        let heard = heard.filter(|heard| !later(heard));
        let detail_missing = missing_because(seen.as_ref(), heard.is_some());
        let desired = self.feed.version(&id).await?;
        let (connections, interfaces) = self.feed.records_of(&id).await?;
        let mut detail = wire::EdgeDetail {
            edge: self.edge(edge).await?,
            epoch: seen.map(|seen| seen.epoch),
            desired_epoch: desired.epoch,
            desired_generation: desired.generation,
            detail_missing,
            ports: Vec::new(),
            interfaces: Vec::new(),
        };
        if let Some(heard) = &heard {
            // What is quiet is written now and then only; what came here is known to the moment.
            detail.edge.last_report_at = Some(clock::timestamp(heard.at));
            detail.edge.generation = Some(heard.status.generation);
            detail.epoch = Some(heard.status.epoch);
        }
        let silent = detail.edge.silent;
        let ports = by_id(heard.as_deref(), |h| &h.status.ports, |port| &port.connection_id);
        detail.ports.extend(connections.iter().map(|c| port(c, ports.get(&c.id).copied(), silent)));
        let reported =
            by_id(heard.as_deref(), |h| &h.status.interfaces, |item| &item.virtual_interface_id);
        detail
            .interfaces
            .extend(interfaces.iter().map(|i| interface(i, reported.get(&i.id).copied(), silent)));
        Ok(json::encode(&detail))
    }

    pub(in crate::api) async fn reset_bgp_session(&self, call: &Call) -> Answered {
        let request: wire::ResetBgpSession = json::decode(&call.body)?;
        match self.run(call, &Command::ResetSession(request.virtual_interface_id)).await? {
            Outcome::VirtualInterface(found) => {
                Ok(json::encode(&self.operators_interface(found).await?))
            }
            other => unexpected(&other),
        }
    }

    pub(in crate::api) async fn renew_epoch(&self, call: &Call) -> Answered {
        let _: wire::RenewEpoch = json::decode(&call.body)?;
        // Somebody else may renew it at the same time; this caller gets one of its own.
        for _ in 0..10 {
            let renew = match self.feed.epoch().await? {
                Some(known) => RenewEpoch::After(known),
                None => RenewEpoch::First { before: None },
            };
            match self.run(call, &Command::RenewEpoch(renew)).await? {
                Outcome::Epoch(epoch) => return Ok(json::encode(&wire::Epoch { epoch })),
                Outcome::Done => {}
                other => return unexpected(&other),
            }
        }
        Err(Failure::Contended.into())
    }

    /// An interface as the operator sees it.
    pub(in crate::api) async fn operators_interface(
        &self,
        record: VirtualInterface,
    ) -> Result<wire::Interface, WireError> {
        let shown = self.show_interface(&record, None).await?.into_generated();
        Ok(wire::Interface {
            connection_owner_account: Some(record.lender.to_string()),
            edge_id: Some(record.edge.to_string()),
            interface: Some(record.port.to_string()),
            error: record.reported.and_then(|reported| reported.error),
            ..wire::Interface::new(shown)
        })
    }
}

fn missing_because(seen: Option<&EdgeSeen>, is_here: bool) -> Option<String> {
    let why = match (seen, is_here) {
        (_, true) => return None,
        (None, false) => "the edge has not reported yet",
        (Some(_), false) => {
            "the edge's last report came to another server, or before this one was started; what is shown is what the \
             store has"
        }
    };
    Some(why.to_owned())
}

fn by_id<'a, T, K: Eq + std::hash::Hash>(
    heard: Option<&'a Heard>,
    items: impl Fn(&'a Heard) -> &'a Vec<T>,
    id: impl Fn(&'a T) -> K,
) -> HashMap<K, &'a T> {
    let items = heard.map(items).into_iter().flatten();
    items.map(|item| (id(item), item)).collect()
}

fn port(record: &Connection, reported: Option<&PortStatus>, silent: bool) -> wire::EdgePort {
    let stored = match record.phase {
        ConnectionPhase::Up => Some(true),
        ConnectionPhase::Down => Some(false),
        ConnectionPhase::Requested
        | ConnectionPhase::Pending
        | ConnectionPhase::Deleting
        | ConnectionPhase::Deleted
        | ConnectionPhase::Rejected => None,
    };
    wire::EdgePort {
        interface: record.port.as_ref().map(|port| port.name.to_string()).unwrap_or_default(),
        connection_id: record.id.to_string(),
        connection_state: record.state(silent).as_str().to_owned(),
        carrier: reported.map(|port| port.carrier).or(stored),
        error: reported.and_then(|port| port.error.clone()),
        traffic: reported.map(|port| port.traffic),
    }
}

fn interface(
    record: &VirtualInterface,
    status: Option<&InterfaceStatus>,
    silent: bool,
) -> wire::EdgeInterface {
    let reported = status.map(InterfaceStatus::reported).or_else(|| record.reported.clone());
    let reported = reported.as_ref();
    wire::EdgeInterface {
        virtual_interface_id: record.id.to_string(),
        connection_id: record.connection.to_string(),
        interface: record.port.to_string(),
        vlan: record.vlan.number(),
        virtual_interface_state: record.state(clock::now(), silent).as_str().to_owned(),
        programmed: reported.map(|reported| reported.programmed),
        bgp_up: reported.map(|reported| reported.bgp_up),
        error: reported.and_then(|reported| reported.error.clone()),
        session_resets: record.session_resets,
        peers: status.map(|status| status.peers.clone()),
        traffic: status.map(|status| status.traffic),
    }
}
