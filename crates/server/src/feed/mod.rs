//! What edges must know, and what becomes of what they say. The simulated edge and the feed's operations both use this.

mod held;
mod inquiries;
mod report;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkway_domain::backbone::Backbone;
use linkway_domain::connection::Connection;
use linkway_domain::edge::report::is_plausible;
use linkway_domain::edge::{
    ConfigVersion, EdgeConfig, EdgeSeen, Finding, Inquiry, Question, project,
};
use linkway_domain::gateway_association::Association;
use linkway_domain::id::{
    AccessKeyId, AccountId, DirectConnectGatewayId, EdgeId, TransitGatewayId, VirtualGatewayId,
};
use linkway_domain::index::Index;
use linkway_domain::key::{self, Key};
use linkway_domain::public_network::PublicNetwork;
use linkway_domain::record::Record;
use linkway_domain::transit_gateway::TransitGateway;
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_interface::VirtualInterface;
use linkway_wire::feed::ConfigText;
use tokio::sync::watch;

use self::held::Given;
pub use self::held::Heard;
pub use self::inquiries::AskError;
use self::inquiries::{Inquiries, Poll};
use self::report::Memory;
use crate::clock;
use crate::records::{Failure, Records};

/// The feed of all edges.
pub struct Feed {
    records: Arc<Records>,
    /// One for each edge that has reported here.
    slots: Mutex<HashMap<EdgeId, Arc<Slot>>>,
    given: Mutex<Given>,
    /// Ticks whenever some edge's generation changed; carries nothing.
    ticks: watch::Sender<()>,
}

/// An edge's place.
#[derive(Default)]
struct Slot {
    memory: tokio::sync::Mutex<Memory>,
    heard: Mutex<Option<Arc<Heard>>>,
    inquiries: Inquiries,
}

