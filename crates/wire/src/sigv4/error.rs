//! Why a signature was refused, in the words that clients of AWS know.
//!
//! Texts name the header, the value and the rule. A signature, a secret and whatever might have
//! been pasted in place of one are never repeated.

use std::fmt;

use super::RequestTime;

/// A part of the `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `Credential`, who signs and for what scope.
    Credential,
    /// `SignedHeaders`, the header fields that the signature covers.
    SignedHeaders,
    /// `Signature`, 64 hexadecimal digits.
    Signature,
}

impl Parameter {
    pub(super) const ALL: [Self; 3] = [Self::Credential, Self::SignedHeaders, Self::Signature];

    /// The name as the header spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Credential => "Credential",
            Self::SignedHeaders => "SignedHeaders",
            Self::Signature => "Signature",
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a request is not accepted as signed. `Display` is the message for the client,
/// [`code_name`](Self::code_name) the error type that goes with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No `Authorization` header, or an empty one.
    #[error("Missing Authentication Token")]
    MissingAuthorization,

    /// A header that means something only once was sent twice.
    #[error("Header '{name}' was sent more than once; it must be sent exactly once.")]
    RepeatedHeader {
        /// The header.
        name: &'static str,
    },

    /// The header is longer than any client makes it.
    #[error("Authorization header is {length} bytes long; at most {max} are accepted.")]
    AuthorizationTooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit in bytes.
        max: usize,
    },

    /// Bytes that no part of the header may contain.
    #[error("Authorization header has characters outside printable ASCII.")]
    AuthorizationNotText,

    /// The header does not start with a word and a space.
    #[error("Authorization header must begin with the algorithm 'AWS4-HMAC-SHA256' and a space.")]
    NoAlgorithm,

    /// Another scheme or another algorithm.
    #[error(
        "Authorization header has the algorithm '{found}'; only 'AWS4-HMAC-SHA256' is supported."
    )]
    UnsupportedAlgorithm {
        /// The algorithm named.
        found: String,
    },

    /// Parts of the header that are not there.
    #[error("{}", requires(.0))]
    MissingParameters(
        /// All that are missing.
        Vec<Parameter>,
    ),

    /// A part of the header without a name.
    #[error(
        "Authorization header must list 'name=value' parameters between commas; \
         parameter {position} is not of that form."
    )]
    NotAParameter {
        /// Which one, counted from 1.
        position: usize,
    },

    /// A part of the header that has no meaning.
    #[error(
        "Authorization header has an unknown parameter '{found}'; \
         only 'Credential', 'SignedHeaders' and 'Signature' are allowed."
    )]
    UnknownParameter {
        /// Its name.
        found: String,
    },

    /// A part of the header given twice.
    #[error("Authorization header has more than one '{0}' parameter.")]
    RepeatedParameter(
        /// Which one.
        Parameter,
    ),

    /// A credential with too few or too many parts.
    #[error(
        "'Credential' in the Authorization header must be \
         'ACCESSKEYID/YYYYMMDD/REGION/SERVICE/aws4_request'; it has {parts} parts instead of 5."
    )]
    MalformedCredential {
        /// The number of parts between slashes.
        parts: usize,
    },

    /// An access key id that cannot be one.
    #[error(
        "'Credential' in the Authorization header must begin with an access key id of 1 to 128 \
         letters, digits and underscores; it has {length} characters or others than these."
    )]
    MalformedAccessKeyId {
        /// Its length.
        length: usize,
    },

    /// A name in `SignedHeaders` that is not a lowercase header name.
    #[error(
        "'SignedHeaders' in the Authorization header must list lowercase header names between \
         semicolons; '{found}' is not one."
    )]
    MalformedHeaderName {
        /// The name.
        found: String,
    },

    /// Names in `SignedHeaders` out of order, or one twice.
    #[error(
        "'SignedHeaders' in the Authorization header must be sorted, each name once; \
         '{found}' follows '{previous}'."
    )]
    UnsortedSignedHeaders {
        /// The name that should have come earlier.
        found: String,
        /// The name before it.
        previous: String,
    },

    /// A signature of another form. Its value is not repeated.
    #[error(
        "'Signature' in the Authorization header must be 64 lowercase hexadecimal digits; \
         it has {length} characters or others than these."
    )]
    MalformedSignature {
        /// Its length.
        length: usize,
    },

    /// Neither header that could give the time.
    #[error("Authorization header requires either an 'x-amz-date' or a 'date' header.")]
    MissingDate,

    /// A time that cannot be read.
    #[error("Header '{header}' must be {rule}; it is '{found}'.")]
    MalformedDate {
        /// The header it came from.
        header: &'static str,
        /// The form it must have.
        rule: &'static str,
        /// The value.
        found: String,
    },

    /// A session token: there are none, so none is valid.
    #[error("The security token included in the request is invalid.")]
    SecurityToken,

    /// An access key that does not exist. Same words as for a token, as AWS has it.
    #[error("The security token included in the request is invalid.")]
    UnknownAccessKey,

    /// The scope ends in something else.
    #[error("Credential should be scoped with a valid terminator: 'aws4_request', not '{found}'.")]
    WrongTerminator {
        /// The last part of the scope.
        found: String,
    },

    /// Signed for another region.
    #[error("Credential should be scoped to a valid region, not '{found}'; expected '{expected}'.")]
    WrongRegion {
        /// The region of the scope.
        found: String,
        /// The region served.
        expected: String,
    },

    /// Signed for another service.
    #[error(
        "Credential should be scoped to a correct service, not '{found}'; expected {expected}."
    )]
    WrongService {
        /// The service of the scope.
        found: String,
        /// The services served, quoted.
        expected: String,
    },

    /// The scope's day is not the day of the request.
    #[error(
        "Credential should be scoped to the day of the request, not '{found}'; \
         '{header}' says '{time}'."
    )]
    WrongDay {
        /// The day of the scope.
        found: String,
        /// The header that gives the time.
        header: &'static str,
        /// The time of the request.
        time: RequestTime,
    },

    /// Signed too long ago.
    #[error("Signature expired: {signed} is now earlier than {earliest} ({now} - {skew}.)")]
    Expired {
        /// When the request says it was signed.
        signed: RequestTime,
        /// The earliest time accepted.
        earliest: RequestTime,
        /// The server's time.
        now: RequestTime,
        /// The difference allowed, with its unit.
        skew: String,
    },

    /// Signed too far in the future.
    #[error("Signature not yet current: {signed} is still later than {latest} ({now} + {skew}.)")]
    NotYetCurrent {
        /// When the request says it was signed.
        signed: RequestTime,
        /// The latest time accepted.
        latest: RequestTime,
        /// The server's time.
        now: RequestTime,
        /// The difference allowed, with its unit.
        skew: String,
    },

    /// A header that must be covered by the signature is not.
    #[error("'{name}' must be one of the 'SignedHeaders' in the Authorization header.")]
    HeaderNotSigned {
        /// The header.
        name: &'static str,
    },

    /// A header that the signature covers did not arrive.
    #[error("'{name}' is one of the 'SignedHeaders' but the request has no such header.")]
    SignedHeaderMissing {
        /// The header.
        name: String,
    },

    /// The client did not sign the body, or not in one piece.
    #[error(
        "Header 'x-amz-content-sha256' must be the SHA-256 of the body, not '{found}': \
         the body must be signed."
    )]
    UnsignedPayload {
        /// The header's value.
        found: String,
    },

    /// The body is not the one that was signed.
    #[error(
        "Header 'x-amz-content-sha256' must be the SHA-256 of the body in lowercase hexadecimal \
         digits; '{found}' is not that of the {length} bytes received."
    )]
    PayloadMismatch {
        /// The header's value.
        found: String,
        /// The length of the body in bytes.
        length: usize,
    },

    /// The signature is not the one that the secret gives.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check \
         the secret access key of '{access_key_id}', and that method, path, query, body and the \
         signed headers '{signed_headers}' arrive as they were signed."
    )]
    Mismatch {
        /// The access key claimed.
        access_key_id: String,
        /// The list of signed headers.
        signed_headers: String,
    },
}

