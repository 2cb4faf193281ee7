//! The domain's one error, as it is answered.

use linkway_domain::fault::{Fault, FaultKind};

use crate::error::{Code, WireError};

impl From<Fault> for WireError {
    fn from(fault: Fault) -> Self {
        let code = match fault.kind {
            FaultKind::Client => Code::DirectConnectClientException,
            FaultKind::DuplicateTagKeys => Code::DuplicateTagKeysException,
            FaultKind::TooManyTags => Code::TooManyTagsException,
            FaultKind::LimitExceeded => Code::LimitExceededException,
            FaultKind::AccessDenied => Code::AccessDeniedException,
        };
        Self::new(code, fault.message)
    }
}
