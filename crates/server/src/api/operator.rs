//! The operator's operations.

mod edge;
mod lists;
mod shown;

use linkway_domain::Fault;
use linkway_domain::connection::ConnectionPhase;
use linkway_domain::decide::{
    ApproveConnection, Command, CreateAccessKey, CreateAccount, CreateEdge, CreateGateway,
    CreateLocation, CreatePort, HandoffText, Outcome, PortChoice,
};
use linkway_domain::id::ConnectionId;
use linkway_domain::key;
use linkway_domain::location::Location;
use linkway_domain::record::Record;
use linkway_wire::error::WireError;
use linkway_wire::json;
use linkway_wire::operation::LinkwayOperation;
use linkway_wire::operator as wire;
use linkway_wire::value::Secret;

use self::shown::{access_key, account, gateway, new_access_key, port};
use super::{Answered, Api, Call};
use crate::boot;
use crate::clock;
use crate::http::Response;
use crate::http::respond;
use crate::records::Failure;

impl Api {
    /// Answers an operation of the operator or of an edge.
    pub(super) async fn linkway(
        &self,
        operation: LinkwayOperation,
        call: &Call,
    ) -> Result<Response, WireError> {
        let answered = match operation {
            LinkwayOperation::Backup => return self.backup(call).await,
            LinkwayOperation::GetEdgeConfig => return self.get_edge_config(call).await,
            LinkwayOperation::CreateAccount => self.create_account(call).await,
            LinkwayOperation::CreateAccessKey => self.create_access_key(call).await,
            LinkwayOperation::EnableAccessKey => self.enable_access_key(call, true).await,
            LinkwayOperation::DisableAccessKey => self.enable_access_key(call, false).await,
            LinkwayOperation::DeleteAccessKey => self.delete_access_key(call).await,
            LinkwayOperation::CreateLocation => self.create_location(call).await,
            LinkwayOperation::CreateEdge => self.create_edge(call).await,
            LinkwayOperation::CreatePort => self.create_port(call).await,
            LinkwayOperation::ApproveConnection => self.approve_connection(call).await,
            LinkwayOperation::RejectConnection => self.reject_connection(call).await,
            LinkwayOperation::CreateGateway => self.create_gateway(call).await,
            LinkwayOperation::DeleteGateway => self.delete_gateway(call).await,
            LinkwayOperation::ListAccounts => self.list_accounts(call).await,
            LinkwayOperation::ListAccessKeys => self.list_access_keys(call).await,
            LinkwayOperation::ListLocations => self.list_locations(call).await,
            LinkwayOperation::ListEdges => self.list_edges(call).await,
            LinkwayOperation::ListPorts => self.list_ports(call).await,
            LinkwayOperation::ListConnections => self.list_connections(call).await,
            LinkwayOperation::ListGateways => self.list_gateways(call).await,
            LinkwayOperation::ListInterfaces => self.list_interfaces(call).await,
            LinkwayOperation::ListEvents => self.list_events(call).await,
            LinkwayOperation::DescribeEdge => self.describe_edge(call).await,
            LinkwayOperation::ResetBgpSession => self.reset_bgp_session(call).await,
            LinkwayOperation::RenewEpoch => self.renew_epoch(call).await,
            LinkwayOperation::ReportEdgeStatus => self.report_edge_status(call).await,
        };
        answered.map(respond::success)
    }

    async fn create_account(&self, call: &Call) -> Answered {
        let request: wire::CreateAccount = json::decode(&call.body)?;
        let command =
            Command::CreateAccount(CreateAccount { id: request.account_id, name: request.name });
        match self.run(call, &command).await? {
            Outcome::Account(made) => Ok(json::encode(&account(made))),
            other => unexpected(&other),
        }
    }

    async fn create_access_key(&self, call: &Call) -> Answered {
        let request: wire::CreateAccessKey = json::decode(&call.body)?;
        let new = match (request.account_id, request.edge_id) {
            (Some(id), None) => CreateAccessKey::Account(id),
            (None, Some(id)) => CreateAccessKey::Edge(id),
            (None, None) => return Err(lists::whose("is required").into()),
            (Some(_), Some(_)) => return Err(lists::whose("may be given, not both").into()),
        };
        match self.run(call, &Command::CreateAccessKey(new)).await? {
            Outcome::AccessKey(made) => Ok(json::encode(&new_access_key(made))),
            other => unexpected(&other),
        }
    }