impl SignatureError {
    /// The error type (`__type`) of the answer. The HTTP status is 400 for all of them.
    pub fn code_name(&self) -> &'static str {
        match self {
            Self::MissingAuthorization => "MissingAuthenticationTokenException",
            Self::RepeatedHeader { .. }
            | Self::AuthorizationTooLong { .. }
            | Self::AuthorizationNotText
            | Self::NoAlgorithm
            | Self::UnsupportedAlgorithm { .. }
            | Self::MissingParameters(_)
            | Self::NotAParameter { .. }
            | Self::UnknownParameter { .. }
            | Self::RepeatedParameter(_)
            | Self::MalformedCredential { .. }
            | Self::MalformedAccessKeyId { .. }
            | Self::MalformedHeaderName { .. }
            | Self::UnsortedSignedHeaders { .. }
            | Self::MalformedSignature { .. }
            | Self::MissingDate
            | Self::MalformedDate { .. } => "IncompleteSignatureException",
            Self::SecurityToken | Self::UnknownAccessKey => "UnrecognizedClientException",
            Self::WrongTerminator { .. }
            | Self::WrongRegion { .. }
            | Self::WrongService { .. }
            | Self::WrongDay { .. }
            | Self::Expired { .. }
            | Self::NotYetCurrent { .. }
            | Self::HeaderNotSigned { .. }
            | Self::SignedHeaderMissing { .. }
            | Self::UnsignedPayload { .. }
            | Self::PayloadMismatch { .. }
            | Self::Mismatch { .. } => "InvalidSignatureException",
        }
    }
}

fn requires(missing: &[Parameter]) -> String {
    let sentences: Vec<String> = missing
        .iter()
        .map(|parameter| format!("Authorization header requires '{parameter}' parameter."))
        .collect();
    sentences.join(" ")
}

/// A client's value as a message may repeat it: printable, and its first 64 bytes at most.
pub(super) fn shown(value: &[u8]) -> String {
    shown_within(value, 64)
}

/// A client's value as a message may repeat it: printable, and its first `max` bytes at most.
pub(super) fn shown_within(value: &[u8], max: usize) -> String {
    let text = String::from_utf8_lossy(&value[..value.len().min(max)]);
    let ellipsis = if value.len() > max { "…" } else { "" };
    format!("{}{ellipsis}", text.escape_debug())
}
