//! Why a word of `linkway admin` failed, and the exit code that tells it to scripts.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

/// Codes that say no more than that the server refused, or failed.
const SAYS_NOTHING: [&str; 2] = ["DirectConnectClientException", "DirectConnectServerException"];

/// Why it failed. `Display` is what the operator reads behind `error: `.
#[derive(Debug)]
pub enum Failure {
    /// The server said no: exit code 1.
    Refused {
        /// The error's code.
        code: String,
        /// The error's text.
        message: String,
    },
    /// No answer, or none that can be understood: exit code 3.
    Unreachable(String),
    /// A file here cannot be read or written: exit code 3.
    Local(String),
    /// Whoever read our output has gone, and wants no more: exit code 0, no message.
    ReaderGone,
}

impl Failure {
    /// A file that could not be read or written; `doing` begins the sentence: "cannot read".
    pub fn file(doing: &str, path: &Path, error: impl fmt::Display) -> Self {
        Failure::Local(format!("{doing} {}: {error}", path.display()))
    }

    /// What the program ends with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Refused { .. } => ExitCode::from(1),
            Failure::Unreachable(_) | Failure::Local(_) => ExitCode::from(3),
            Failure::ReaderGone => ExitCode::SUCCESS,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused { code, message } => match SAYS_NOTHING.contains(&&**code) {
                true => f.write_str(message),
                false => write!(f, "{code}: {message}"),
            },
            Failure::Unreachable(text) | Failure::Local(text) => f.write_str(text),
            Failure::ReaderGone => f.write_str("nobody reads the output"),
        }
    }
}
