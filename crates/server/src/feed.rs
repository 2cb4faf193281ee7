//! What edges must know, and what becomes of what they say. The simulated edge and the feed's operations both use this.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkway_domain::Fault;
use linkway_domain::access_key::Principal;
use linkway_domain::decide::{Command, ReportConnection, ReportInterface, ReportSeen};
use linkway_domain::edge::{EdgeConfig, EdgeStatus, project};
use linkway_domain::gateway::Gateway;
use linkway_domain::id::{ConnectionId, EdgeId, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use tokio::sync::watch;

use crate::records::{Failure, Records};

/// How many keys are read at a time.
const CHUNK: usize = 100;

/// The feed of all edges.
pub struct Feed {
    records: Arc<Records>,
    /// The number of each edge's last report here, of which the store keeps only some.
    last: Mutex<HashMap<EdgeId, u64>>,
    /// Ticks whenever some edge's generation changed; carries nothing.
    ticks: watch::Sender<()>,
}

impl Feed {
    /// Over the records.
    #[must_use]
    pub fn new(records: Arc<Records>) -> Self {
        Self { records, last: Mutex::default(), ticks: watch::Sender::new(()) }
    }

    /// Some edge's generation changed.
    pub fn tick(&self) {
        self.ticks.send_replace(());
    }

    /// Wakes when some edge's generation changed.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<()> {
        self.ticks.subscribe()
    }

    /// The generation of an edge's configuration: the revision at which anything that it must know last changed.
    pub async fn generation(&self, edge: &EdgeId) -> Result<u64, Failure> {
        Ok(self
            .records
            .versioned(&key::edge_generation(edge))
            .await?
            .map_or(0, |(version, _)| version))
    }

    /// Waits until the generation is another than `known`, at most for `limit`; the generation then.
    pub async fn wait(&self, edge: &EdgeId, known: u64, limit: Duration) -> Result<u64, Failure> {
        let mut ticks = self.watch();
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            ticks.mark_unchanged();
            let generation = self.generation(edge).await?;
            if generation != known {
                return Ok(generation);
            }
            match tokio::time::timeout_at(deadline, ticks.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Ok(generation),
            }
        }
    }

    /// The whole configuration of an edge. The generation is read before and after: a change in between is read again, so
    /// that a configuration is never older than its number.
    pub async fn config(&self, edge: &EdgeId) -> Result<EdgeConfig, Failure> {
        loop {
            let generation = self.generation(edge).await?;
            let named = |id: &str| ConnectionId::parse(id).ok().map(|id| key::connection(&id));
            let connections = self.at(&key::edge_connections(edge), named).await?;
            let connections = only(connections, |r| match r {
                Record::Connection(c) => Some(c),
                _ => None,
            });
            let named = |id: &str| VirtualInterfaceId::parse(id).ok().map(|id| key::interface(&id));
            let interfaces = self.at(&key::edge_interfaces(edge), named).await?;
            let interfaces = only(interfaces, |r| match r {
                Record::VirtualInterface(i) => Some(i),
                _ => None,
            });
            let wanted: HashSet<&VirtualGatewayId> =
                interfaces.iter().filter_map(|i| i.gateway.as_ref()).map(|g| &g.id).collect();
            let gateways = self.many(wanted.into_iter().map(key::gateway).collect()).await?;
            let gateways: Vec<Gateway> = only(gateways, |r| match r {
                Record::Gateway(g) => Some(g),
                _ => None,
            });
            if self.generation(edge).await? == generation {
                return Ok(project(edge, generation, &connections, &interfaces, &gateways));
            }
        }
    }

    /// Takes an edge's report in: each item decided and committed on its own.
    pub async fn report(&self, edge: &EdgeId, status: &EdgeStatus) -> Result<(), Failure> {
        self.in_order(edge, status.sequence)?;
        let principal = Principal::Edge(edge.clone());
        let seen = ReportSeen {
            edge: edge.clone(),
            generation: status.generation,
            sequence: status.sequence,
        };
        self.records.run(&principal, &Command::ReportSeen(seen), None).await?;
        let carriers: HashMap<&ConnectionId, bool> =
            status.ports.iter().map(|port| (&port.connection_id, port.carrier)).collect();
        for id in self.ids(&key::edge_connections(edge)).await? {
            let Ok(connection) = ConnectionId::parse(&id) else { continue };
            let carrier = carriers.get(&connection).copied();
            let report = ReportConnection {
                edge: edge.clone(),
                generation: status.generation,
                connection,
                carrier,
            };
            self.records.run(&principal, &Command::ReportConnection(report), None).await?;
        }
        let reported: HashMap<&VirtualInterfaceId, _> = status
            .interfaces
            .iter()
            .map(|item| (&item.virtual_interface_id, &item.reported))
            .collect();
        for id in self.ids(&key::edge_interfaces(edge)).await? {
            let Ok(interface) = VirtualInterfaceId::parse(&id) else { continue };
            let reported = reported.get(&interface).map(|reported| (*reported).clone());
            let report = ReportInterface {
                edge: edge.clone(),
                generation: status.generation,
                interface,
                reported,
            };
            self.records.run(&principal, &Command::ReportInterface(report), None).await?;
        }
        Ok(())
    }

    /// Refuses a report that was overtaken by a later one.
    fn in_order(&self, edge: &EdgeId, sequence: u64) -> Result<(), Fault> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get(edge) {
            Some(known) if sequence <= *known => {
                let rule = format!("is not newer than the last report's, {known}");
                Err(Fault::field("sequence", sequence, rule))
            }
            Some(_) | None => {
                last.insert(edge.clone(), sequence);
                Ok(())
            }
        }
    }

    /// The ids that a range of an edge's index names.
    async fn ids(&self, range: &Key) -> Result<Vec<String>, Failure> {
        let mut ids = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (keys, more) = self.records.keys(range, after.as_deref(), 1000).await?;
            ids.extend(keys.iter().filter_map(|key| key.rsplit('/').next()).map(str::to_owned));
            if !more {
                return Ok(ids);
            }
            after = keys.into_iter().next_back();
        }
    }

    async fn at(
        &self,
        range: &Key,
        at: impl Fn(&str) -> Option<Key>,
    ) -> Result<Vec<Record>, Failure> {
        let keys = self.ids(range).await?;
        self.many(keys.iter().filter_map(|id| at(id)).collect()).await
    }

    async fn many(&self, keys: Vec<Key>) -> Result<Vec<Record>, Failure> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            found.extend(self.records.get_many(chunk).await?.into_iter().flatten());
        }
        Ok(found)
    }
}

fn only<T>(records: Vec<Record>, pick: impl Fn(Record) -> Option<T>) -> Vec<T> {
    records.into_iter().filter_map(pick).collect()
}
