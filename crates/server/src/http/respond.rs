//! The answers that clients understand. Success is `application/x-amz-json-1.1`; an error is
//! `application/json`, because osc-cli cannot read an error of another type and nobody else minds.

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use serde::Serialize;
use tokio::io::AsyncRead;

use super::{Body, Response};

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// 200 with an AWS JSON 1.1 body.
#[must_use]
pub fn success(json: impl Into<Bytes>) -> Response {
    Response {
        status: StatusCode::OK,
        content_type: HeaderValue::from_static("application/x-amz-json-1.1"),
        headers: Vec::new(),
        body: Body::Full(json.into()),
        close: false,
    }
}

/// An error: `{"__type": code, "message": message}` with `x-amzn-errortype: code`.
/// The message is for the caller: it names field, value and rule and never holds a secret.
#[must_use]
pub fn error(status: StatusCode, code: &'static str, message: &str) -> Response {
    #[derive(Serialize)]
    struct ErrorBody<'a> {
        __type: &'a str,
        message: &'a str,
    }
    let body = serde_json::to_vec(&ErrorBody { __type: code, message })
        .expect("two strings always serialise");
    Response {
        status,
        content_type: HeaderValue::from_static("application/json"),
        headers: vec![(ERROR_TYPE, HeaderValue::from_static(code))],
        body: Body::Full(body.into()),
        close: false,
    }
}

/// 400 `ThrottlingException` with `retry-after` in whole seconds, at least 1.
#[must_use]
pub fn throttled(retry_after: std::time::Duration) -> Response {
    let seconds = u64::try_from(retry_after.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1);
    let mut response = error(StatusCode::BAD_REQUEST, "ThrottlingException", "Rate exceeded");
    response.headers.push((http::header::RETRY_AFTER, HeaderValue::from(seconds)));
    response
}

/// Any other text, such as health and metrics.
#[must_use]
pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    Response {
        status,
        content_type: HeaderValue::from_static(content_type),
        headers: Vec::new(),
        body: Body::Full(body.into()),
        close: false,
    }
}

/// 200 with `length` bytes from a reader, such as a backup from a file.
#[must_use]
pub fn stream(
    content_type: &'static str,
    reader: impl AsyncRead + Send + Unpin + 'static,
    length: u64,
) -> Response {
    Response {
        status: StatusCode::OK,
        content_type: HeaderValue::from_static(content_type),
        headers: Vec::new(),
        body: Body::Stream { reader: Box::new(reader), length },
        close: false,
    }
}
