//! The simulated edge: takes its configuration from the same feed as every edge and reports the same status, without
//! touching a kernel. Every port has a carrier, every session comes up.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use linkway_domain::Time;
use linkway_domain::edge::{
    ConfigVersion, DrainStage, Edge, EdgeConfig, EdgeStatus, FORMAT, FabricSessionStatus, Inquiry,
    InquiryAnswer, InterfaceStatus, PeerStatus, Policed, PortStatus, RoutingDomainConfig,
    SessionState, Traffic,
};
use linkway_domain::id::EdgeId;
use linkway_domain::index::Index;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{AFTER_FAILURE, simulated_findings};
use crate::clock;
use crate::feed::Feed;
use crate::records::{Failure, Records};

/// Starts a task for each simulated edge that there is or comes to be, and ends it when the edge is gone; runs until the server
/// closes.
pub async fn run(
    records: Arc<Records>,
    feed: Arc<Feed>,
    step: Duration,
    closing: CancellationToken,
) {
    let mut known: HashMap<EdgeId, CancellationToken> = HashMap::new();
    let mut edges = JoinSet::new();
    let mut ticks = feed.watch();
    loop {
        ticks.mark_unchanged();
        match simulated_edges(&records).await {
            Ok(found) => {
                known.retain(|id, ending| {
                    let is_there = found.contains(id);
                    if !is_there {
                        ending.cancel();
                        feed.forget(id);
                    }
                    is_there
                });
                for id in found {
                    known.entry(id.clone()).or_insert_with(|| {
                        let ending = closing.child_token();
                        let (records, feed) = (Arc::clone(&records), Arc::clone(&feed));
                        edges.spawn(one(id, records, feed, step, ending.clone()));
                        ending
                    });
                }
            }
            Err(error) => tracing::warn!(%error, "simulated edges could not be listed"),
        }
        tokio::select! {
            () = closing.cancelled() => break,
            _ = ticks.changed() => tokio::time::sleep(Duration::from_millis(50)).await,
            () = tokio::time::sleep(Duration::from_secs(20)) => {}
        }
    }
    edges.join_all().await;
}

async fn simulated_edges(records: &Records) -> Result<HashSet<EdgeId>, Failure> {
    let edges = records.all(&Index::<Edge>::everything()).await?;
    Ok(edges.into_iter().filter(|edge| edge.simulated).map(|edge| edge.id).collect())
}

async fn one(
    id: EdgeId,
    records: Arc<Records>,
    feed: Arc<Feed>,
    step: Duration,
    closing: CancellationToken,
) {
    let quiet = records.settings().silence / 3;
    let (mut known, mut sequence) = (ConfigVersion::default(), 0);
    let work = async {
        loop {
            match turn(&id, &feed, step, known, sequence).await {
                Ok(done) => (known, sequence) = done,
                Err(error) => {
                    tracing::warn!(%error, edge = %id, "the simulated edge could not report");
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            }
            // A failure here shows again in the next turn.
            let _ = feed.wait(&id, known, quiet).await;
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = work => {}
    }
}

/// Takes the configuration, works for one step if it is new, reports; the version and the report's number.
async fn turn(
    id: &EdgeId,
    feed: &Feed,
    step: Duration,
    known: ConfigVersion,
    sequence: u64,
) -> Result<(ConfigVersion, u64), Failure> {
    let config = feed.config(id).await?;
    if config.version() != known {
        tokio::time::sleep(step).await;
    }
    let last = feed.last_sequence(id, None).await?;
    // Higher than the last one even when the clock went back.
    let sequence = clock::now().millis().max(last.max(sequence) + 1);
    let answer = |inquiry: Inquiry| InquiryAnswer {
        number: inquiry.number,
        finding: simulated_findings::finding(&config, &inquiry.question, clock::now()),
    };
    let answers = feed.inquiries(id).into_iter().map(answer).collect();
    feed.report(id, None, EdgeStatus { answers, ..status(&config, sequence, clock::now()) })
        .await?;
    Ok((config.version(), sequence))
}

/// A session that is shut for a failover test is down until its time is over.
fn status(config: &EdgeConfig, sequence: u64, now: Time) -> EdgeStatus {
    EdgeStatus {
        format: FORMAT,
        epoch: config.epoch,
        generation: config.generation,
        sequence,
        ports: config
            .ports
            .iter()
            .map(|port| PortStatus {
                connection_id: port.connection_id.clone(),
                carrier: true,
                traffic: Traffic::default(),
                error: None,
            })
            .collect(),
        interfaces: config
            .interfaces
            .iter()
            .map(|interface| InterfaceStatus {
                virtual_interface_id: interface.virtual_interface_id.clone(),
                programmed: true,
                error: None,
                peers: interface
                    .peers
                    .iter()
                    .map(|peer| PeerStatus {
                        bgp_peer_id: peer.bgp_peer_id.clone(),
                        address_family: peer.addresses.family(),
                        state: match (peer.shut_until, peer.drain) {
                            (Some(until), _) if now < until => SessionState::Idle,
                            (_, Some(DrainStage::Shut)) => SessionState::Idle,
                            (_, Some(DrainStage::Graceful | DrainStage::Withdrawn) | None) => {
                                SessionState::Established
                            }
                        },
                        has_new_key: false,
                        prefixes_accepted: 0,
                        prefixes_rejected: 0,
                        prefixes_advertised: 0,
                        last_error: None,
                    })
                    .collect(),
                traffic: Traffic::default(),
                policed: interface.rate_limit.map(|_| Policed::default()),
            })
            .collect(),
        fabric_sessions: config.routing_domains.iter().flat_map(|one| sessions(one)).collect(),
        answers: Vec::new(),
    }
}

/// A simulated fabric answers at once.
fn sessions(domain: &RoutingDomainConfig) -> impl Iterator<Item = FabricSessionStatus> {
    domain.handoffs.iter().filter_map(|handoff| {
        let address = handoff.fabric_peer.as_ref()?.address;
        Some(FabricSessionStatus {
            routing_domain_id: domain.routing_domain_id.clone(),
            address_family: address.family(),
            interface: handoff.interface.clone(),
            address,
            state: SessionState::Established,
            reachable: true,
            prefixes_accepted: 0,
            prefixes_advertised: 0,
            error: None,
        })
    })
}
