//! A configuration as the bytes that both ends agree on, and the answer that carries it.

use linkway_domain::edge::{ConfigVersion, EdgeConfig};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::AnswerHead;

/// A configuration and its exact JSON text, which holds every session's key: its `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigText {
    config: EdgeConfig,
    text: String,
    digest: String,
}

impl ConfigText {
    /// The text of a configuration.
    #[must_use]
    pub fn render(config: EdgeConfig) -> Self {
        let text = serde_json::to_string(&config).expect("configurations have string keys only");
        Self { digest: digest(&text), config, text }
    }

    /// Reads a text back, as an edge does that has kept it on disk. The error has no value of the text in it.
    pub fn parse(text: impl Into<String>) -> Result<Self, BadAnswer> {
        let text = text.into();
        Ok(Self { config: parse(&text)?, digest: digest(&text), text })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &EdgeConfig {
        &self.config
    }

    /// The JSON, for a private file or as a base.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// SHA-256 of the text, 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Which configuration it is.
    #[must_use]
    pub fn version(&self) -> ConfigVersion {
        self.config.version()
    }
}

impl std::fmt::Debug for ConfigText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConfigText({:?}, {} bytes)", self.version(), self.text.len())
    }
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

/// What came of `GetEdgeConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What the server has.
    pub head: AnswerHead,
    /// The configuration; `None` when the edge has it already.
    pub config: Option<ConfigText>,
}

/// A text that is not what it should be. `Display` has no value of the text in it, which may be a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot be read: {problem} at line {line}, column {column}")]
pub struct BadAnswer {
    problem: &'static str,
    line: usize,
    column: usize,
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(flatten)]
    head: AnswerHead,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a RawValue>,
}

/// As [`Envelope`], for reading: `flatten` would read the configuration piece by piece and lose its exact text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened<'a> {
    #[serde(default)]
    epoch: u64,
    generation: u64,
    #[serde(default)]
    last_sequence: u64,
    #[serde(borrow, default)]
    config: Option<&'a RawValue>,
}

/// The JSON of an answer.
#[must_use]
pub fn answer(head: AnswerHead, config: Option<&ConfigText>) -> Vec<u8> {
    let config = config.map(|config| {
        serde_json::from_str::<&RawValue>(&config.text).expect("a configuration's text is JSON")
    });
    serde_json::to_vec(&Envelope { head, config }).expect("answers have string keys only")
}

/// Reads the JSON of an answer. A configuration whose version is not the answer's is refused: it would never be asked for
/// again.
pub fn read_answer(body: &[u8]) -> Result<Answered, BadAnswer> {
    let opened: Opened<'_> = serde_json::from_slice(body).map_err(|error| bad(&error))?;
    let Opened { epoch, generation, last_sequence, config } = opened;
    let head = AnswerHead { epoch, generation, last_sequence };
    let config = config.map(|raw| ConfigText::parse(raw.get())).transpose()?;
    if config.as_ref().is_some_and(|config| config.version() != head.version()) {
        let problem = "its version is not the one that the answer names";
        return Err(BadAnswer { problem, line: 1, column: 1 });
    }
    Ok(Answered { head, config })
}

fn parse(text: &str) -> Result<EdgeConfig, BadAnswer> {
    serde_json::from_str(text).map_err(|error| bad(&error))
}

fn bad(error: &serde_json::Error) -> BadAnswer {
    let problem = match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Eof => "it is cut short",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data => "a member is missing or not what it should be",
    };
    BadAnswer { problem, line: error.line(), column: error.column() }
}
