//! `linkway edge`: makes this Linux router do what the API says.

mod client;
mod metrics;
mod settings;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use linkway_domain::edge::EdgeConfig;
use linkway_edge::agent::Agent;
use linkway_edge::agent::follow::follow;
use linkway_edge::agent::inquiries::Inquiries;
use linkway_edge::agent::metrics::Gauges;
use linkway_edge::agent::reporter::Reporter;
use linkway_edge::agent::run::{Event, Shell};
use linkway_edge::agent::stored_config::{StateDir, StoredConfig};
use linkway_edge::bird::Processes;
use linkway_edge::netlink::{Monitor, Netlink};
use linkway_edge::probe::Probe;
use linkway_server::logs;
use linkway_server::logs::LogFormat;

use self::client::Client;
use self::settings::Settings;
use crate::signed::{Caller, certificates};

/// Make this Linux router do what the API says: VLANs, VRFs, routes, BGP sessions.
///
/// Takes this router's configuration from the server, keeps it on disk, and makes the kernel and the
/// BGP daemon (BIRD 2) equal to it. With the server away, or this program, traffic goes on. It touches
/// nothing that it did not create. Needs root, or the capabilities CAP_NET_ADMIN, CAP_NET_RAW and
/// CAP_NET_BIND_SERVICE, which the BGP daemon inherits (docs/edge.md).
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  linkway edge --endpoint https://linkway.example:8580 \\
    --credentials /etc/linkway/edge.json --state-dir /var/lib/linkway-edge
  linkway edge --config /etc/linkway/edge.toml --metrics 127.0.0.1:9580
  linkway edge --config /etc/linkway/edge.toml --dry-run
  linkway edge --config /etc/linkway/edge.toml --clear")]
pub struct EdgeArgs {
    /// Where the server is: http://host:port or https://host:port
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// The edge's access key, as `linkway admin edge create --output json` prints it
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Directory of the last configuration and the BGP daemon's files
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Region that the server signs for [default: eu-west-2]
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,
    /// Certificates to trust, in PEM form [default: those of the system]
    #[arg(long, value_name = "FILE")]
    pub ca_cert: Option<PathBuf>,
    /// Call another machine's server without TLS: configurations, with BGP keys, can be read on the way
    #[arg(long)]
    pub allow_plaintext: bool,
    /// Serve /metrics and /healthz there
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
    /// Configuration file (TOML); arguments go before what it says [default: /etc/linkway/edge.toml, where it is
    /// there and neither --endpoint nor --state-dir is given]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the effective configuration and stop
    #[arg(long)]
    pub print_config: bool,
    /// Print what would be changed on this router for the configuration on disk, and stop
    #[arg(long, conflicts_with_all = ["print_config", "clear"])]
    pub dry_run: bool,
    /// Remove everything that Linkway made on this router, purge the configuration on disk, and stop
    #[arg(long, conflicts_with = "print_config")]
    pub clear: bool,
}

/// Runs until the program is ended; that ends nothing on the router.
pub fn run(args: &EdgeArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(args)?;
    if args.print_config {
        let text = toml::to_string(&settings).expect("settings are tables of numbers and texts");
        crate::print::print(&text);
        return Ok(ExitCode::SUCCESS);
    }
    let level = settings.log_level.as_deref().unwrap_or("info");
    logs::init(settings.log_format.unwrap_or(LogFormat::Auto), level)?;
    let state = StateDir::open(settings.state_dir()?)?;
    let held = load(&state);
    let kernel = Netlink::open(settings.marks).context("cannot talk to the kernel")?;
    let daemon = Processes::new(settings.bird.clone(), state.path());
    if args.clear {
        return clear(Agent::new(kernel, daemon, settings.marks, None), &state);
    }
    if args.dry_run {
        let Some(held) = held else {
            crate::print::print("no configuration on disk: nothing would be touched\n");
            return Ok(ExitCode::SUCCESS);
        };
        return dry_run(Agent::new(kernel, daemon, settings.marks, Some(held.config)));
    }
    let config = held.as_ref().map(|held| held.config.clone());
    let agent = Agent::new(kernel, daemon, settings.marks, config);
    serve(&settings, agent, state, held)
}

/// The configuration on disk. One that cannot be read is as good as none: the server sends it again, and until then the
/// router stays as it is.
fn load(state: &StateDir) -> Option<StoredConfig> {
    match state.load() {
        Ok(held) => {
            if held.as_ref().is_some_and(|held| held.migrated) {
                tracing::info!("going on with the configuration of an earlier linkway edge");
            }
            held
        }
        Err(error) => {
            tracing::error!(%error, "the configuration on disk cannot be used");
            None
        }
    }
}

