//! The server's configuration: one flat TOML file, of which the command line overrides a few keys.
//! Every key has a default except `data_dir`; an unknown key is an error; what is out of range is
//! refused with the key, the value and the rule. It holds no secrets, so that all of it may be
//! shown.

mod quotas;
mod rules;
pub mod tls;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use linkway_domain::id::AgreementName;
use linkway_domain::net::Asn;
use linkway_domain::quota::Quotas;

use crate::audit::journal::JournalOptions;
use crate::http::{Limits, Proxies};
use crate::limits::in_flight::{InFlight, Most};
use crate::limits::lockout::{Lockout, LockoutRules};
use crate::limits::throttle::{Rates, Throttle};
use crate::logs::LogFormat;

/// The port to listen on.
const DEFAULT_PORT: u16 = 8580;

/// A length of time in seconds, fractions allowed.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub f64);

impl Seconds {
    /// The time as a duration; 0 for what is not one (which the rules refuse).
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::try_from_secs_f64(self.0).unwrap_or_default()
    }
}

/// Limits on requests; 0 a second turns one off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleConfig {
    /// Requests a second of one access key.
    pub key_per_second: f64,
    /// Requests of one access key at once after a pause.
    pub key_burst: u32,
    /// Requests a second of one account.
    pub account_per_second: f64,
    /// Requests of one account at once after a pause.
    pub account_burst: u32,
    /// Requests of one account that are being answered or whose answers were not taken yet.
    pub account_requests_in_flight: usize,
    /// Bytes of answers of one account that were not taken yet.
    pub account_bytes_in_flight: usize,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self {
            key_per_second: 1000.0,
            key_burst: 2000,
            account_per_second: 2000.0,
            account_burst: 4000,
            account_requests_in_flight: 512,
            account_bytes_in_flight: 32 * 1024 * 1024,
        }
    }
}

/// Locks after bad signatures; see [`super::lockout`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LockoutConfig {
    /// Failures in a row that lead to the first lock; 0 turns locking off.
    pub failures: u32,
    /// Length of the first lock; each further one is twice as long.
    pub first_lock_seconds: Seconds,
    /// Length of the longest lock.
    pub longest_lock_seconds: Seconds,
    /// Sources remembered.
    pub entries: usize,
    /// Wrong signatures in a second after which, while a source is locked, no more are judged.
    pub judged_per_second: u32,
}

impl Default for LockoutConfig {
    fn default() -> Self {
        let LockoutRules { failures, first_lock, longest_lock, entries, judged_per_second } =
            LockoutRules::default();
        Self {
            failures,
            first_lock_seconds: Seconds(first_lock.as_secs_f64()),
            longest_lock_seconds: Seconds(longest_lock.as_secs_f64()),
            entries,
            judged_per_second,
        }
    }
}