    async fn enable_access_key(&self, call: &Call, enabled: bool) -> Answered {
        let request: wire::EnableAccessKey = json::decode(&call.body)?;
        let command = Command::EnableAccessKey { id: request.access_key_id, enabled };
        let outcome = self.run(call, &command).await?;
        self.credentials.changed();
        match outcome {
            Outcome::AccessKey(changed) => Ok(json::encode(&access_key(changed))),
            other => unexpected(&other),
        }
    }

    async fn delete_access_key(&self, call: &Call) -> Answered {
        let request: wire::DeleteAccessKey = json::decode(&call.body)?;
        self.run(call, &Command::DeleteAccessKey(request.access_key_id)).await?;
        self.credentials.changed();
        Ok(json::encode(&wire::Nothing {}))
    }

    async fn create_location(&self, call: &Call) -> Answered {
        let request: wire::CreateLocation = json::decode(&call.body)?;
        let command = Command::CreateLocation(CreateLocation {
            code: request.location_code,
            name: request.location_name,
            simulated: request.simulated,
        });
        match self.run(call, &command).await? {
            Outcome::Location(made) => Ok(json::encode(&self.location(made))),
            other => unexpected(&other),
        }
    }

    async fn create_edge(&self, call: &Call) -> Answered {
        let request: wire::CreateEdge = json::decode(&call.body)?;
        let command = Command::CreateEdge(CreateEdge {
            id: request.edge_id,
            location: request.location_code,
        });
        match self.run(call, &command).await? {
            Outcome::Edge(made, access_key) => Ok(json::encode(&wire::NewEdge {
                edge_id: made.id.to_string(),
                location_code: made.location.to_string(),
                access_key_id: access_key.id.to_string(),
                secret_access_key: Secret::from(access_key.secret.reveal()),
                created_at: clock::timestamp(made.created),
            })),
            other => unexpected(&other),
        }
    }

    async fn create_port(&self, call: &Call) -> Answered {
        let request: wire::CreatePort = json::decode(&call.body)?;
        let command = Command::CreatePort(CreatePort {
            edge: request.edge_id,
            interface: request.interface,
            bandwidth: request.bandwidth,
            jumbo: request.jumbo_frame_capable,
        });
        match self.run(call, &command).await? {
            Outcome::Port(made) => Ok(json::encode(&port(made, None))),
            other => unexpected(&other),
        }
    }

