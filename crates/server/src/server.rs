//! A running server: everything put together, from a configuration to the last answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use linkway_domain::settings::Settings;
use linkway_store::{BatchReport, SqliteOptions, StoreObserver};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::endpoint::{Endpoint, Side, Watchers};
use crate::api::{Api, Parts};
use crate::audit::journal::Journal;
use crate::audit::trail::Trail;
use crate::boot::{self, BootError, DataDir, Endpoints};
use crate::config::Config;
use crate::config::tls::{Identity, TlsError};
use crate::feed::Feed;
use crate::http::{self, Limits, Options, Proxies};
use crate::liveness::Liveness;
use crate::reconcile::{
    changes, deadlines, housekeeping, simulated, unheard, verification, webhooks,
};
use crate::records::Records;
use crate::telemetry::{StoreMetrics, Telemetry};
use crate::{migrate, operators};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: std::io::Error,
    },
    /// The journal's directory.
    #[error("cannot write the journal: {0}")]
    Journal(std::io::Error),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that listens.
pub struct Server {
    listener: TcpListener,
    options: Options,
    side: Side,
    admin: Admin,
    api: Arc<Api>,
    records: Arc<Records>,
    feed: Arc<Feed>,
    identity: Option<Arc<Identity>>,
    config: Config,
    closing: CancellationToken,
}

/// The listener for the operator and for those that watch the server.
struct Admin {
    listener: TcpListener,
    options: Options,
    side: Side,
}

/// Connections at one time at the operator's listener, whoever's they are.
const ADMIN_CONNECTIONS: usize = 256;

struct Observer(StoreMetrics);

impl StoreObserver for Observer {
    fn batch(&self, report: &BatchReport) {
        if report.commits > 0 {
            self.0.committed(report.commits);
            self.0.synced(report.sync);
        } else if report.failures > 0 {
            self.0.failed();
        }
        for _ in 0..report.conflicts {
            self.0.conflict();
        }
    }
}

/// What rules take from the configuration.
#[must_use]
pub fn settings(config: &Config) -> Settings {
    Settings {
        region: config.region.clone(),
        confirmation_window: config.hosted_interface_expiry_seconds.duration(),
        proposal_window: config.association_proposal_expiry_seconds.duration(),
        proposal_visibility: config.association_proposal_visibility_seconds.duration(),
        confirmation_reminder: config.hosted_interface_reminder_seconds.duration(),
        visibility: config.terminal_visibility_seconds.duration(),
        silence: config.edge_silent_seconds.duration(),
        simulated_approval: config.simulated_approval_seconds.duration(),
        customer_agreements: config.customer_agreements.clone(),
        public_asn: config.public_asn.into(),
        quotas: config.quotas.clone(),
    }
}

impl Server {
    /// Opens the data directory and the socket. `closing` ends the server when it is cancelled.
    pub async fn start(config: Config, closing: CancellationToken) -> Result<Self, StartError> {
        let identity = match (&config.tls_cert, &config.tls_key) {
            (Some(cert), Some(key)) => Some(Identity::load(cert, key)?),
            _ => None,
        };
        let (listener, address) = bind(config.listen).await?;
        let (admin_listener, admin_address) = bind(config.admin_address()).await?;

        let telemetry = Arc::new(Telemetry::new(
            env!("CARGO_PKG_VERSION"),
            option_env!("LINKWAY_REVISION").unwrap_or("unknown"),
        ));
        let observer = Arc::new(Observer(telemetry.store.clone()));
        let dir = DataDir::new(&config.data_dir);
        telemetry.disk.watch(&config.data_dir);
        if let Some(identity) = &identity {
            telemetry.certificate_expiry(identity.expiry());
        }
        let store = SqliteOptions {
            max_batch: config.store_max_batch,
            cache_bytes: config.store_cache_mib << 20,
            observer: Some(observer),
            ..SqliteOptions::default()
        };
        let records = Arc::new(boot::open_records(&dir, settings(&config), store)?);
        migrate::records(&records).await.map_err(BootError::Failure)?;
        boot::epoch(&records).await?;
        let endpoints = Endpoints {
            public: endpoint(address, identity.is_some()),
            // What stays on this machine needs no certificate, whose name would be another one.
            admin: endpoint(admin_address, identity.is_some() && !admin_address.ip().is_loopback()),
        };
        operators::write_file(&dir, &records, &endpoints, &config.region).await?;

        let journal = Journal::open(config.journal(), telemetry.journal_dropped.clone())
            .map_err(StartError::Journal)?;
        let strangers = Journal::open(config.strangers(), telemetry.journal_dropped.clone())
            .map_err(StartError::Journal)?;
        let feed = Arc::new(Feed::new(Arc::clone(&records)));
        let api = Arc::new(Api::new(Parts {
            records: Arc::clone(&records),
            liveness: Arc::new(Liveness::new(Arc::clone(&records))),
            feed: Arc::clone(&feed),
            lockout: config.lockout(),
            throttle: config.throttle(Instant::now()),
            in_flight: config.in_flight(),
            telemetry: Arc::clone(&telemetry),
            trail: Arc::new(Trail::new(Arc::clone(&records), journal, strangers)),
            scratch: dir.scratch(),
            closing: closing.clone(),
        }));
        let tls = identity.as_ref().map(Identity::server_config).transpose()?;
        let admin = Admin {
            listener: admin_listener,
            options: Options {
                limits: Limits {
                    max_connections: ADMIN_CONNECTIONS,
                    max_connections_per_address: ADMIN_CONNECTIONS,
                    ..config.limits()
                },
                tls: tls.clone().filter(|_| !admin_address.ip().is_loopback()),
                telemetry: Arc::clone(&telemetry),
                proxies: Proxies::default(),
            },
            side: Side::Admin(Watchers::new(&config.admin_hosts)),
        };
        let proxies = config.proxies();
        let options = Options { limits: config.limits(), tls, telemetry, proxies };
        let side = Side::Public { operator: config.admin_listen.is_none() };
        tracing::info!(
            endpoint = %endpoints.public, admin = %endpoints.admin, region = %config.region,
            data_dir = %config.data_dir.display(), "listening"
        );
        Ok(Self { listener, options, side, admin, api, records, feed, identity, config, closing })
    }