/// All of it, valid: [`Config::load`] is the way to make one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the database, the key file, the operator's credentials and the journal are.
    pub data_dir: PathBuf,
    /// Address and port to listen on, for tenants and edges.
    pub listen: SocketAddr,
    /// Address and port for the operator, for health and for metrics. Absent: on loopback, port 8581 beside 8580 and else a
    /// free one, and the operator's operations are answered at `listen` too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_listen: Option<SocketAddr>,
    /// Names by which `admin_listen` is reached, besides addresses and `localhost`.
    pub admin_hosts: Vec<String>,
    /// Addresses of proxies and balancers that are believed when they say for whom they connect.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether each connection at `listen` begins with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// Whether other machines may be served without TLS: whoever listens in between reads secrets of answers, and may send
    /// a tenant's request once more.
    pub allow_plaintext: bool,
    /// The region that this server is; part of every signature.
    pub region: String,
    /// Certificate chain (PEM); with `tls_key`, or neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// A connection at a simulated location is approved after this.
    pub simulated_approval_seconds: Seconds,
    /// The simulated edge takes this long for each step.
    pub simulated_step_seconds: Seconds,
    /// A hosted interface that nobody confirmed expires after this.
    pub hosted_interface_expiry_seconds: Seconds,
    /// Both sides of such an interface are told so long before it expires, or when half of the time is over.
    pub hosted_interface_reminder_seconds: Seconds,
    /// How long a proposal of a gateway's association waits for its answer.
    pub association_proposal_expiry_seconds: Seconds,
    /// How long an answered or expired proposal stays visible.
    pub association_proposal_visibility_seconds: Seconds,
    /// Ended resources stay visible for this.
    pub terminal_visibility_seconds: Seconds,
    /// An edge that reported nothing for this long counts as silent.
    pub edge_silent_seconds: Seconds,
    /// The customer agreements that accounts may confirm.
    pub customer_agreements: Vec<AgreementName>,
    /// Our AS number in the sessions of public interfaces that are made from then on.
    pub public_asn: Asn,
    /// The RPKI's validated prefixes, by which public interfaces are verified: JSON as rpki-client and Routinator write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpki_file: Option<PathBuf>,
    /// Audit records of changes are kept for this.
    pub audit_retention_days: u32,
    /// Longest request body.
    pub max_body_bytes: usize,
    /// All request bodies above 16 KiB together.
    pub max_bodies_bytes: usize,
    /// The same from one address.
    pub max_bodies_bytes_per_address: usize,
    /// Longest request line plus headers.
    pub max_header_bytes: usize,
    /// For the headers of a request, and for a TLS handshake.
    pub header_timeout_seconds: Seconds,
    /// For the body of a request.
    pub body_timeout_seconds: Seconds,
    /// For the answer to a request.
    pub request_timeout_seconds: Seconds,
    /// The slowest that a client may take an answer, averaged over `body_timeout_seconds`.
    pub min_answer_bytes_per_second: u64,
    /// A kept-alive connection without a request is closed after this.
    pub idle_timeout_seconds: Seconds,
    /// For requests in flight once shutdown was asked for.
    pub shutdown_timeout_seconds: Seconds,
    /// Connections at one time.
    pub max_connections: usize,
    /// Connections of one address at one time.
    pub max_connections_per_address: usize,
    /// Commits that may share one sync; 1 is only good for measuring what sharing is worth.
    pub store_max_batch: usize,
    /// Memory for records that were read before, in MiB; an interface takes some 400 bytes of it.
    pub store_cache_mib: usize,
    /// Size of one journal file.
    pub journal_file_bytes: u64,
    /// Journal files kept.
    pub journal_files: usize,
    /// How log lines look.
    pub log_format: LogFormat,
    /// A level, or levels by module.
    pub log_level: String,
    /// Limits on requests.
    pub throttle: ThrottleConfig,
    /// Locks after bad signatures.
    pub lockout: LockoutConfig,
    /// How many there may be of what tenants make.
    pub quotas: Quotas,
}

impl Default for Config {
    fn default() -> Self {
        let limits = Limits::default();
        let seconds = |duration: Duration| Seconds(duration.as_secs_f64());
        Self {
            data_dir: PathBuf::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            admin_listen: None,
            admin_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            allow_plaintext: false,
            region: "eu-west-2".to_owned(),
            tls_cert: None,
            tls_key: None,
            simulated_approval_seconds: Seconds(2.0),
            simulated_step_seconds: Seconds(1.0),
            hosted_interface_expiry_seconds: Seconds(604_800.0),
            hosted_interface_reminder_seconds: Seconds(86_400.0),
            association_proposal_expiry_seconds: Seconds(604_800.0),
            association_proposal_visibility_seconds: Seconds(259_200.0),
            terminal_visibility_seconds: Seconds(900.0),
            edge_silent_seconds: Seconds(90.0),
            customer_agreements: Vec::new(),
            public_asn: Asn::AMAZON,
            rpki_file: None,
            audit_retention_days: 365,
            max_body_bytes: limits.max_body_bytes,
            max_bodies_bytes: limits.max_bodies_bytes,
            max_bodies_bytes_per_address: limits.max_bodies_bytes_per_address,
            max_header_bytes: limits.max_header_bytes,
            header_timeout_seconds: seconds(limits.header_timeout),
            body_timeout_seconds: seconds(limits.body_timeout),
            request_timeout_seconds: seconds(limits.request_timeout),
            min_answer_bytes_per_second: limits.min_answer_rate,
            idle_timeout_seconds: seconds(limits.idle_timeout),
            shutdown_timeout_seconds: seconds(limits.shutdown_timeout),
            max_connections: limits.max_connections,
            max_connections_per_address: limits.max_connections_per_address,
            store_max_batch: 256,
            store_cache_mib: 448,
            journal_file_bytes: 16 * 1024 * 1024,
            journal_files: 8,
            log_format: LogFormat::Auto,
            log_level: "info".to_owned(),
            throttle: ThrottleConfig::default(),
            lockout: LockoutConfig::default(),
            quotas: Quotas::default(),
        }
    }
}

/// What the command line says; it wins over the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--admin-listen`
    pub admin_listen: Option<String>,
    /// `--allow-plaintext`
    pub allow_plaintext: bool,
    /// `--region`
    pub region: Option<String>,
    /// `--tls-cert`
    pub tls_cert: Option<PathBuf>,
    /// `--tls-key`
    pub tls_key: Option<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML, has an unknown key, or a value of the wrong type. Shows the line.
    #[error("configuration file {}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A value breaks a rule.
    #[error("{key} = {value}: {rule}")]
    Rule {
        /// The key, `table.key` in a table.
        key: &'static str,
        /// The value as the file would spell it.
        value: String,
        /// What must hold.
        rule: String,
    },
}

