//! The answers that a request gets before (or instead of) its handler's.

use http::StatusCode;

use super::{RequestId, Response};
use crate::http::respond;

/// Why a request was answered without the API having judged it. A closed set: it labels a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The body is longer than allowed.
    BodyTooLarge {
        /// The limit in bytes.
        max: usize,
    },
    /// The body did not follow HTTP's framing, or ended early.
    BodyBroken,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The headers did not arrive in time.
    HeaderTimeout,
    /// Request line and headers are longer than allowed.
    HeaderTooLarge,
    /// Not HTTP/1.1.
    NotHttp,
    /// The handler took longer than it may.
    HandlerTimeout,
    /// The handler panicked.
    HandlerPanic,
    /// There are as many connections as there may be.
    TooManyConnections,
    /// Unfinished bodies take as much memory as they may.
    TooManyBodies,
}

impl Refusal {
    /// The name of the kind.
    pub(crate) fn label(self) -> &'static str {
        Self::LABELS[self.index()]
    }

    /// Number of kinds.
    pub(crate) const COUNT: usize = 10;
    /// The label of each kind, by [`Refusal::index`].
    pub(crate) const LABELS: [&str; Self::COUNT] = [
        "body_too_large",
        "body_broken",
        "body_timeout",
        "header_timeout",
        "header_too_large",
        "not_http",
        "handler_timeout",
        "handler_panic",
        "too_many_connections",
        "too_many_bodies",
    ];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::BodyTooLarge { .. } => 0,
            Self::BodyBroken => 1,
            Self::BodyTimeout => 2,
            Self::HeaderTimeout => 3,
            Self::HeaderTooLarge => 4,
            Self::NotHttp => 5,
            Self::HandlerTimeout => 6,
            Self::HandlerPanic => 7,
            Self::TooManyConnections => 8,
            Self::TooManyBodies => 9,
        }
    }

    /// The request may not have been read to its end: the connection cannot carry another.
    pub(super) fn leaves_unread(self) -> bool {
        match self {
            Self::BodyTooLarge { .. }
            | Self::BodyBroken
            | Self::BodyTimeout
            | Self::HeaderTimeout
            | Self::HeaderTooLarge
            | Self::NotHttp
            | Self::TooManyConnections
            | Self::TooManyBodies => true,
            Self::HandlerTimeout | Self::HandlerPanic => false,
        }
    }

    /// The answer: an AWS JSON error.
    #[must_use]
    pub fn response(self) -> Response {
        let (status, code, message) = match self {
            Self::BodyTooLarge { max } => return too_large(max),
            Self::BodyBroken => (
                StatusCode::BAD_REQUEST,
                "BadRequestException",
                "The request body ended early or does not follow HTTP/1.1.",
            ),
            Self::BodyTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeoutException",
                "The request body did not arrive in time.",
            ),
            Self::HeaderTimeout => (
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeoutException",
                "The request headers did not arrive in time.",
            ),
            Self::HeaderTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "RequestHeaderFieldsTooLargeException",
                "The request line and headers are longer or more than allowed.",
            ),
            Self::NotHttp => (
                StatusCode::BAD_REQUEST,
                "BadRequestException",
                "The request is not valid HTTP/1.1.",
            ),
            Self::HandlerTimeout => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "The request took too long. It may or may not have had its effect.",
            ),
            Self::HandlerPanic => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "DirectConnectServerException",
                "A server-side error occurred.",
            ),
            Self::TooManyConnections => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "The server has as many connections as it may have.",
            ),
            Self::TooManyBodies => (
                StatusCode::SERVICE_UNAVAILABLE,
                "ServiceUnavailable",
                "The server is reading as many large request bodies as it may. Try again.",
            ),
        };
        Response { close: self.leaves_unread(), ..respond::error(status, code, message) }
    }

    /// The answer as bytes, for a connection that hyper does not (or no longer) serve.
    pub(super) fn raw(self) -> Vec<u8> {
        let response = self.response();
        let id = RequestId::random();
        let body = match &response.body {
            super::Body::Full(bytes) => &bytes[..],
            super::Body::Stream { .. } => &[],
        };
        let mut raw = format!("HTTP/1.1 {}\r\n", response.status).into_bytes();
        let length = body.len().to_string();
        let fixed = [
            ("content-type", response.content_type.as_bytes()),
            ("content-length", length.as_bytes()),
            ("connection", b"close"),
            ("x-amzn-requestid", id.as_str().as_bytes()),
            ("x-amz-requestid", id.as_str().as_bytes()),
        ];
        let own = response.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        for (name, value) in fixed.into_iter().chain(own) {
            raw.extend_from_slice(name.as_bytes());
            raw.extend_from_slice(b": ");
            raw.extend_from_slice(value);
            raw.extend_from_slice(b"\r\n");
        }
        raw.extend_from_slice(b"\r\n");
        raw.extend_from_slice(body);
        raw
    }
}

fn too_large(max: usize) -> Response {
    let message = format!("The request body is longer than {max} bytes.");
    let code = "RequestEntityTooLargeException";
    Response { close: true, ..respond::error(StatusCode::PAYLOAD_TOO_LARGE, code, &message) }
}
