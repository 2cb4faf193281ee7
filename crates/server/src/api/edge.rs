//! Edge routers: the operator makes, lists, resets, gives up and deletes them, and sees one with everything on it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use linkway_domain::Fault;
use linkway_domain::connection::Connection;
use linkway_domain::decide::Context;
use linkway_domain::edge::decide::{CreateEdge, DeleteEdge, ResetEdge};
use linkway_domain::edge::give_up::{Ended, GiveUpPart, given_up};
use linkway_domain::edge::{Edge, EdgeSeen, InterfaceStatus, PortStatus};
use linkway_domain::fault::shown;
use linkway_domain::id::{EdgeId, VirtualGatewayId};
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::record::Record;
use linkway_domain::view::View;
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_interface::{InterfaceReport, VirtualInterface};
use linkway_wire::operator as wire;
use linkway_wire::value::Secret;

use super::page::Asked;
use super::{Answered, Api, Call, audit, connection, fabric};
use crate::clock;
use crate::feed::Heard;
use crate::records::Failure;

impl Api {
    pub(super) async fn create_edge(
        &self,
        call: &Call,
        request: wire::CreateEdge,
    ) -> Answered<wire::NewEdge> {
        let command = CreateEdge { id: request.edge_id, location: request.location_code };
        let (made, access_key) = self.run(call, &command).await?;
        Ok(wire::NewEdge {
            edge_id: made.id.to_string(),
            location_code: made.location.to_string(),
            access_key_id: access_key.id.to_string(),
            secret_access_key: Secret::from(access_key.secret.reveal()),
            created_at: clock::timestamp(made.created),
        })
    }

    pub(super) async fn delete_edge(
        &self,
        call: &Call,
        request: wire::DeleteEdge,
    ) -> Answered<wire::DeletedEdge> {
        let deleted = self.run(call, &DeleteEdge(request.edge_id)).await?;
        self.credentials.changed();
        self.feed.forget(&deleted.edge.id);
        Ok(wire::DeletedEdge {
            edge_id: deleted.edge.id.to_string(),
            location_code: deleted.edge.location.to_string(),
            access_key_ids: deleted.access_keys.iter().map(ToString::to_string).collect(),
        })
    }

    pub(super) async fn reset_edge(
        &self,
        call: &Call,
        request: wire::ResetEdge,
    ) -> Answered<wire::Edge> {
        let edge = self.run(call, &ResetEdge(request.edge_id)).await?;
        let seen = self.seen(&edge.id).await?;
        Ok(self.edge(edge, seen.as_ref()).await?)
    }

    /// Each record that the edge holds is decided and committed on its own; what a failure leaves undone the next call does.
    pub(super) async fn give_up_edge(
        &self,
        call: &Call,
        request: wire::GiveUpEdge,
    ) -> Answered<wire::GivenUpEdge> {
        let force = request.force;
        let edge = self.may_give_up(call, &request).await?;
        let part = |part| GiveUpPart { edge: edge.id.to_string(), force, part };
        let (ending, accepted) = self.feed.held_by(&edge.id).await?;
        let mut answer = wire::GivenUpEdge {
            edge_id: edge.id.to_string(),
            location_code: edge.location.to_string(),
            connection_ids: Vec::new(),
            virtual_interface_ids: Vec::new(),
            bgp_peer_ids: Vec::new(),
            association_ids: Vec::new(),
        };
        let mut is_recorded = false;
        for (nth, ending) in ending.into_iter().enumerate() {
            let audit =
                |time, resources: &[Cow<'_, str>]| audit::of_part(call, nth, time, resources);
            let decided = self.records.run(call.principal(), &part(ending), Some(&audit)).await?;
            is_recorded |= decided.changed;
            for ended in decided.outcome.ended {
                match ended {
                    Ended::Connection(id) => answer.connection_ids.push(id.to_string()),
                    Ended::Interface(id) => answer.virtual_interface_ids.push(id.to_string()),
                    Ended::BgpPeer(_, id) => answer.bgp_peer_ids.push(id.to_string()),
                    Ended::Association(id) => answer.association_ids.push(id.to_string()),
                }
            }
        }
        let accepted = accepted.into_iter().map(part).collect();
        self.feed.give_up(&edge.id, call.principal(), accepted).await?;
        if !is_recorded {
            let resources = vec![edge.id.to_string()];
            self.trail.record(&audit::event(call, clock::now(), resources, None));
        }
        Ok(answer)
    }

    /// The edge, if it may be given up.
    async fn may_give_up(&self, call: &Call, request: &wire::GiveUpEdge) -> Result<Edge, Failure> {
        let rule = |view: &View, context: &Context<'_>| {
            given_up(view, context, &request.edge_id, request.force).cloned()
        };
        let edge = self.records.read(call.principal(), rule).await?;
        if request.force || self.liveness.is_silent(&edge.id).await? {
            return Ok(edge);
        }
        let rule = format!(
            "may just not have been heard yet: this server was started {} seconds ago. Give it up when it has been silent for \
             {} seconds, or with force",
            self.liveness.listens_for().as_secs(),
            self.records.settings().silence.as_secs()
        );
        Err(Fault::field("edgeId", &edge.id, rule).into())
    }