impl Config {
    /// Reads the file if there is one, applies the overrides and checks the result.
    pub fn load(file: Option<&Path>, overrides: Overrides) -> Result<Self, ConfigError> {
        let mut config = file.map_or_else(|| Ok(Self::default()), Self::from_file)?;
        let Overrides {
            data_dir,
            listen,
            admin_listen,
            allow_plaintext,
            region,
            tls_cert,
            tls_key,
        } = overrides;
        if let Some(listen) = listen {
            config.listen = address("listen", &listen)?;
        }
        if let Some(listen) = admin_listen {
            config.admin_listen = Some(address("admin_listen", &listen)?);
        }
        config.allow_plaintext |= allow_plaintext;
        config.data_dir = data_dir.unwrap_or(config.data_dir);
        config.region = region.unwrap_or(config.region);
        config.tls_cert = tls_cert.or(config.tls_cert);
        config.tls_key = tls_key.or(config.tls_key);
        rules::check(&config)?;
        Ok(config)
    }

    fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
        toml::from_str(&text)
            .map_err(|source| ConfigError::Syntax { path: path.to_owned(), source: source.into() })
    }

    /// The effective configuration, as a file that would lead to it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("numbers, texts and tables at the end are TOML")
    }

    /// What the sockets allow.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            max_body_bytes: self.max_body_bytes,
            max_bodies_bytes: self.max_bodies_bytes,
            max_bodies_bytes_per_address: self.max_bodies_bytes_per_address,
            max_header_bytes: self.max_header_bytes,
            header_timeout: self.header_timeout_seconds.duration(),
            body_timeout: self.body_timeout_seconds.duration(),
            request_timeout: self.request_timeout_seconds.duration(),
            write_timeout: self.body_timeout_seconds.duration(),
            min_answer_rate: self.min_answer_bytes_per_second,
            idle_timeout: self.idle_timeout_seconds.duration(),
            max_connections: self.max_connections,
            max_connections_per_address: self.max_connections_per_address,
            shutdown_timeout: self.shutdown_timeout_seconds.duration(),
        }
    }

    /// The same for the refusals of strangers: 16 MiB at most, and nothing of anybody else.
    #[must_use]
    pub fn strangers(&self) -> JournalOptions {
        JournalOptions {
            dir: self.data_dir.join("strangers"),
            file_bytes: self.journal_file_bytes.min(4 << 20),
            files: 4,
        }
    }

    /// The journal's place and bounds.
    #[must_use]
    pub fn journal(&self) -> JournalOptions {
        JournalOptions {
            dir: self.data_dir.join("journal"),
            file_bytes: self.journal_file_bytes,
            files: self.journal_files,
        }
    }

    /// Empty buckets of the configured rates; `start` is a moment before any request.
    #[must_use]
    pub fn throttle(&self, start: Instant) -> Throttle {
        let ThrottleConfig { key_per_second, key_burst, account_per_second, account_burst, .. } =
            self.throttle;
        Throttle::new(Rates { key_per_second, key_burst, account_per_second, account_burst }, start)
    }

    /// Nothing in flight, of as much as is configured.
    #[must_use]
    pub fn in_flight(&self) -> InFlight {
        InFlight::new(Most {
            requests: self.throttle.account_requests_in_flight,
            bytes: self.throttle.account_bytes_in_flight,
        })
    }

    /// Who may speak for others.
    #[must_use]
    pub fn proxies(&self) -> Proxies {
        Proxies { trusted: self.trusted_proxies.clone(), protocol: self.proxy_protocol }
    }

    /// Where the operator and those that watch the server reach it.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        // Several servers of one machine have ports of their own, and so have their listeners for the operator.
        let port = if self.listen.port() == DEFAULT_PORT { DEFAULT_PORT + 1 } else { 0 };
        self.admin_listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// The configured locks.
    #[must_use]
    pub fn lockout(&self) -> Lockout {
        Lockout::new(LockoutRules {
            failures: self.lockout.failures,
            first_lock: self.lockout.first_lock_seconds.duration(),
            longest_lock: self.lockout.longest_lock_seconds.duration(),
            entries: self.lockout.entries,
            judged_per_second: self.lockout.judged_per_second,
        })
    }
}

fn address(key: &'static str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| ConfigError::Rule {
        key,
        value: format!("{text:?}"),
        rule: "must be an IP address and a port, such as 127.0.0.1:8580".to_owned(),
    })
}
