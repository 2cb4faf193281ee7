//! What `linkway edge` is told: arguments before the file before the defaults.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use linkway_edge::agent::run::Pace;
use linkway_edge::bird::BirdSettings;
use linkway_edge::mark::Marks;
use linkway_server::logs::LogFormat;
use linkway_wire::value::Secret;
use serde::{Deserialize, Serialize};

use super::EdgeArgs;
use crate::cli;
use crate::signed::{self, Signer};

/// Where a package's service has its configuration.
const USUAL_CONFIG: &str = "/etc/linkway/edge.toml";

/// The effective settings, and the form of the file (TOML).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the server is: `https://host:port`.
    pub endpoint: Option<String>,
    /// The file with the edge's access key.
    pub credentials: Option<PathBuf>,
    /// Where the last configuration and the BGP daemon's files are.
    pub state_dir: Option<PathBuf>,
    /// The region that the server signs for.
    pub region: Option<String>,
    /// Certificates to trust, in PEM form; absent: those of the system.
    pub ca_cert: Option<PathBuf>,
    /// Whether another machine's server may be called without TLS.
    pub allow_plaintext: bool,
    /// Where to serve /metrics and /healthz; absent: nowhere.
    pub metrics: Option<SocketAddr>,
    /// How log lines look.
    pub log_format: Option<LogFormat>,
    /// A level, or levels by module.
    pub log_level: Option<String>,
    /// How often it looks and reports.
    pub pace: Pace,
    /// How it recognises what it made.
    pub marks: Marks,
    /// The BGP daemon.
    pub bird: BirdSettings,
}

/// The file that `--credentials` names: what `linkway admin edge create --output json` prints, with or without more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialsFile {
    access_key_id: String,
    secret_access_key: Secret,
    endpoint: Option<String>,
    region: Option<String>,
}

/// Where the server is and how to sign for it.
pub struct Access {
    /// `https://host:port`.
    pub endpoint: String,
    /// The edge's key.
    pub signer: Signer,
}

impl Settings {
    /// From the arguments and the file that they name.
    pub fn load(args: &EdgeArgs) -> anyhow::Result<Self> {
        let is_told = args.endpoint.is_some() || args.state_dir.is_some();
        let usual = || cli::usual_config(USUAL_CONFIG).filter(|_| !is_told);
        let mut settings = match args.config.clone().or_else(usual) {
            None => Self::default(),
            Some(path) => {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read the configuration {}", path.display()))?;
                toml::from_str(&text)
                    .with_context(|| format!("the configuration {}", path.display()))?
            }
        };
        let given = args.clone();
        settings.endpoint = given.endpoint.or(settings.endpoint);
        settings.credentials = given.credentials.or(settings.credentials);
        settings.allow_plaintext |= given.allow_plaintext;
        settings.state_dir = given.state_dir.or(settings.state_dir);
        settings.region = given.region.or(settings.region);
        settings.ca_cert = given.ca_cert.or(settings.ca_cert);
        settings.metrics = given.metrics.or(settings.metrics);
        settings.marks.bgp_port = settings.bird.port;
        settings.bird.tables = settings.marks.table_range();
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        let (marks, pace) = (&self.marks, &self.pace);
        if marks.tables == 0 || marks.first_table.checked_add(marks.tables).is_none() {
            bail!(
                "marks.first_table {} and marks.tables {}: the range must hold at least one table and end below 2^32",
                marks.first_table,
                marks.tables
            );
        }
        // 0, 253, 254 and 255 are the kernel's own (rtnetlink(7)); a small table may be anybody's.
        if marks.first_table < 256 {
            bail!(
                "marks.first_table {}: must be 256 or more; lower ones are the kernel's",
                marks.first_table
            );
        }
        if marks.route_protocol <= 4 || marks.route_protocol == 12 {
            bail!(
                "marks.route_protocol {}: must be above 4 (those are the kernel's) and not 12 (BIRD's)",
                marks.route_protocol
            );
        }
        if marks.link_group == 0 {
            bail!("marks.link_group 0: is the group of every link; it must be another");
        }
        let bits =
            [marks.domain_mark, marks.customer_mark, marks.site_link_mark, marks.backbone_mark];
        if bits.iter().any(|mark| mark.count_ones() != 1) || marks.all().count_ones() != 4 {
            let [one, two, three, four] = bits;
            bail!(
                "marks.domain_mark {one:#x}, marks.customer_mark {two:#x}, marks.site_link_mark {three:#x} and \
                 marks.backbone_mark {four:#x}: must be four different bits"
            );
        }
        if marks.rule_preference > 30_000 {
            bail!(
                "marks.rule_preference {}: must be 30000 or less; the rules have to be asked before the main table's (32766)",
                marks.rule_preference
            );
        }
        if pace.report_seconds == 0 || pace.resync_seconds == 0 || pace.poll_milliseconds < 100 {
            bail!(
                "pace: report_seconds {} and resync_seconds {} must be at least 1, poll_milliseconds {} at least 100",
                pace.report_seconds,
                pace.resync_seconds,
                pace.poll_milliseconds
            );
        }
        Ok(())
    }

    /// The state directory.
    pub fn state_dir(&self) -> anyhow::Result<&Path> {
        self.state_dir.as_deref().context(
            "name the state directory: --state-dir DIR, or state_dir in the configuration file",
        )
    }

    /// Where the server is and how to sign for it.
    pub fn access(&self) -> anyhow::Result<Access> {
        let path = self.credentials.as_deref().context(
            "name the edge's access key: --credentials FILE, or credentials in the configuration file \
             (`linkway admin edge create --output json` prints it)",
        )?;
        let file = read_credentials(path)?;
        let endpoint =
            self.endpoint.clone().or(file.endpoint).context(
                "name the server: --endpoint URL, or endpoint in the configuration file",
            )?;
        if !self.allow_plaintext && signed::is_plain_to_others(&endpoint) {
            bail!(
                "the server {endpoint} is another machine and called without TLS: use https, or say --allow-plaintext \
                 (allow_plaintext = true). Configurations hold BGP keys, which whoever listens in between would read"
            );
        }
        let region = self.region.clone().or(file.region).unwrap_or_else(|| "eu-west-2".to_owned());
        let signer = Signer {
            access_key_id: file.access_key_id,
            secret_access_key: file.secret_access_key,
            region,
        };
        Ok(Access { endpoint, signer })
    }
}

fn read_credentials(path: &Path) -> anyhow::Result<CredentialsFile> {
    let reading = || format!("cannot read the credentials {}", path.display());
    let text = fs::read(path).with_context(reading)?;
    let mode = fs::metadata(path).with_context(reading)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.display();
        eprintln!(
            "warning: {path} holds the edge's secret key and others may use it (mode {mode:04o}): chmod 600 {path}"
        );
    }
    serde_json::from_slice(&text).map_err(|error| {
        // The error's own text may repeat a value of the file, and one of them is a secret.
        anyhow::anyhow!(
            "cannot read the credentials {}: line {}, column {}: not an object with accessKeyId and secretAccessKey",
            path.display(),
            error.line(),
            error.column()
        )
    })
}