fn serve(
    settings: &Settings,
    agent: Agent<Netlink, Processes>,
    state: StateDir,
    held: Option<StoredConfig>,
) -> anyhow::Result<ExitCode> {
    let access = settings.access()?;
    let client = || -> anyhow::Result<Client> {
        let trusted = match &settings.ca_cert {
            None => None,
            Some(path) => Some(certificates(path).map_err(|error| {
                anyhow::anyhow!("cannot read the certificates in {}: {error}", path.display())
            })?),
        };
        let name = concat!("linkway-edge/", env!("CARGO_PKG_VERSION"));
        let caller = Caller::new(&access.endpoint, access.signer.clone(), trusted, name)
            .map_err(|rule| anyhow::anyhow!("endpoint {:?}: {rule}", access.endpoint))?;
        Ok(Client::new(caller, access.endpoint.clone()))
    };
    let (asking, telling) = (client()?, client()?);
    let gauges = Gauges::default();
    if let Some(address) = settings.metrics {
        metrics::serve(address, gauges.clone())?;
    }
    let monitor = Monitor::open(settings.marks).context("cannot listen to the kernel")?;
    let (events, received) = sync_channel(16);
    let reporter = Reporter::default();
    let (configs, follows) = (events.clone(), reporter.clone());
    let probe = Probe::new(state.path(), settings.marks, &settings.bird);
    let inquiries = Inquiries::start(probe, &reporter)?;
    spawn("feed", move || follow(asking, held, &configs, &follows, &inquiries))?;
    let reports = reporter.clone();
    spawn("reports", move || reports.work(telling))?;
    let ends = events.clone();
    spawn("kernel", move || watch(monitor, &events))?;
    end_on_signals(ends)?;
    tracing::info!(
        endpoint = access.endpoint,
        state_dir = %state.path().display(),
        generation = agent.version().generation,
        "edge agent started"
    );
    Shell::new(agent, state, settings.pace, reporter, gauges).run(&received);
    tracing::info!("edge agent ended; the router goes on as it is");
    Ok(ExitCode::SUCCESS)
}

/// SIGTERM and SIGINT end the agent between two rounds; a second one ends it at once, which does no harm either.
fn end_on_signals(events: SyncSender<Event>) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    spawn("signals", move || {
        let mut wait = || {
            runtime.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            });
        };
        wait();
        // A second signal does not wait for the round.
        if events.try_send(Event::End).is_ok() {
            wait();
        }
        std::process::exit(130);
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(work)?;
    Ok(())
}

/// Tells the main thread when something changes in the kernel, without end.
fn watch(mut monitor: Monitor, events: &SyncSender<Event>) {
    loop {
        match monitor.wait(Duration::from_secs(3600)) {
            Ok(false) => {}
            Ok(true) => {
                if events.send(Event::Kernel).is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the kernel's messages cannot be read");
                thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

/// Takes everything of ours off the router.
fn clear(mut agent: Agent<Netlink, Processes>, state: &StateDir) -> anyhow::Result<ExitCode> {
    agent.take(Arc::new(nothing()));
    let round = agent.converge();
    if let Some(error) = &agent.last().kernel_error {
        anyhow::bail!("cannot see this router's links: {error}");
    }
    for (step, error) in &round.failed {
        eprintln!("error: {}: {error}", step.item);
    }
    agent.daemon_mut().stop().context("the BGP daemon could not be stopped")?;
    state.purge()?;
    let (failed, done) = (round.failed.len(), round.changes - round.failed.len());
    if failed > 0 {
        let left = format!("{done} changes made, {failed} failed: something of Linkway is left");
        crate::print::print(&format!("{left}\n"));
        return Ok(ExitCode::FAILURE);
    }
    crate::print::print(&format!("{done} changes made; nothing of Linkway is left\n"));
    Ok(ExitCode::SUCCESS)
}

/// The configuration of a router that serves nothing.
fn nothing() -> EdgeConfig {
    let edge_id = linkway_domain::id::EdgeId::parse("none").expect("it is a name");
    EdgeConfig {
        edge_id,
        epoch: 0,
        generation: 0,
        ports: Vec::new(),
        routing_domains: Vec::new(),
        interfaces: Vec::new(),
    }
}

/// Shows what a round would do.
fn dry_run(mut agent: Agent<Netlink, Processes>) -> anyhow::Result<ExitCode> {
    let Some(plan) = agent.preview() else {
        let why = agent.last().kernel_error.clone().unwrap_or_default();
        anyhow::bail!("cannot see this router's links: {why}");
    };
    let mut text = String::new();
    for (item, problem) in &agent.last().problems {
        text.push_str(&format!("problem  {item}: {}\n", problem.text));
    }
    for step in &plan.steps {
        text.push_str(&format!("change   {}: {:?}\n", step.item, step.change));
    }
    if let Some(sessions) = plan.sessions.as_ref().or(plan.withdraw.as_ref()) {
        text.push_str(&format!("daemon   {} sessions\n", sessions.sessions.len()));
    }
    if text.is_empty() {
        text.push_str("nothing to change\n");
    }
    crate::print::print(&text);
    Ok(ExitCode::SUCCESS)
}
