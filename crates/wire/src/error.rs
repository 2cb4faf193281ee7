//! The wire form of an error: a code, a status and a text.
//!
//! Clients find the code in the body's `__type` (botocore) or in the `x-amzn-errortype` header (the
//! Rust, Go and JavaScript SDKs) and repeat `message` to their users, so it is written for them.

use crate::json::DecodeError;
use crate::operation::TargetError;
use crate::validate::Violation;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! codes {
    ($($(#[$meta:meta])* $code:ident = $status:literal,)+) => {
        /// Every error code that Linkway answers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$meta])* $code,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code,)+];

            /// The code as clients know it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)+
                }
            }

            /// The HTTP status of the answer.
            pub const fn status(self) -> u16 {
                match self {
                    $(Self::$code => $status,)+
                }
            }
        }
    };
}

codes! {
    /// The request asks for what the rules do not allow, or names what does not exist.
    DirectConnectClientException = 400,
    /// The service failed.
    DirectConnectServerException = 500,
    /// A tag key is given twice.
    DuplicateTagKeysException = 400,
    /// More tags than a resource may have.
    TooManyTagsException = 400,
    /// A quota of the account is used up.
    LimitExceededException = 400,
    /// The caller is known but may not do this.
    AccessDeniedException = 400,
    /// The access key is unknown, disabled or locked.
    UnrecognizedClientException = 400,
    /// The signature is not the one that the key gives, or its scope or clock is off.
    InvalidSignatureException = 400,
    /// The request is not signed.
    MissingAuthenticationTokenException = 400,
    /// The signature's header lacks a part or cannot be read.
    IncompleteSignatureException = 400,
    /// The credentials are past their end.
    ExpiredTokenException = 400,
    /// Too many requests.
    ThrottlingException = 400,
    /// The body is not JSON, or a member has another type.
    SerializationException = 400,
    /// The target names no operation that is offered here.
    UnknownOperationException = 400,
    /// The service cannot answer now; the same request may succeed later.
    ServiceUnavailable = 503,
    /// The body is larger than the limit.
    RequestEntityTooLargeException = 413,
    /// The request did not arrive in time.
    RequestTimeoutException = 408,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error as it is answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct WireError {
    /// What kind of error; decides the status.
    pub code: Code,
    /// For the caller: names the field, the value and the rule.
    pub message: String,
}

/// The body of an error, as clients read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The code, bare: without a namespace.
    #[serde(rename = "__type")]
    pub code: String,
    /// The text; lowercase, as Direct Connect writes it.
    pub message: String,
}

impl WireError {
    /// An error of that code with that text.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The body to answer with: `{"__type": code, "message": text}`.
    pub fn body(&self) -> ErrorBody {
        ErrorBody { code: self.code.as_str().to_owned(), message: self.message.clone() }
    }
}

impl From<DecodeError> for WireError {
    fn from(error: DecodeError) -> Self {
        Self::new(Code::SerializationException, error.to_string())
    }
}

impl From<Violation> for WireError {
    fn from(violation: Violation) -> Self {
        Self::new(Code::DirectConnectClientException, violation.to_string())
    }
}

impl From<TargetError<'_>> for WireError {
    fn from(error: TargetError<'_>) -> Self {
        Self::new(Code::UnknownOperationException, error.to_string())
    }
}
