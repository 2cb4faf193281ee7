//! Quotas: what an account uses of them, and the refusals that are counted.

use linkway_domain::Fault;
use linkway_domain::connection::Connection;
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::id::{AccountId, ConnectionId, DirectConnectGatewayId, LocationCode};
use linkway_domain::index::Index;
use linkway_domain::key::{self, Key};
use linkway_domain::quota::{Count, Counter, Quota};
use linkway_domain::record::Record;
use linkway_wire::operator as wire;

use super::{Answered, Api};
use crate::records::Failure;

/// How many counters are read at a time.
const PAGE: usize = 1000;

impl Api {
    /// What an account uses of its quotas: of its own, and of those of its connections, locations and lenders that have a counter.
    pub(super) async fn quotas_of(&self, id: &AccountId) -> Answered<Vec<wire::QuotaUse>> {
        let mut uses = Vec::new();
        let own = [
            Counter::AccessKeys(id),
            Counter::TagBytes(id),
            Counter::Offers(id),
            Counter::DirectConnectGateways(id),
        ];
        for counter in own {
            let count = counted(self.records.get(&counter.key()).await?);
            self.add(&mut uses, &counter, count.unwrap_or_default(), None);
        }
        for (at, count) in self.counters(&key::counts_of_offers(id)).await? {
            let Ok(lender) = AccountId::parse(&at) else { continue };
            let counter = Counter::OffersOf { recipient: id, lender: &lender };
            self.add(&mut uses, &counter, count, Some(&at));
        }
        for (at, count) in self.counters(&key::counts_of_connections(id)).await? {
            let Ok(location) = LocationCode::parse(&at) else { continue };
            self.add(&mut uses, &Counter::Connections(id, &location), count, Some(&at));
        }
        let connections = self.records.targets(&Index::<Connection>::of_account(id)).await?;
        let ids: Vec<ConnectionId> = connections
            .iter()
            .filter_map(|key| ConnectionId::parse(key.as_str().rsplit('/').next()?).ok())
            .collect();
        let each = |id| [Counter::Interfaces(id), Counter::RateLimiters(id)];
        self.add_each(&mut uses, &ids, each, ConnectionId::as_str).await?;
        let gateways = self.records.targets(&Index::<DirectConnectGateway>::of_account(id)).await?;
        let ids: Vec<DirectConnectGatewayId> = gateways
            .iter()
            .filter_map(|key| DirectConnectGatewayId::parse(key.as_str().rsplit('/').next()?).ok())
            .collect();
        let each = |id| [Counter::Attached(id), Counter::Associations(id)];
        self.add_each(&mut uses, &ids, each, DirectConnectGatewayId::as_str).await?;
        Ok(uses)
    }

    /// Adds what the two counters of each of some resources say, where there are any.
    async fn add_each<'i, I>(
        &self,
        uses: &mut Vec<wire::QuotaUse>,
        ids: &'i [I],
        counters: impl Fn(&'i I) -> [Counter<'i>; 2],
        text: impl Fn(&I) -> &str,
    ) -> Result<(), Failure> {
        let counters: Vec<(&I, Counter<'_>)> =
            ids.iter().flat_map(|id| counters(id).map(|counter| (id, counter))).collect();
        let keys: Vec<Key> = counters.iter().map(|(_, counter)| counter.key()).collect();
        for ((id, counter), found) in counters.iter().zip(self.records_at(&keys).await?) {
            let Some(count) = counted(found) else { continue };
            self.add(uses, counter, count, Some(text(id)));
        }
        Ok(())
    }

    /// Adds what a counter uses of each quota that it is judged by.
    fn add(
        &self,
        uses: &mut Vec<wire::QuotaUse>,
        counter: &Counter<'_>,
        count: Count,
        of: Option<&str>,
    ) {
        uses.extend(counter.usage(count).into_iter().map(|(quota, used)| wire::QuotaUse {
            quota: quota.as_str().to_owned(),
            of: of.map(str::to_owned),
            used,
            limit: self.records.settings().quotas.limit(quota),
        }));
    }

    /// The counters of a range, each with the last part of its key.
    async fn counters(&self, range: &Key) -> Result<Vec<(String, Count)>, Failure> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let (found, more) = self.records.range(range, after.as_deref(), PAGE).await?;
            after = found.last().map(|(at, _)| at.clone());
            let named = found.into_iter().filter_map(|(at, record)| {
                let name = at.strip_prefix(range.as_str())?.to_owned();
                Some((name, counted(Some(record))?))
            });
            all.extend(named);
            if !more {
                return Ok(all);
            }
        }
    }

    /// Counts a refusal that is a quota's.
    pub(super) fn count_refusal(&self, failure: &Failure) {
        match failure {
            Failure::Fault(Fault::QuotaExceeded { quota, .. }) => {
                self.telemetry.quota_refused(*quota);
            }
            Failure::Fault(Fault::TooManyTags { .. }) => {
                self.telemetry.quota_refused(Quota::TagsPerResource);
            }
            Failure::Fault(_)
            | Failure::Store(_)
            | Failure::Codec { .. }
            | Failure::Contended
            | Failure::Refused(_) => {}
        }
    }
}

/// The count of a counter's record.
pub(super) fn counted(record: Option<Record>) -> Option<Count> {
    record.and_then(|record| Count::try_from(record).ok())
}
