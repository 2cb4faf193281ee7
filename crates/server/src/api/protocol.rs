//! How requests and answers are written. Handlers take decoded requests and give values that can be serialized; what they
//! look like on the wire is settled here.

use http::{Method, StatusCode};
use linkway_wire::error::{Code, WireError};
use linkway_wire::json;
use linkway_wire::operation::Target;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::{Request, Response, respond};

/// A protocol that operations are called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON 1.1: `POST /` with the operation in `X-Amz-Target`.
    AwsJson11,
}

impl Protocol {
    /// The protocol of a request; `None` if it is not a call of an operation.
    pub fn of(request: &Request) -> Option<Self> {
        match (&request.method, request.path()) {
            (&Method::POST, "/") => Some(Self::AwsJson11),
            _ => None,
        }
    }

    /// Which operation a request asks for.
    ///
    /// # Errors
    ///
    /// `UnknownOperationException` if it names none that there is.
    pub fn target(self, request: &Request) -> Result<Target, WireError> {
        match self {
            Self::AwsJson11 => match request.headers.get("x-amz-target") {
                Some(value) => Ok(Target::parse(value.as_bytes())?),
                None => Err(WireError::new(
                    Code::UnknownOperationException,
                    "The header x-amz-target is required: it names the operation, as in \
                     OvertureService.DescribeConnections.",
                )),
            },
        }
    }

    /// Reads a request's body.
    ///
    /// # Errors
    ///
    /// `SerializationException` if it is not what the operation takes.
    pub fn decode<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, WireError> {
        match self {
            Self::AwsJson11 => Ok(json::decode(body)?),
        }
    }

    /// A good answer.
    pub fn answer<T: Serialize>(self, answer: &T) -> Response {
        match self {
            Self::AwsJson11 => respond::success(json::encode(answer)),
        }
    }

    /// The answer to a call that was refused or failed.
    pub fn error(self, error: &WireError) -> Response {
        let status = StatusCode::from_u16(error.code.status());
        match self {
            Self::AwsJson11 => respond::error(
                status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                error.code.as_str(),
                &error.message,
            ),
        }
    }
}
