//! `linkway serve`: the API, the operator API and the feed for edges.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use linkway_server::config::{Config, Overrides};
use linkway_server::logs;
use linkway_server::server::Server;
use tokio_util::sync::CancellationToken;

use crate::cli::{self, ServeArgs};

/// Where a package's service has its configuration.
const USUAL_CONFIG: &str = "/etc/linkway/config.toml";
/// How long the last threads have once everything is stored and answered.
const LAST_TASKS: Duration = Duration::from_secs(1);

/// Serves until told to stop: SIGTERM or SIGINT; a second one ends the program at once.
pub fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let overrides = Overrides {
        data_dir: args.data_dir,
        listen: args.listen.map(|address| address.to_string()),
        admin_listen: args.admin_listen.map(|address| address.to_string()),
        allow_plaintext: args.allow_plaintext,
        region: args.region,
        tls_cert: args.tls_cert,
        tls_key: args.tls_key,
    };
    let is_told = args.config.is_some() || overrides.data_dir.is_some();
    let config = args.config.or_else(|| cli::usual_config(USUAL_CONFIG).filter(|_| !is_told));
    if config.is_none() && overrides.data_dir.is_none() {
        let text =
            format!("--data-dir DIR or --config FILE is required, for there is no {USUAL_CONFIG}");
        cli::wrong_usage("serve", &text);
    }
    let config = Config::load(config.as_deref(), overrides)?;
    if args.print_config {
        crate::print::print(&config.to_toml());
        return Ok(ExitCode::SUCCESS);
    }
    logs::init(config.log_format, &config.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads that serve")?;
    let ended = runtime.block_on(async {
        let closing = CancellationToken::new();
        let credentials = config.data_dir.join("operator.json");
        let is_first = !credentials.exists();
        let server = Server::start(config, closing.clone()).await?;
        if is_first {
            let path = credentials.display();
            tracing::info!(
                "first start: make a tenant with `linkway admin --credentials {path} account create --id 123456789000 --name \
                 'Example Ltd'`"
            );
        }
        stop_on_signals(closing).context("cannot listen for signals")?;
        server.run().await;
        Ok(ExitCode::SUCCESS)
    });
    // A webhook's receiver that does not answer is not waited for: the event is sent again after the next start.
    runtime.shutdown_timeout(LAST_TASKS);
    ended
}

fn stop_on_signals(closing: CancellationToken) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if closing.is_cancelled() {
                // Whoever asks twice does not want to wait for requests in flight.
                std::process::exit(130);
            }
            closing.cancel();
        }
    });
    Ok(())
}
