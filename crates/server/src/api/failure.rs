//! What a caller is told of a failure; the log has the details.

use linkway_store::StoreError;
use linkway_wire::error::{Code, WireError};

use crate::records::Failure;

impl From<Failure> for WireError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fault(fault) => fault.into(),
            Failure::Contended => Self::new(
                Code::ServiceUnavailable,
                "Too many others are changing the same things right now. Try again.",
            ),
            Failure::Store(StoreError::Full) => {
                tracing::error!("the store is full");
                Self::new(
                    Code::DirectConnectServerException,
                    "The service has no space left. Nothing was changed.",
                )
            }
            Failure::Store(error) => {
                tracing::error!(%error, "the store failed");
                internal()
            }
            Failure::Codec { key, error } => {
                tracing::error!(key, %error, "a stored record cannot be read");
                internal()
            }
            Failure::Refused(error) => {
                tracing::error!(error, "a commit was refused");
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
