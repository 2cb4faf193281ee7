//! The operator's operations.

use linkway_domain::Fault;
use linkway_domain::access_key::{AccessKey, Principal};
use linkway_domain::connection::{Connection, ConnectionPhase};
use linkway_domain::decide::{
    ApproveConnection, Command, CreateAccessKey, CreateAccount, CreateEdge, CreateGateway,
    CreateLocation, CreatePort, HandoffText, Outcome, PortChoice,
};
use linkway_domain::gateway::Gateway;
use linkway_domain::id::ConnectionId;
use linkway_domain::key::{self, Key};
use linkway_domain::location::{Edge, Location, Port};
use linkway_domain::record::Record;
use linkway_wire::convert;
use linkway_wire::error::WireError;
use linkway_wire::json;
use linkway_wire::operation::LinkwayOperation;
use linkway_wire::operator as wire;
use linkway_wire::value::Secret;

use super::{Answered, Api, Call, page};
use crate::clock;
use crate::records::Failure;
use crate::rim::http::Response;
use crate::rim::respond;

impl Api {
    /// Answers an operation of the operator or of an edge.
    pub(super) async fn linkway(
        &self,
        operation: LinkwayOperation,
        call: &Call,
    ) -> Result<Response, WireError> {
        let answered = match operation {
            LinkwayOperation::Backup => return self.backup(call).await,
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
            LinkwayOperation::GetEdgeConfig => self.get_edge_config(call).await,
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
        let command =
            Command::CreateAccessKey(CreateAccessKey::Account(request.account_id.clone()));
        match self.run(call, &command).await? {
            Outcome::AccessKey(made) => Ok(json::encode(&wire::NewAccessKey {
                access_key_id: made.id.to_string(),
                secret_access_key: Secret::from(made.secret.reveal()),
                account_id: request.account_id,
                status: status(made.enabled),
                created_at: clock::timestamp(made.created),
            })),
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

    async fn list_accounts(&self, call: &Call) -> Answered {
        let request: wire::ListAccounts = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("account", &request.max_results, &request.next_token).await?;
        let accounts = records.into_iter().filter_map(|record| match record {
            Record::Account(found) => Some(account(found)),
            _ => None,
        });
        Ok(json::encode(&wire::AccountList { accounts: accounts.collect(), next_token }))
    }

    async fn list_access_keys(&self, call: &Call) -> Answered {
        let request: wire::ListAccessKeys = json::decode(&call.body)?;
        let range = match &request.account_id {
            None => key::all("key-of"),
            Some(id) => key::access_keys_of(&Principal::Account(
                id.parse::<linkway_domain::id::AccountId>()?,
            )),
        };
        let page = page::parse(range.as_str(), request.max_results, request.next_token.as_deref())?;
        let (keys, more) = self.records.keys(&range, page.after.as_deref(), page.limit).await?;
        let next_token = keys.last().filter(|_| more).map(|last| page::token(range.as_str(), last));
        let ids = keys.iter().filter_map(|key| key.rsplit('/').next()?.parse().ok());
        let records = self.records_at(ids.map(|id| key::access_key(&id)).collect()).await?;
        let access_keys = records.into_iter().filter_map(|record| match record {
            Record::AccessKey(found) => Some(access_key(found)),
            _ => None,
        });
        Ok(json::encode(&wire::AccessKeyList { access_keys: access_keys.collect(), next_token }))
    }

    async fn list_locations(&self, call: &Call) -> Answered {
        let request: wire::ListLocations = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("location", &request.max_results, &request.next_token).await?;
        let locations = records.into_iter().filter_map(|record| match record {
            Record::Location(found) => Some(self.location(found)),
            _ => None,
        });
        Ok(json::encode(&wire::LocationList { locations: locations.collect(), next_token }))
    }

    async fn list_edges(&self, call: &Call) -> Answered {
        let request: wire::ListEdges = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("edge", &request.max_results, &request.next_token).await?;
        let mut edges = Vec::with_capacity(records.len());
        for record in records {
            if let Record::Edge(found) = record {
                edges.push(self.edge(found).await?);
            }
        }
        Ok(json::encode(&wire::EdgeList { edges, next_token }))
    }

    async fn edge(&self, edge: Edge) -> Result<wire::Edge, Failure> {
        let seen = match self.records.get(&key::edge_seen(&edge.id)).await? {
            Some(Record::EdgeSeen(seen)) => Some(seen),
            Some(_) | None => None,
        };
        Ok(wire::Edge {
            silent: self.liveness.is_silent(&edge.id).await?,
            edge_id: edge.id.to_string(),
            location_code: edge.location.to_string(),
            simulated: edge.simulated,
            last_report_at: seen.as_ref().map(|seen| clock::timestamp(seen.at)),
            generation: seen.map(|seen| seen.generation),
        })
    }

    async fn list_ports(&self, call: &Call) -> Answered {
        let request: wire::ListPorts = json::decode(&call.body)?;
        let range = match &request.edge_id {
            None => key::all("port"),
            Some(id) => key::ports_of(&id.parse()?),
        };
        let (records, next_token) =
            self.page_of(&range, &request.max_results, &request.next_token).await?;
        let mut ports = Vec::with_capacity(records.len());
        for record in records {
            if let Record::Port(found) = record {
                let carrier = self.carrier(&found).await?;
                ports.push(port(found, carrier));
            }
        }
        Ok(json::encode(&wire::PortList { ports, next_token }))
    }

    /// Whether a port has a carrier, as far as its connection's state tells.
    async fn carrier(&self, port: &Port) -> Result<Option<bool>, Failure> {
        let Some(id) = &port.connection else { return Ok(None) };
        Ok(match self.records.get(&key::connection(id)).await? {
            Some(Record::Connection(connection)) => match connection.phase {
                ConnectionPhase::Up => Some(true),
                ConnectionPhase::Down => Some(false),
                ConnectionPhase::Requested
                | ConnectionPhase::Pending
                | ConnectionPhase::Deleting
                | ConnectionPhase::Deleted
                | ConnectionPhase::Rejected => None,
            },
            Some(_) | None => None,
        })
    }

    async fn list_connections(&self, call: &Call) -> Answered {
        let request: wire::ListConnections = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("connection", &request.max_results, &request.next_token).await?;
        let mut connections = Vec::new();
        for record in records {
            if let Record::Connection(found) = record {
                let shown = self.connection(&found).await?;
                let state = shown.connection.connection_state.as_ref().map(ToString::to_string);
                if request.state.is_none() || request.state == state {
                    connections.push(shown);
                }
            }
        }
        Ok(json::encode(&wire::ConnectionList { connections, next_token }))
    }

    async fn encode_connection(&self, record: &Connection) -> Answered {
        Ok(json::encode(&self.connection(record).await?))
    }

    async fn connection(&self, record: &Connection) -> Result<wire::Connection, WireError> {
        let silent = match &record.port {
            Some(port) => self.liveness.is_silent(&port.edge).await?,
            None => false,
        };
        Ok(wire::Connection {
            connection: convert::connection(record, self.view(None, silent)),
            edge_id: record.port.as_ref().map(|port| port.edge.to_string()),
            interface: record.port.as_ref().map(|port| port.name.to_string()),
        })
    }

    async fn list_gateways(&self, call: &Call) -> Answered {
        let request: wire::ListGateways = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("gateway", &request.max_results, &request.next_token).await?;
        let virtual_gateways = records.into_iter().filter_map(|record| match record {
            Record::Gateway(found) => Some(gateway(&found, "available")),
            _ => None,
        });
        Ok(json::encode(&wire::GatewayList {
            virtual_gateways: virtual_gateways.collect(),
            next_token,
        }))
    }

    async fn list_interfaces(&self, call: &Call) -> Answered {
        let request: wire::ListInterfaces = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("vif", &request.max_results, &request.next_token).await?;
        let mut virtual_interfaces = Vec::with_capacity(records.len());
        for record in records {
            if let Record::VirtualInterface(found) = record {
                let shown = self.show_interface(&found, None).await?;
                virtual_interfaces.push(wire::Interface {
                    connection_owner_account: Some(found.lender.to_string()),
                    edge_id: Some(found.edge.to_string()),
                    interface: Some(found.port.to_string()),
                    error: found.reported.and_then(|reported| reported.error),
                    ..wire::Interface::new(shown)
                });
            }
        }
        Ok(json::encode(&wire::InterfaceList { virtual_interfaces, next_token }))
    }

    async fn records_in(
        &self,
        kind: &str,
        max_results: &Option<i64>,
        next_token: &Option<String>,
    ) -> Result<(Vec<Record>, Option<String>), WireError> {
        self.page_of(&key::all(kind), max_results, next_token).await
    }

    async fn page_of(
        &self,
        range: &Key,
        max_results: &Option<i64>,
        next_token: &Option<String>,
    ) -> Result<(Vec<Record>, Option<String>), WireError> {
        let page = page::parse(range.as_str(), *max_results, next_token.as_deref())?;
        let (records, more) = self.records.range(range, page.after.as_deref(), page.limit).await?;
        let next =
            records.last().filter(|_| more).map(|(last, _)| page::token(range.as_str(), last));
        Ok((records.into_iter().map(|(_, record)| record).collect(), next))
    }

    /// A copy of the whole store, put together in a file that is unlinked before it is sent.
    async fn backup(&self, call: &Call) -> Result<Response, WireError> {
        let _: wire::Backup = json::decode(&call.body)?;
        let path = self.scratch.join(format!("backup-{}", call.request_id));
        let made = self.records.store().backup_to(&path).await;
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

fn account(account: linkway_domain::access_key::Account) -> wire::Account {
    wire::Account {
        account_id: account.id.to_string(),
        name: account.name,
        created_at: clock::timestamp(account.created),
    }
}

fn status(enabled: bool) -> wire::AccessKeyStatus {
    if enabled { wire::AccessKeyStatus::Enabled } else { wire::AccessKeyStatus::Disabled }
}

fn access_key(access_key: AccessKey) -> wire::AccessKey {
    let (kind, account_id, edge_id) = match &access_key.principal {
        Principal::Account(id) => (wire::AccessKeyKind::Account, Some(id.to_string()), None),
        Principal::Operator => (wire::AccessKeyKind::Operator, None, None),
        Principal::Edge(id) => (wire::AccessKeyKind::Edge, None, Some(id.to_string())),
    };
    wire::AccessKey {
        access_key_id: access_key.id.to_string(),
        kind,
        account_id,
        edge_id,
        status: status(access_key.enabled),
        created_at: clock::timestamp(access_key.created),
    }
}

fn port(port: Port, carrier: Option<bool>) -> wire::Port {
    wire::Port {
        edge_id: port.edge.to_string(),
        interface: port.name.to_string(),
        location_code: port.location.to_string(),
        bandwidth: port.bandwidth.to_string(),
        jumbo_frame_capable: port.jumbo,
        connection_id: port.connection.map(|id| id.to_string()),
        carrier,
    }
}

fn gateway(gateway: &Gateway, state: &str) -> wire::Gateway {
    let handoffs = gateway.handoffs.iter().map(|handoff| wire::Handoff {
        edge_id: handoff.edge.to_string(),
        interface: handoff.interface.to_string(),
        next_hop: handoff.next_hop.to_string(),
    });
    wire::Gateway {
        virtual_gateway_id: gateway.id.to_string(),
        account_id: gateway.owner.to_string(),
        amazon_side_asn: i64::from(gateway.asn.number()),
        vpc_id: gateway.vpc.to_string(),
        cidrs: gateway.cidrs.iter().map(ToString::to_string).collect(),
        handoffs: handoffs.collect(),
        virtual_gateway_state: state.to_owned(),
    }
}
