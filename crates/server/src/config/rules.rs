//! What a configuration must keep to.

use std::fmt::{Debug, Display};
use std::ops::RangeInclusive;

use super::{Config, ConfigError, Seconds, quotas};
use crate::logs;

/// Ten years: no time in here is meant to be longer, and none overflows.
const LONGEST: f64 = 10.0 * 365.0 * 86_400.0;
const MEBI: u64 = 1024 * 1024;

/// The first rule that is broken.
pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    check_identity(config)?;
    check_times(config)?;
    check_sizes(config)?;
    check_throttle(config)?;
    quotas::check(&config.quotas)?;
    logs::parse_level("log_level", &config.log_level)
        .map_err(|error| broken("log_level", &config.log_level, error))?;
    Ok(())
}

fn check_identity(config: &Config) -> Result<(), ConfigError> {
    if config.data_dir.as_os_str().is_empty() {
        let rule = "is required: a directory, here or with --data-dir";
        return Err(broken("data_dir", &config.data_dir, rule));
    }
    let region = &config.region;
    let is_region_char = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > 32 || !region.chars().all(is_region_char) {
        return Err(broken("region", region, "must be 1 to 32 of a-z, 0-9 and -"));
    }
    if config.proxy_protocol && config.trusted_proxies.is_empty() {
        let rule = "needs trusted_proxies: the addresses of those whose headers are believed";
        return Err(broken("proxy_protocol", &true, rule));
    }
    if config.admin_listen.is_some_and(|admin| admin == config.listen && admin.port() != 0) {
        let rule = "must be another address or port than listen";
        return Err(broken("admin_listen", &config.listen, rule));
    }
    let is_plain = config.tls_cert.is_none() && !config.allow_plaintext;
    let listens = [("listen", Some(config.listen)), ("admin_listen", config.admin_listen)];
    for (key, address) in listens {
        if let Some(address) = address.filter(|address| is_plain && !address.ip().is_loopback()) {
            let rule = "is reached by other machines and needs tls_cert and tls_key, or allow_plaintext = true \
                        (--allow-plaintext): without TLS whoever listens in between reads secrets and repeats requests";
            return Err(ConfigError::Rule {
                key,
                value: address.to_string(),
                rule: rule.to_owned(),
            });
        }
    }
    match (&config.tls_cert, &config.tls_key) {
        (Some(cert), None) => Err(broken("tls_cert", cert, "needs tls_key beside it")),
        (None, Some(key)) => Err(broken("tls_key", key, "needs tls_cert beside it")),
        (Some(_), Some(_)) | (None, None) => Ok(()),
    }
}

