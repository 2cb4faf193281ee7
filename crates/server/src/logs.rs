//! Where log lines go: to standard error, as text for a person at a terminal, as JSON for a
//! collector.

use std::io::IsTerminal as _;

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// Overrides the configured level for one run.
pub const LEVEL_VARIABLE: &str = "LINKWAY_LOG";

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is not understood.
    #[error(
        "{origin} \"{value}\" is not a log filter: {reason} \
         (a level such as \"info\", or levels by module such as \"info,linkway_server=debug\")"
    )]
    Level {
        /// The variable or key it came from.
        origin: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is a subscriber already.
    #[error("logging is set up already")]
    Twice,
}

/// A level or a list of levels by module: `info,linkway_server=debug`.
pub(super) fn parse_level(origin: &'static str, value: &str) -> Result<Targets, LogError> {
    value.parse().map_err(|error: tracing_subscriber::filter::ParseError| LogError::Level {
        origin,
        value: value.to_owned(),
        reason: error.to_string(),
    })
}

/// Sets logging up for the whole program; once.
pub fn init(format: LogFormat, level: &str) -> Result<(), LogError> {
    let filter = match std::env::var(LEVEL_VARIABLE) {
        Ok(value) if !value.is_empty() => parse_level(LEVEL_VARIABLE, &value)?,
        Ok(_) | Err(_) => parse_level("log_level", level)?,
    };
    let terminal = std::io::stderr().is_terminal();
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    let registry = tracing_subscriber::registry().with(filter);
    let outcome = if json {
        registry.with(layer.json().flatten_event(true).with_ansi(false)).try_init()
    } else {
        registry.with(layer).try_init()
    };
    outcome.map_err(|_| LogError::Twice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_understood_or_refused_by_name() {
        for good in ["info", "debug", "warn,linkway_server=trace", "off"] {
            assert!(parse_level("log_level", good).is_ok(), "{good}");
        }
        let error = parse_level("log_level", "linkway_server=loud").unwrap_err().to_string();
        assert!(
            error.starts_with("log_level \"linkway_server=loud\" is not a log filter"),
            "{error}"
        );
    }
}
