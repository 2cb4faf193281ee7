//! The operator's lists, each a range of the store in pages.

use std::fmt::Display;

use linkway_domain::Fault;
use linkway_domain::access_key::Principal;
use linkway_domain::connection::{Connection, ConnectionPhase, ConnectionState};
use linkway_domain::key::{self, Key};
use linkway_domain::location::{Edge, Port};
use linkway_domain::record::Record;
use linkway_wire::convert;
use linkway_wire::error::WireError;
use linkway_wire::json;
use linkway_wire::operator as wire;

use super::shown::{access_key, account, gateway, port};
use crate::api::{Answered, Api, Call, page};
use crate::clock;
use crate::records::Failure;

/// What is wrong with the members that say whose keys are meant.
pub(super) fn whose(rule: &str) -> Fault {
    Fault::client(format!("accountId or edgeId {rule}."))
}

impl Api {
    pub(in crate::api) async fn list_accounts(&self, call: &Call) -> Answered {
        let request: wire::ListAccounts = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("account", &request.max_results, &request.next_token).await?;
        let accounts = records.into_iter().filter_map(|record| match record {
            Record::Account(found) => Some(account(found)),
            _ => None,
        });
        Ok(json::encode(&wire::AccountList { accounts: accounts.collect(), next_token }))
    }

    pub(in crate::api) async fn list_access_keys(&self, call: &Call) -> Answered {
        let request: wire::ListAccessKeys = json::decode(&call.body)?;
        let range = match (&request.account_id, &request.edge_id) {
            (None, None) => key::all("key-of"),
            (Some(id), None) => {
                let id = id.parse()?;
                self.must_exist("accountId", &id, &key::account(&id)).await?;
                key::access_keys_of(&Principal::Account(id))
            }
            (None, Some(id)) => {
                let id = id.parse()?;
                self.must_exist("edgeId", &id, &key::edge(&id)).await?;
                key::access_keys_of(&Principal::Edge(id))
            }
            (Some(_), Some(_)) => return Err(whose("may be given, not both").into()),
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

    pub(in crate::api) async fn list_locations(&self, call: &Call) -> Answered {
        let request: wire::ListLocations = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("location", &request.max_results, &request.next_token).await?;
        let locations = records.into_iter().filter_map(|record| match record {
            Record::Location(found) => Some(self.location(found)),
            _ => None,
        });
        Ok(json::encode(&wire::LocationList { locations: locations.collect(), next_token }))
    }

    pub(in crate::api) async fn list_edges(&self, call: &Call) -> Answered {
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

    pub(in crate::api) async fn edge(&self, edge: Edge) -> Result<wire::Edge, Failure> {
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

    pub(in crate::api) async fn list_ports(&self, call: &Call) -> Answered {
        let request: wire::ListPorts = json::decode(&call.body)?;
        let range = match &request.edge_id {
            None => key::all("port"),
            Some(id) => {
                let id = id.parse()?;
                self.must_exist("edgeId", &id, &key::edge(&id)).await?;
                key::ports_of(&id)
            }
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
    pub(in crate::api) async fn carrier(&self, port: &Port) -> Result<Option<bool>, Failure> {
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

    pub(in crate::api) async fn list_connections(&self, call: &Call) -> Answered {
        let request: wire::ListConnections = json::decode(&call.body)?;
        let known =
            |state: &&String| ConnectionState::ALL.iter().any(|s| s.as_str() == state.as_str());
        if let Some(state) = request.state.as_ref().filter(|state| !known(state)) {
            let names: Vec<&str> =
                ConnectionState::ALL.iter().map(|state| state.as_str()).collect();
            let rule = format!("is not a state of a connection: those are {}", names.join(", "));
            return Err(Fault::field("state", state, rule).into());
        }
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

    pub(in crate::api) async fn encode_connection(&self, record: &Connection) -> Answered {
        Ok(json::encode(&self.connection(record).await?))
    }

    pub(in crate::api) async fn connection(
        &self,
        record: &Connection,
    ) -> Result<wire::Connection, WireError> {
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

    pub(in crate::api) async fn list_gateways(&self, call: &Call) -> Answered {
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

    pub(in crate::api) async fn list_interfaces(&self, call: &Call) -> Answered {
        let request: wire::ListInterfaces = json::decode(&call.body)?;
        let (records, next_token) =
            self.records_in("vif", &request.max_results, &request.next_token).await?;
        let mut virtual_interfaces = Vec::with_capacity(records.len());
        for record in records {
            if let Record::VirtualInterface(found) = record {
                virtual_interfaces.push(self.operators_interface(found).await?);
            }
        }
        Ok(json::encode(&wire::InterfaceList { virtual_interfaces, next_token }))
    }

    /// Whether what a list is asked of is there: of what is not, an empty list would say too much.
    ///
    /// # Errors
    ///
    /// A client fault that names the member, if there is no record at `key`; else what reading it gives.
    async fn must_exist(&self, field: &str, id: &impl Display, key: &Key) -> Result<(), WireError> {
        match self.records.get(key).await? {
            Some(_) => Ok(()),
            None => Err(Fault::field(field, id, "does not exist").into()),
        }
    }

    pub(in crate::api) async fn records_in(
        &self,
        kind: &str,
        max_results: &Option<i64>,
        next_token: &Option<String>,
    ) -> Result<(Vec<Record>, Option<String>), WireError> {
        self.page_of(&key::all(kind), max_results, next_token).await
    }

    pub(in crate::api) async fn page_of(
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
}