fn check_times(config: &Config) -> Result<(), ConfigError> {
    let any = 0.0..=LONGEST;
    let some = 0.001..=LONGEST;
    let request = 0.01..=3600.0;
    let table: [(&'static str, Seconds, &RangeInclusive<f64>); 15] = [
        ("simulated_approval_seconds", config.simulated_approval_seconds, &any),
        ("simulated_step_seconds", config.simulated_step_seconds, &any),
        ("hosted_interface_expiry_seconds", config.hosted_interface_expiry_seconds, &some),
        ("association_proposal_expiry_seconds", config.association_proposal_expiry_seconds, &some),
        (
            "association_proposal_visibility_seconds",
            config.association_proposal_visibility_seconds,
            &some,
        ),
        ("hosted_interface_reminder_seconds", config.hosted_interface_reminder_seconds, &any),
        ("terminal_visibility_seconds", config.terminal_visibility_seconds, &any),
        ("edge_silent_seconds", config.edge_silent_seconds, &some),
        ("header_timeout_seconds", config.header_timeout_seconds, &request),
        ("body_timeout_seconds", config.body_timeout_seconds, &request),
        ("request_timeout_seconds", config.request_timeout_seconds, &request),
        ("idle_timeout_seconds", config.idle_timeout_seconds, &request),
        ("shutdown_timeout_seconds", config.shutdown_timeout_seconds, &(0.0..=3600.0)),
        ("lockout.first_lock_seconds", config.lockout.first_lock_seconds, &some),
        ("lockout.longest_lock_seconds", config.lockout.longest_lock_seconds, &some),
    ];
    for (key, Seconds(value), range) in table {
        within(key, value, range)?;
    }
    let (first, longest) = (config.lockout.first_lock_seconds, config.lockout.longest_lock_seconds);
    if first > longest {
        let rule = format!("must not exceed lockout.longest_lock_seconds = {}", longest.0);
        return Err(broken("lockout.first_lock_seconds", &first.0, rule));
    }
    Ok(())
}

fn check_sizes(config: &Config) -> Result<(), ConfigError> {
    within("audit_retention_days", config.audit_retention_days, &(1..=3650))?;
    within("max_body_bytes", config.max_body_bytes as u64, &(1024..=64 * MEBI))?;
    // hyper reads into a buffer of this size and takes no less than 8 KiB.
    within("max_header_bytes", config.max_header_bytes as u64, &(8192..=MEBI))?;
    within("max_bodies_bytes", config.max_bodies_bytes as u64, &(MEBI..=MEBI * MEBI))?;
    let per_address = config.max_bodies_bytes_per_address as u64;
    within("max_bodies_bytes_per_address", per_address, &(MEBI..=MEBI * MEBI))?;
    within("min_answer_bytes_per_second", config.min_answer_bytes_per_second, &(1..=MEBI))?;
    within("max_connections", config.max_connections as u64, &(1..=1_000_000))?;
    let per_address = config.max_connections_per_address as u64;
    within("max_connections_per_address", per_address, &(1..=1_000_000))?;
    within("store_max_batch", config.store_max_batch as u64, &(1..=4096))?;
    within("store_cache_mib", config.store_cache_mib as u64, &(1..=MEBI))?;
    within("journal_file_bytes", config.journal_file_bytes, &(64 * 1024..=1024 * MEBI))?;
    within("journal_files", config.journal_files as u64, &(1..=1000))?;
    within("lockout.failures", config.lockout.failures, &(0..=1000))?;
    within("lockout.entries", config.lockout.entries as u64, &(1..=1_000_000))?;
    within("lockout.judged_per_second", config.lockout.judged_per_second, &(1..=1_000_000))
}

fn check_throttle(config: &Config) -> Result<(), ConfigError> {
    let throttle = &config.throttle;
    let rates = 0.0..=1e9;
    within("throttle.key_per_second", throttle.key_per_second, &rates)?;
    within("throttle.account_per_second", throttle.account_per_second, &rates)?;
    let bursts = 1..=1_000_000_000;
    within("throttle.key_burst", throttle.key_burst, &bursts)?;
    within("throttle.account_burst", throttle.account_burst, &bursts)?;
    let requests = throttle.account_requests_in_flight as u64;
    within("throttle.account_requests_in_flight", requests, &(1..=1_000_000))?;
    // A whole list must find room.
    let bytes = throttle.account_bytes_in_flight as u64;
    within("throttle.account_bytes_in_flight", bytes, &(8 * MEBI..=MEBI * MEBI))
}

pub(super) fn within<T>(
    key: &'static str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), ConfigError>
where
    T: PartialOrd + Display + Debug,
{
    // Written so that a value that is not a number is not within either.
    if range.contains(&value) {
        return Ok(());
    }
    let rule = format!("must be from {} to {}", range.start(), range.end());
    Err(broken(key, &value, rule))
}

fn broken(key: &'static str, value: &impl Debug, rule: impl Display) -> ConfigError {
    ConfigError::Rule { key, value: format!("{value:?}"), rule: rule.to_string() }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Overrides;
    use super::*;

    fn data_dir() -> Overrides {
        Overrides { data_dir: Some("d".into()), ..Overrides::default() }
    }

    fn load(text: &str, overrides: Overrides) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("linkway.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), overrides)
            .map_err(|error| error.to_string().replace(path.to_str().unwrap(), "FILE"))
    }

    #[test]
    fn the_defaults_are_valid_and_print_as_a_file_that_loads_to_the_same() {
        let config = Config::load(None, data_dir()).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8580");
        assert_eq!(load(&config.to_toml(), Overrides::default()), Ok(config.clone()));
        let tls = Overrides {
            tls_cert: Some("c".into()),
            tls_key: Some("k".into()),
            listen: Some("[::1]:0".into()),
            region: Some("xx-1".into()),
            ..Overrides::default()
        };
        let overridden = load(&config.to_toml(), tls).unwrap();
        assert_eq!(overridden.tls_key, Some(PathBuf::from("k")));
        assert_eq!(overridden.data_dir, PathBuf::from("d"));
        assert_eq!(overridden.region, "xx-1");
        assert_eq!(load(&overridden.to_toml(), Overrides::default()), Ok(overridden));
    }

    #[test]
    fn a_file_sets_what_it_names() {
        let text = "simulated_step_seconds = 0.25\nheader_timeout_seconds = 5\n\
                    log_format = \"json\"\n\
                    [throttle]\nkey_per_second = 0\n[lockout]\nfailures = 3\n";
        let config = load(text, data_dir()).unwrap();
        assert_eq!(config.simulated_step_seconds.duration(), std::time::Duration::from_millis(250));
        assert_eq!(config.limits().header_timeout.as_secs(), 5);
        assert_eq!(config.log_format, logs::LogFormat::Json);
        assert_eq!(config.throttle.key_per_second, 0.0);
        assert_eq!(config.throttle.account_burst, 4000);
        assert_eq!(config.lockout.failures, 3);
        assert_eq!(config.journal().dir, PathBuf::from("d/journal"));
    }

    #[test]
    fn errors_name_key_value_and_rule() {
        let table = [
            ("max_body_bytes = 12", "max_body_bytes = 12: must be from 1024 to 67108864"),
            ("max_header_bytes = 4096", "max_header_bytes = 4096: must be from 8192 to 1048576"),
            (
                "header_timeout_seconds = 0",
                "header_timeout_seconds = 0.0: must be from 0.01 to 3600",
            ),
            ("request_timeout_seconds = nan", "request_timeout_seconds = NaN: must be from"),
            ("idle_timeout_seconds = inf", "idle_timeout_seconds = inf: must be from"),
            ("simulated_step_seconds = -1", "simulated_step_seconds = -1.0: must be from 0 to"),
            ("region = \"EU West\"", "region = \"EU West\": must be 1 to 32 of a-z, 0-9 and -"),
            ("region = \"\"", "region = \"\": must be"),
            ("tls_cert = \"c\"", "tls_cert = \"c\": needs tls_key beside it"),
            ("tls_key = \"k\"", "tls_key = \"k\": needs tls_cert beside it"),
            (
                "listen = \"0.0.0.0:1\"",
                "listen = 0.0.0.0:1: is reached by other machines and needs tls_cert",
            ),
            (
                "listen = \"[2001:db8::1]:1\"",
                "listen = [2001:db8::1]:1: is reached by other machines",
            ),
            (
                "admin_listen = \"192.0.2.1:1\"",
                "admin_listen = 192.0.2.1:1: is reached by other machines",
            ),
            ("proxy_protocol = true", "proxy_protocol = true: needs trusted_proxies"),
            ("admin_listen = \"127.0.0.1:8580\"", "admin_listen = 127.0.0.1:8580: must be another"),
            (
                "[throttle]\naccount_bytes_in_flight = 1000000",
                "throttle.account_bytes_in_flight = 1000000: must be from 8388608 to",
            ),
            ("log_level = \"a=loud\"", "log_level = \"a=loud\": log_level \"a=loud\" is not a log"),
            ("[throttle]\nkey_burst = 0", "throttle.key_burst = 0: must be from 1 to"),
            (
                "[throttle]\nkey_per_second = -1",
                "throttle.key_per_second = -1.0: must be from 0 to",
            ),
            (
                "[quotas]\ninterfaces_per_connection = 4095",
                "quotas.interfaces_per_connection = 4095: must be from 0 to 4094",
            ),
            (
                "[quotas]\ntags_per_resource = 51",
                "quotas.tags_per_resource = 51: must be from 0 to 50",
            ),
            (
                "[quotas]\ntag_bytes_per_account = 1073741825",
                "quotas.tag_bytes_per_account = 1073741825: must be from 0 to 1073741824",
            ),
            (
                "[lockout]\nfirst_lock_seconds = 10\nlongest_lock_seconds = 5",
                "lockout.first_lock_seconds = 10.0: must not exceed lockout.longest_lock_seconds",
            ),
        ];
        for (text, expected) in table {
            let error = load(text, data_dir()).unwrap_err();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
        let error = Config::load(None, Overrides::default()).unwrap_err().to_string();
        assert!(error.starts_with("data_dir = \"\": is required"), "{error}");
        let listen = Overrides { listen: Some("localhost".into()), ..data_dir() };
        let error = Config::load(None, listen).unwrap_err().to_string();
        assert!(
            error.starts_with("listen = \"localhost\": must be an IP address and a port"),
            "{error}"
        );
    }

    #[test]
    fn errors_of_the_file_name_file_line_and_key() {
        let table: [(&str, &[&str]); 6] = [
            ("\nlissten = 1\n", &["FILE", "line 2", "lissten", "unknown field"]),
            ("[throttle]\nrate = 1\n", &["FILE", "line 2", "rate", "unknown field"]),
            (
                "max_connections = \"many\"\n",
                &["FILE", "line 1", "max_connections", "invalid type"],
            ),
            ("[quotas]\ninterfaces = 1\n", &["FILE", "line 2", "interfaces", "unknown field"]),
            ("listen = \"nowhere\"\n", &["FILE", "line 1", "listen", "invalid socket address"]),
            ("a = = 1\n", &["FILE", "line 1"]),
        ];
        for (text, expected) in table {
            let error = load(text, data_dir()).unwrap_err();
            for part in expected {
                assert!(error.contains(part), "{text}: {part} in {error}");
            }
        }
        let error = Config::load(Some("no-such-file".as_ref()), data_dir()).unwrap_err();
        assert!(error.to_string().starts_with("configuration file no-such-file: "), "{error}");
    }
}