impl Slot {
    fn hear(&self, heard: Heard) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(heard));
    }

    fn heard(&self) -> Option<Arc<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Feed {
    /// Over the records.
    #[must_use]
    pub fn new(records: Arc<Records>) -> Self {
        Self {
            records,
            slots: Mutex::default(),
            given: Mutex::default(),
            ticks: watch::Sender::new(()),
        }
    }

    fn slot(&self, edge: &EdgeId) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(edge.clone()).or_default())
    }

    /// The last report of an edge that came to this server.
    #[must_use]
    pub fn heard(&self, edge: &EdgeId) -> Option<Arc<Heard>> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(edge).and_then(|slot| slot.heard())
    }

    /// The last report of every edge that reported to this server, in the order of their names.
    #[must_use]
    pub fn all_heard(&self) -> Vec<(EdgeId, Arc<Heard>)> {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = slots.iter().filter_map(|(id, slot)| Some((id.clone(), slot.heard()?)));
        let mut all: Vec<_> = heard.collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// The number of the last of an edge's reports that this access key has signed, as far as this server and the store know; 0
    /// before the first, and where what is known is further beyond the clock than a report's number may be.
    pub async fn last_sequence(
        &self,
        edge: &EdgeId,
        access_key: Option<&AccessKeyId>,
    ) -> Result<u64, Failure> {
        let seen = self.seen(edge).await?;
        let stored = seen.as_ref().map_or(0, |seen| seen.sequence);
        let heard = self.heard(edge).filter(|heard| heard.stored <= stored);
        let here = heard.filter(|heard| heard.access_key.as_ref() == access_key);
        let here = here.map(|heard| heard.status.sequence);
        let stored = seen.filter(|seen| seen.counts_for(access_key)).map(|seen| seen.sequence);
        let now = clock::now();
        let known = [stored, here].into_iter().flatten();
        Ok(known.filter(|number| is_plausible(*number, now)).max().unwrap_or(0))
    }

    /// What the store has of an edge's last report.
    async fn seen(&self, edge: &EdgeId) -> Result<Option<EdgeSeen>, Failure> {
        Ok(match self.records.get(&key::edge_seen(edge)).await? {
            Some(Record::EdgeSeen(seen)) => Some(seen),
            Some(_) | None => None,
        })
    }

    /// Forgets what an edge that was deleted or given up has said.
    pub fn forget(&self, edge: &EdgeId) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(edge);
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

    /// The version of an edge's configuration: the store's epoch (0 before it has one), and the revision at which anything
    /// that the edge must know last changed.
    pub async fn version(&self, edge: &EdgeId) -> Result<ConfigVersion, Failure> {
        let epoch = self.epoch().await?.unwrap_or_default();
        let found = self.records.versioned(&key::edge_generation(edge)).await?;
        Ok(ConfigVersion { epoch, generation: found.map_or(0, |(version, _)| version) })
    }

    /// The store's epoch; `None` before it has one.
    pub async fn epoch(&self) -> Result<Option<u64>, Failure> {
        let (keys, _) = self.records.keys(&key::all("epoch"), None, 1).await?;
        Ok(keys.first().and_then(|at| key::parse_epoch(at)))
    }

    /// Asks an edge that is connected to this server, on behalf of an account or of the operator.
    ///
    /// # Errors
    /// When it cannot be asked, or does not answer in time.
    pub async fn ask(
        &self,
        edge: &EdgeId,
        question: Question,
        account: Option<&AccountId>,
    ) -> Result<Arc<Finding>, AskError> {
        let slot = self.slot(edge);
        slot.inquiries.ask(question, account, clock::now().millis()).await
    }

    /// What an edge is to be asked and has not been asked yet.
    #[must_use]
    pub fn inquiries(&self, edge: &EdgeId) -> Vec<Inquiry> {
        self.slot(edge).inquiries.take()
    }

    /// Waits until the version is another than `known` or there is something to ask the edge, at most for `limit`; the version
    /// then.
    pub async fn wait(
        &self,
        edge: &EdgeId,
        known: ConfigVersion,
        limit: Duration,
    ) -> Result<ConfigVersion, Failure> {
        let slot = self.slot(edge);
        let _poll = Poll::begin(&slot);
        let mut ticks = self.watch();
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            ticks.mark_unchanged();
            let version = self.version(edge).await?;
            if version != known {
                return Ok(version);
            }
            tokio::select! {
                changed = tokio::time::timeout_at(deadline, ticks.changed()) => match changed {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return Ok(version),
                },
                () = slot.inquiries.wait() => return Ok(version),
            }
        }
    }

    /// The text of an edge's configuration, and that of an earlier one if `base` is the digest of one that is still known.
    pub async fn text(
        &self,
        edge: &EdgeId,
        base: Option<&str>,
    ) -> Result<(Arc<ConfigText>, Option<Arc<ConfigText>>), Failure> {
        let version = self.version(edge).await?;
        let given = || self.given.lock().unwrap_or_else(PoisonError::into_inner);
        // Of one version there is one text: it changes with everything that is in it.
        let kept = given().find(edge, version);
        let text = match kept {
            Some(text) => text,
            None => Arc::new(ConfigText::render(self.config(edge).await?)),
        };
        let mut given = given();
        given.keep(edge, &text);
        let base = base.and_then(|digest| given.base(edge, digest));
        Ok((text, base))
    }

    /// The whole configuration of an edge. The version is read before and after: a change in between is read again, so
    /// that a configuration is never older than its number.
    pub async fn config(&self, edge: &EdgeId) -> Result<EdgeConfig, Failure> {
        loop {
            let version = self.version(edge).await?;
            let (connections, interfaces) = self.records_of(edge).await?;
            let associations = self.associations_of(&interfaces).await?;
            let attached = interfaces.iter().filter_map(|i| i.attachment.as_ref());
            let attached = attached.filter_map(|attached| attached.gateway.virtual_gateway());
            let associated = associations.iter().filter_map(|a| a.associated.virtual_gateway());
            let wanted: HashSet<&VirtualGatewayId> = attached.chain(associated).collect();
            let keys: Vec<Key> = wanted.into_iter().map(key::gateway).collect();
            let gateways: Vec<Gateway> = self.records.present(&keys).await?;
            let transit: HashSet<&TransitGatewayId> =
                associations.iter().filter_map(|a| a.associated.transit_gateway()).collect();
            let keys: Vec<Key> = transit.into_iter().map(key::transit_gateway).collect();
            let transit: Vec<TransitGateway> = self.records.present(&keys).await?;
            let network: Option<PublicNetwork> =
                self.records.present(&[key::public_network(edge)]).await?.pop();
            let backbones = self.backbones_of(&interfaces).await?;
            if self.version(edge).await? == version {
                let version = (version.epoch, version.generation);
                let config = project(
                    edge,
                    version,
                    &connections,
                    &interfaces,
                    &gateways,
                    &transit,
                    &associations,
                )
                .with_backbones(&backbones);
                return Ok(match network {
                    Some(network) => config.with_public_network(&network),
                    None => config,
                });
            }
        }
    }

    /// The associations of the Direct Connect gateways that some interfaces lead to.
    async fn associations_of(
        &self,
        interfaces: &[VirtualInterface],
    ) -> Result<Vec<Association>, Failure> {
        let gateways: HashSet<&DirectConnectGatewayId> =
            interfaces.iter().filter_map(VirtualInterface::dx_gateway).collect();
        let mut associations = Vec::new();
        for gateway in gateways {
            let index = Index::<Association>::live_of_dx_gateway(gateway);
            associations.extend(self.records.all(&index).await?);
        }
        Ok(associations)
    }

    /// The backbones of the Direct Connect gateways to which interfaces with SiteLink lead.
    async fn backbones_of(
        &self,
        interfaces: &[VirtualInterface],
    ) -> Result<Vec<Backbone>, Failure> {
        let linked = interfaces.iter().filter(|one| one.options.site_link);
        let gateways: HashSet<&DirectConnectGatewayId> =
            linked.filter_map(VirtualInterface::dx_gateway).collect();
        let keys: Vec<Key> = gateways.into_iter().map(key::backbone).collect();
        self.records.present(&keys).await
    }

    /// The connections and interfaces that an edge must know, or still holds, in the order of their ids; not of one moment.
    pub async fn records_of(
        &self,
        edge: &EdgeId,
    ) -> Result<(Vec<Connection>, Vec<VirtualInterface>), Failure> {
        let connections = self.records.all(&Index::<Connection>::of_edge(edge)).await?;
        let interfaces = self.records.all(&Index::<VirtualInterface>::of_edge(edge)).await?;
        Ok((connections, interfaces))
    }
}