    pub(super) async fn list_edges(
        &self,
        _: &Call,
        request: wire::ListEdges,
    ) -> Answered<wire::EdgeList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (found, next_token) = self.list(&Index::<Edge>::everything(), asked).await?;
        let mut edges = Vec::with_capacity(found.len());
        for edge in found {
            let seen = self.seen(&edge.id).await?;
            edges.push(self.edge(edge, seen.as_ref()).await?);
        }
        Ok(wire::EdgeList { edges, next_token })
    }

    pub(super) async fn describe_edge(
        &self,
        _: &Call,
        request: wire::DescribeEdge,
    ) -> Answered<wire::EdgeDetail> {
        let missing =
            || Fault::client(format!("The edge {} does not exist.", shown(&request.edge_id)));
        let id = EdgeId::parse(&request.edge_id).map_err(|_| missing())?;
        let Some(Record::Edge(edge)) = self.records.get(&key::edge(&id)).await? else {
            return Err(missing().into());
        };
        let seen = self.seen(&id).await?;
        // Another server may have taken a later one.
        let later =
            |heard: &Heard| seen.as_ref().is_some_and(|seen| seen.sequence > heard.status.sequence);
        let heard = self.feed.heard(&id).filter(|heard| !later(heard));
        let desired = self.feed.version(&id).await?;
        let mut detail = wire::EdgeDetail {
            edge: self.edge(edge, seen.as_ref()).await?,
            epoch: seen.as_ref().map(|seen| seen.epoch),
            desired_epoch: desired.epoch,
            desired_generation: desired.generation,
            detail_missing: missing_because(seen.as_ref(), heard.is_some()),
            ports: Vec::new(),
            interfaces: Vec::new(),
            fabric_sessions: Vec::new(),
        };
        if let Some(heard) = &heard {
            // What is quiet is written now and then only; what came here is known to the moment.
            detail.edge.last_report_at = Some(clock::timestamp(heard.at));
            detail.edge.generation = Some(heard.status.generation);
            detail.epoch = Some(heard.status.epoch);
        }
        self.describe_parts(&id, heard.as_deref(), &mut detail).await?;
        Ok(detail)
    }

    /// Adds the ports, interfaces and sessions with the fabric of an edge, and what it last said of them.
    async fn describe_parts(
        &self,
        id: &EdgeId,
        heard: Option<&Heard>,
        detail: &mut wire::EdgeDetail,
    ) -> Result<(), Failure> {
        let silent = detail.edge.silent;
        let ports = by_id(heard, |heard| &heard.status.ports, |port| &port.connection_id);
        for record in self.records.all(&Index::<Connection>::of_edge(id)).await? {
            detail.ports.push(port(&record, ports.get(&record.id).copied(), silent));
        }
        let reported =
            by_id(heard, |heard| &heard.status.interfaces, |item| &item.virtual_interface_id);
        let records = self.records.all(&Index::<VirtualInterface>::of_edge(id)).await?;
        let keys: Vec<_> = records.iter().map(|record| key::interface_status(&record.id)).collect();
        for (record, stored) in records.iter().zip(self.records_at(&keys).await?) {
            let stored = match stored {
                Some(Record::VirtualInterfaceStatus(status)) => Some(status.report),
                Some(_) | None => None,
            };
            let status = reported.get(&record.id).copied();
            detail.interfaces.push(interface(record, stored.as_ref(), status, silent));
        }
        let attached = records.iter().filter_map(|record| record.attachment.as_ref());
        let gateways: BTreeSet<&VirtualGatewayId> =
            attached.filter_map(|attached| attached.gateway.virtual_gateway()).collect();
        let keys: Vec<_> = gateways.into_iter().map(key::gateway).collect();
        let gateways: Vec<Gateway> = self.records.present(&keys).await?;
        detail.fabric_sessions =
            gateways.iter().flat_map(|gateway| fabric::sessions(id, gateway, heard)).collect();
        Ok(())
    }

    /// When an edge was last heard, as the store has it.
    async fn seen(&self, id: &EdgeId) -> Result<Option<EdgeSeen>, Failure> {
        Ok(match self.records.get(&key::edge_seen(id)).await? {
            Some(Record::EdgeSeen(seen)) => Some(seen),
            Some(_) | None => None,
        })
    }

    async fn edge(&self, edge: Edge, seen: Option<&EdgeSeen>) -> Result<wire::Edge, Failure> {
        Ok(wire::Edge {
            silent: self.liveness.is_silent(&edge.id).await?,
            edge_id: edge.id.to_string(),
            location_code: edge.location.to_string(),
            simulated: edge.simulated,
            last_report_at: seen.map(|seen| clock::timestamp(seen.at)),
            generation: seen.map(|seen| seen.generation),
        })
    }

    /// An edge that a list is asked for.
    pub(super) async fn existing_edge(&self, id: &str) -> Answered<EdgeId> {
        let id = EdgeId::parse(id)?;
        match self.records.get(&key::edge(&id)).await? {
            Some(_) => Ok(id),
            None => Err(Fault::field("edgeId", &id, "does not exist").into()),
        }
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

fn by_id<'a, T, K: Eq + Hash>(
    heard: Option<&'a Heard>,
    items: impl Fn(&'a Heard) -> &'a Vec<T>,
    id: impl Fn(&'a T) -> K,
) -> HashMap<K, &'a T> {
    let items = heard.map(items).into_iter().flatten();
    items.map(|item| (id(item), item)).collect()
}

fn port(record: &Connection, reported: Option<&PortStatus>, silent: bool) -> wire::EdgePort {
    wire::EdgePort {
        interface: record.port.as_ref().map(|port| port.name.to_string()).unwrap_or_default(),
        connection_id: record.id.to_string(),
        connection_state: record.state(silent).as_str().to_owned(),
        carrier: reported.map(|port| port.carrier).or(connection::carrier(record)),
        error: reported.and_then(|port| port.error.clone()),
        traffic: reported.map(|port| port.traffic),
    }
}

/// `stored` is what the store has of the edge's reports, `status` what it last said to this server.
fn interface(
    record: &VirtualInterface,
    stored: Option<&InterfaceReport>,
    status: Option<&InterfaceStatus>,
    silent: bool,
) -> wire::EdgeInterface {
    let said = status.map(InterfaceStatus::report);
    let reported = said.as_ref().or(stored);
    wire::EdgeInterface {
        virtual_interface_id: record.id.to_string(),
        connection_id: record.connection.to_string(),
        interface: record.port.to_string(),
        vlan: record.vlan.number(),
        virtual_interface_state: record.state(clock::now(), stored, silent).as_str().to_owned(),
        programmed: reported.map(|report| report.programmed),
        bgp_up: reported.map(InterfaceReport::is_up),
        error: reported.and_then(|report| report.error.clone()),
        // Each reset is one of every session; a session that was added later has fewer.
        session_resets: record.peers.iter().map(|peer| peer.session_resets).max().unwrap_or(0),
        peers: status.map(|status| status.peers.clone()),
        traffic: status.map(|status| status.traffic),
        policed: status.and_then(|status| status.policed),
    }
}
