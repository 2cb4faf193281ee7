//! What a caller is told of a failure; the log has the details.

use std::future::Future;

use linkway_store::StoreError;
use linkway_wire::error::{Code, WireError};

use crate::http::RequestId;
use crate::records::Failure;

tokio::task_local! {
    /// The request that the task answers.
    static REQUEST: RequestId;
}

/// Does the work; what it logs of failures names the request.
pub(super) fn logged_as<F: Future>(
    request: &RequestId,
    work: F,
) -> impl Future<Output = F::Output> {
    REQUEST.scope(request.clone(), work)
}

/// The id of the request that the task answers, for the log; empty outside of requests.
pub(super) fn request_id() -> String {
    REQUEST.try_with(|request| request.as_str().to_owned()).unwrap_or_default()
}

impl From<Failure> for WireError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) => fault.into(),
            Failure::Contended => Self::new(
                Code::ServiceUnavailable,
                "Too many others are changing the same things right now. Try again.",
            ),
            Failure::Store(StoreError::Full) => {
                tracing::error!(request_id = request_id(), "the store is full");
                Self::new(
                    Code::DirectConnectServerException,
                    "The service has no space left. Nothing was changed.",
                )
            }
            Failure::Store(error) => {
                tracing::error!(request_id = request_id(), %error, "the store failed");
                internal()
            }
            Failure::Codec { key, error } => {
                tracing::error!(request_id = request_id(), key, %error, "a stored record cannot be read");
                internal()
            }
            Failure::Refused(error) => {
                tracing::error!(request_id = request_id(), error, "a commit was refused");
                internal()
            }
        }
    }
}

/// The answer where this program or its machine failed; the caller logs why.
pub(super) fn internal() -> WireError {
    WireError::new(
        Code::DirectConnectServerException,
        "The service failed. Its log names this request's id.",
    )
}