    async fn approve_connection(&self, call: &Call) -> Answered {
        let request: wire::ApproveConnection = json::decode(&call.body)?;
        // Two approvals at once may choose the same free port; the later one then chooses again.
        for _ in 0..10 {
            let choice = self.choose_port(&request).await?;
            let command = Command::ApproveConnection(ApproveConnection {
                connection: request.connection_id.clone(),
                port: choice.clone(),
            });
            match self.run(call, &command).await {
                Ok(Outcome::Connection(approved)) => {
                    return self.encode_connection(&approved).await;
                }
                Ok(other) => return unexpected(&other),
                Err(error) if request.interface.is_some() || !self.was_taken(&choice).await? => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Err(Failure::Contended.into())
    }

    async fn was_taken(&self, choice: &PortChoice) -> Result<bool, WireError> {
        let PortChoice::Named { edge, interface } = choice else { return Ok(false) };
        let (Ok(edge), Ok(name)) = (edge.parse(), interface.parse()) else { return Ok(false) };
        let found = self.records.get(&key::port(&edge, &name)).await?;
        Ok(matches!(found, Some(Record::Port(port)) if port.connection.is_some()))
    }

    /// The port that a request names, or a free one of the connection's location and speed.
    async fn choose_port(
        &self,
        request: &wire::ApproveConnection,
    ) -> Result<PortChoice, WireError> {
        match (&request.edge_id, &request.interface) {
            (Some(edge), Some(interface)) => {
                return Ok(PortChoice::Named { edge: edge.clone(), interface: interface.clone() });
            }
            (None, None) => {}
            (Some(edge), None) => {
                let rule = "is given without interface: give both or none";
                return Err(Fault::field("edgeId", edge, rule).into());
            }
            (None, Some(interface)) => {
                let rule = "is given without edgeId: give both or none";
                return Err(Fault::field("interface", interface, rule).into());
            }
        }
        let id = &request.connection_id;
        let parsed = ConnectionId::parse(id).map_err(|_| Fault::no_connection(id))?;
        let Some(Record::Connection(connection)) =
            self.records.get(&key::connection(&parsed)).await?
        else {
            return Err(Fault::no_connection(id).into());
        };
        let location = self.records.get(&key::location(&connection.location)).await?;
        if matches!(&location, Some(Record::Location(location)) if location.simulated) {
            return Ok(PortChoice::Simulated);
        }
        let free = key::free_ports(&connection.location, connection.bandwidth);
        let (keys, _) = self.records.keys(&free, None, 1).await?;
        let first = keys.first().and_then(|key| key.strip_prefix(free.as_str())?.split_once('/'));
        if let Some((edge, interface)) = first {
            return Ok(PortChoice::Named {
                edge: edge.to_owned(),
                interface: interface.to_owned(),
            });
        }
        if connection.phase != ConnectionPhase::Requested {
            // Let the rule that the connection breaks speak, not the lack of a port.
            return Ok(PortChoice::Simulated);
        }
        let text = format!(
            "There is no free port of {} at location {}: add one with port create, or name another with edgeId \
             and interface.",
            connection.bandwidth, connection.location
        );
        Err(Fault::client(text).into())
    }

    async fn reject_connection(&self, call: &Call) -> Answered {
        let request: wire::RejectConnection = json::decode(&call.body)?;
        match self.run(call, &Command::RejectConnection(request.connection_id)).await? {
            Outcome::Connection(rejected) => self.encode_connection(&rejected).await,
            other => unexpected(&other),
        }
    }

    async fn create_gateway(&self, call: &Call) -> Answered {
        let request: wire::CreateGateway = json::decode(&call.body)?;
        let handoffs = request.handoffs.into_iter().map(|h| HandoffText {
            edge: h.edge_id,
            interface: h.interface,
            next_hop: h.next_hop,
        });
        let command = Command::CreateGateway(CreateGateway {
            account: request.account_id,
            asn: Some(request.amazon_side_asn),
            vpc: request.vpc_id,
            cidrs: request.cidrs,
            handoffs: handoffs.collect(),
        });
        match self.run(call, &command).await? {
            Outcome::Gateway(made) => Ok(json::encode(&gateway(&made, "available"))),
            other => unexpected(&other),
        }
    }

    async fn delete_gateway(&self, call: &Call) -> Answered {
        let request: wire::DeleteGateway = json::decode(&call.body)?;
        match self.run(call, &Command::DeleteGateway(request.virtual_gateway_id)).await? {
            Outcome::Gateway(deleted) => Ok(json::encode(&gateway(&deleted, "deleted"))),
            other => unexpected(&other),
        }
    }

    /// A copy of the whole store, put together in a file that is unlinked before it is sent.
    async fn backup(&self, call: &Call) -> Result<Response, WireError> {
        let _: wire::Backup = json::decode(&call.body)?;
        let path = self.scratch.join(format!("backup-{}", call.request_id));
        let made = match self.records.store().backup_to(&path).await {
            Ok(()) => boot::end_epoch(&path).await,
            Err(error) => Err(error),
        };
        let opened = match made {
            Ok(()) => tokio::fs::File::open(&path).await,
            Err(error) => {
                remove(&path).await;
                return Err(Failure::Store(error).into());
            }
        };
        remove(&path).await;
        let file = opened.map_err(|error| {
            tracing::error!(%error, "the backup cannot be read back");
            super::internal()
        })?;
        let length = file.metadata().await.map(|metadata| metadata.len()).map_err(|error| {
            tracing::error!(%error, "the backup has no length");
            super::internal()
        })?;
        Ok(respond::stream("application/octet-stream", file, length))
    }

    fn location(&self, location: Location) -> wire::Location {
        wire::Location {
            location_code: location.code.to_string(),
            location_name: location.name,
            simulated: location.simulated,
            region: self.records.settings().region.clone(),
        }
    }
}

async fn remove(path: &std::path::Path) {
    if let Err(error) = tokio::fs::remove_file(path).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a backup's temporary file was left behind");
    }
}

/// A command whose outcome is of another kind: a mistake of this program, answered as such.
fn unexpected(outcome: &Outcome) -> Answered {
    tracing::error!(?outcome, "a command had another outcome than its kind has");
    Err(super::internal())
}
