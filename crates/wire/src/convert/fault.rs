//! The domain's one error, as the Direct Connect API answers it.

use linkway_domain::Fault;
use linkway_domain::quota::Quota;

use crate::error::{Code, WireError};

impl From<Fault> for WireError {
    fn from(fault: Fault) -> Self {
        let code = match &fault {
            // The only quota for which the API has an error of its own.
            Fault::QuotaExceeded { quota: Quota::RateLimitersPerConnection, .. } => {
                Code::LimitExceededException
            }
            Fault::Invalid { .. }
            | Fault::Required { .. }
            | Fault::NotFound { .. }
            | Fault::IncorrectState { .. }
            | Fault::ConnectionNotAvailable { .. }
            | Fault::InUse { .. }
            | Fault::QuotaExceeded { .. }
            | Fault::Refused(_) => Code::DirectConnectClientException,
            Fault::DuplicateTagKey { .. } => Code::DuplicateTagKeysException,
            Fault::TooManyTags { .. } => Code::TooManyTagsException,
            Fault::LimitExceeded { .. } => Code::LimitExceededException,
            Fault::Denied(_) => Code::AccessDeniedException,
        };
        Self::new(code, fault.to_string())
    }
}