    /// The address that the server listens on.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `closing` is cancelled, then until what is in flight has ended.
    pub async fn run(self) {
        let alarm = Arc::new(deadlines::Alarm::default());
        let webhook_alarm = Arc::new(webhooks::Alarm::default());
        let edges_changed = unheard::EdgesChanged::default();
        let mut background = JoinSet::new();
        background.spawn(deadlines::run(
            Arc::clone(&self.records),
            Arc::clone(&alarm),
            self.closing.clone(),
        ));
        background.spawn(changes::run(
            Arc::clone(&self.records),
            Arc::clone(&self.api),
            Arc::clone(&self.feed),
            alarm,
            Arc::clone(&webhook_alarm),
            edges_changed.clone(),
            self.closing.clone(),
        ));
        background.spawn(webhooks::run(
            Arc::clone(&self.records),
            webhook_alarm,
            self.options.telemetry.webhooks.clone(),
            self.closing.clone(),
        ));
        background.spawn(simulated::run(
            Arc::clone(&self.records),
            Arc::clone(&self.feed),
            self.config.simulated_step_seconds.duration(),
            self.closing.clone(),
        ));
        background.spawn(unheard::run(
            Arc::clone(&self.records),
            edges_changed,
            self.options.telemetry.edges_never_reported.clone(),
            self.closing.clone(),
        ));
        if let Some(path) = self.config.rpki_file.clone() {
            let (records, closing) = (Arc::clone(&self.records), self.closing.clone());
            background.spawn(verification::run(records, path, closing));
        }
        background.spawn(housekeeping::run(
            Arc::clone(&self.records),
            Duration::from_secs(u64::from(self.config.audit_retention_days) * 86_400),
            self.closing.clone(),
        ));
        let trail = Arc::clone(self.api.trail());
        background.spawn(Arc::clone(&trail).run(self.closing.clone()));
        let key_use = Arc::clone(self.api.key_use());
        background.spawn(key_use.run(Arc::clone(&self.records), self.closing.clone()));
        let hangups = match &self.identity {
            Some(identity) => identity.reload_on_hangup(self.closing.clone()).map(drop),
            // Without a certificate there is nothing to read again, and ending would be a surprise.
            None => ignore_hangups(self.closing.clone()),
        };
        if let Err(error) = hangups {
            tracing::warn!(%error, "SIGHUP cannot be listened to");
        }
        self.api.set_ready(true);
        let api = Arc::clone(&self.api);
        let at = |side| Endpoint { api: Arc::clone(&api), side };
        let Admin { listener, options, side } = self.admin;
        let (stopped, of_admin) = tokio::join!(
            http::serve(self.listener, self.options, at(self.side), self.closing.clone()),
            http::serve(listener, options, at(side), self.closing),
        );
        api.set_ready(false);
        background.join_all().await;
        trail.settle(true).await;
        tracing::info!(cut = stopped.cut + of_admin.cut, "stopped");
    }
}

/// A listener, and the address that it got.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |error| StartError::Listen { address, error };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

fn ignore_hangups(closing: CancellationToken) -> std::io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while let Some(Some(())) = closing.run_until_cancelled(hangups.recv()).await {
            tracing::info!("SIGHUP: there is no certificate to read again");
        }
    });
    Ok(())
}

/// How a client on this machine reaches the server.
fn endpoint(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    let port = address.port();
    match address.ip() {
        ip if ip.is_unspecified() => format!("{scheme}://localhost:{port}"),
        std::net::IpAddr::V4(ip) => format!("{scheme}://{ip}:{port}"),
        std::net::IpAddr::V6(ip) => format!("{scheme}://[{ip}]:{port}"),
    }
}
