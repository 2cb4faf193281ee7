//! A configuration as the bytes that both ends agree on, and the answer that carries it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use linkway_domain::edge::{ConfigVersion, EdgeConfig, Inquiry};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::layout::{self, Known, Layout};
use super::{AnswerHead, FORMAT, FormatMismatch, unnamed_format};

/// A configuration and its exact JSON text, which holds every session's key: its `Debug` shows neither. Cheap to clone.
#[derive(Clone)]
pub struct ConfigText(Arc<Inside>);

struct Inside {
    config: Arc<EdgeConfig>,
    text: Bytes,
    /// `None`: the text is of another build.
    layout: Option<Layout>,
    /// Only the next question needs it.
    digest: OnceLock<String>,
}

impl ConfigText {
    /// The text of a configuration.
    #[must_use]
    pub fn render(config: EdgeConfig) -> Self {
        let text = serde_json::to_vec(&config).expect("configurations have string keys only");
        Self::new(config, text.into(), None)
    }

    /// Reads a text back, as an edge does that has kept it on disk. The error has no value of the text in it.
    pub fn parse(text: impl Into<Bytes>) -> Result<Self, BadAnswer> {
        Self::parse_after(text.into(), None)
    }

    /// The same; what is in another text byte for byte is not read again but shared.
    fn parse_after(text: Bytes, known: Option<&Self>) -> Result<Self, BadAnswer> {
        match layout::read(&text, known.and_then(Self::known)) {
            Some((config, layout)) => Ok(Self::new(config, text, Some(layout))),
            None => Ok(Self::new(parse(&text)?, text, None)),
        }
    }

    fn new(config: EdgeConfig, text: Bytes, layout: Option<Layout>) -> Self {
        let digest = OnceLock::new();
        Self(Arc::new(Inside { config: Arc::new(config), text, layout, digest }))
    }

    fn known(&self) -> Option<Known<'_>> {
        let Inside { config, text, layout, .. } = &*self.0;
        layout.as_ref().map(|layout| Known { config, text, layout })
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Arc<EdgeConfig> {
        &self.0.config
    }

    /// The JSON, for a private file or as a base.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        &self.0.text
    }

    /// SHA-256 of the text, 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.0.digest.get_or_init(|| hex::encode(Sha256::digest(&self.0.text)))
    }

    /// Which configuration it is.
    #[must_use]
    pub fn version(&self) -> ConfigVersion {
        self.0.config.version()
    }
}

impl PartialEq for ConfigText {
    /// The text is all of it.
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for ConfigText {}

impl std::fmt::Debug for ConfigText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConfigText({:?}, {} bytes)", self.version(), self.0.text.len())
    }
}

/// What came of `GetEdgeConfig`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// What the server has.
    pub head: AnswerHead,
    /// What the edge is asked.
    pub inquiries: Vec<Inquiry>,
    /// The configuration; `None` when the edge has it already.
    pub config: Option<ConfigText>,
}

/// An answer that an edge cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is of another format.
    #[error(transparent)]
    Format(#[from] FormatMismatch),
    /// It is damaged.
    #[error(transparent)]
    Bad(#[from] BadAnswer),
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
    #[serde(skip_serializing_if = "<[Inquiry]>::is_empty")]
    inquiries: &'a [Inquiry],
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a RawValue>,
}

/// As [`Envelope`], for reading: `flatten` would read the configuration piece by piece and lose its exact text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opened<'a> {
    #[serde(default = "unnamed_format")]
    format: u32,
    #[serde(default)]
    epoch: u64,
    generation: u64,
    #[serde(default)]
    last_sequence: u64,
    #[serde(default)]
    inquiries: Vec<Inquiry>,
    #[serde(borrow, default)]
    config: Option<&'a RawValue>,
}

impl Opened<'_> {
    fn head(&self) -> AnswerHead {
        let Self { format, epoch, generation, last_sequence, .. } = *self;
        AnswerHead { format, epoch, generation, last_sequence }
    }
}

/// The JSON of an answer: the head, what the edge is asked, and the configuration if it has another one.
#[must_use]
pub fn answer(head: AnswerHead, inquiries: &[Inquiry], config: Option<&ConfigText>) -> Vec<u8> {
    let config = config.map(|config| {
        serde_json::from_slice::<&RawValue>(config.text()).expect("a configuration's text is JSON")
    });
    serde_json::to_vec(&Envelope { head, inquiries, config })
        .expect("answers have string keys only")
}

/// Reads the JSON of an answer; what is as in the held configuration is shared with it.
///
/// # Errors
/// An answer of another format, one that cannot be read, and one with a configuration whose version is not the answer's: it
/// would never be asked for again.
pub fn read_answer(body: Vec<u8>, held: Option<&ConfigText>) -> Result<Answered, AnswerError> {
    let body = Bytes::from(body);
    let (head, inquiries, config) = match read_own(&body, held) {
        Some((head, inquiries, config)) => (head, inquiries, Some(config)),
        None => {
            let opened: Opened<'_> = serde_json::from_slice(&body).map_err(|error| bad(&error))?;
            FormatMismatch::check(FORMAT, opened.format)?;
            let read = |raw: &RawValue| {
                ConfigText::parse_after(body.slice_ref(raw.get().as_bytes()), held)
            };
            (opened.head(), opened.inquiries, opened.config.map(read).transpose()?)
        }
    };
    if config.as_ref().is_some_and(|config| config.version() != head.version()) {
        let problem = "its version is not the one that the answer names";
        return Err(BadAnswer { problem, line: 1, column: 1 }.into());
    }
    Ok(Answered { head, inquiries, config })
}

/// The same for an answer with a configuration that is written as [`answer`] writes it: the text of the configuration is not
/// gone through to find its end. `None`: it is not written so, or not right.
fn read_own(
    body: &Bytes,
    held: Option<&ConfigText>,
) -> Option<(AnswerHead, Vec<Inquiry>, ConfigText)> {
    const CONFIG: &str = r#","config":"#;
    let end = layout::find(body, CONFIG)?;
    let opened = [&body[..end], b"}"].concat();
    let opened: Opened<'_> = serde_json::from_slice(&opened).ok()?;
    (opened.format == FORMAT && opened.config.is_none()).then_some(())?;
    let text = body[end + CONFIG.len()..].strip_suffix(b"}")?;
    let (config, layout) = layout::read(text, held.and_then(ConfigText::known))?;
    let config = ConfigText::new(config, body.slice_ref(text), Some(layout));
    Some((opened.head(), opened.inquiries, config))
}

fn parse(text: &[u8]) -> Result<EdgeConfig, BadAnswer> {
    serde_json::from_slice(text).map_err(|error| bad(&error))
}

fn bad(error: &serde_json::Error) -> BadAnswer {
    let problem = match error.classify() {
        serde_json::error::Category::Io | serde_json::error::Category::Eof => "it is cut short",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data => "a member is missing or not what it should be",
    };
    BadAnswer { problem, line: error.line(), column: error.column() }
}
