//! Who is it, may it, and not too often.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderMap;
use linkway_wire::error::{Code, WireError};
use linkway_wire::sigv4::{self, HeaderLookup, RequestParts, SignatureError};

use super::operation::Row;
use super::{Api, Call, Known, Refused};
use crate::clock;
use crate::credentials::{self, Caller};
use crate::http::Request;

/// The headers of a request, as the signature looks them up.
struct Headers<'a>(&'a HeaderMap);

impl HeaderLookup for Headers<'_> {
    fn visit<'h>(&'h self, name: &str, each: &mut dyn FnMut(&'h [u8])) {
        for value in self.0.get_all(name) {
            each(value.as_bytes());
        }
    }
}

impl Api {
    /// The caller of a request, if its signature is good, its key is not locked, and neither the key nor the account calls
    /// too often.
    pub(super) async fn authenticate(&self, request: &Request) -> Result<Arc<Caller>, Refused> {
        let headers = Headers(&request.headers);
        let parts = RequestParts {
            method: request.method.as_str(),
            path: request.path(),
            query: request.uri.query(),
            headers: &headers,
            body: &request.body,
        };
        let claim = sigv4::parse(&parts, clock::timestamp(clock::now()), &self.policy)
            .map_err(|error| self.bad_signature(&error))?;
        let (key, source, now) = (claim.access_key_id(), request.peer.ip(), Instant::now());
        if let Some(wait) = self.lockout.locked_for(key, source, now) {
            self.telemetry.locked_out.inc();
            return Err(locked(wait));
        }
        let caller = match self.credentials.verify(&claim).await {
            Ok(caller) => caller,
            Err(credentials::Refused::Failure(failure)) => {
                return Err(WireError::from(failure).into());
            }
            Err(credentials::Refused::Disabled(caller, error)) => {
                let known = Some(Known::Disabled(caller));
                return Err(Refused { known, ..self.bad_signature(&error) });
            }
            Err(credentials::Refused::Signature(error)) => {
                // Only keys that exist are watched: an unknown one cannot be guessed right.
                if matches!(error, SignatureError::Mismatch { .. }) {
                    self.lockout.failed(key, source, now);
                }
                return Err(self.bad_signature(&error));
            }
        };
        self.lockout.succeeded(key, source);
        if caller.operator.is_some() {
            self.key_use.note(&caller.access_key_id, clock::now());
        }
        self.admit(&caller, now)?;
        Ok(caller)
    }

    fn bad_signature(&self, error: &SignatureError) -> Refused {
        self.telemetry.signatures_refused.inc();
        let code = Code::ALL.iter().copied().find(|code| code.as_str() == error.code_name());
        let code = code.expect("a test compares the signature's codes with the list of all codes");
        WireError::new(code, error.to_string()).into()
    }

    /// Whether a caller may call now. What it calls makes no difference: calls of operations that are not for accounts count
    /// for an account as well.
    fn admit(&self, caller: &Arc<Caller>, now: Instant) -> Result<(), Refused> {
        let Some(account) = caller.principal.account() else { return Ok(()) };
        self.throttle.admit(caller.access_key_id.as_str(), account.as_str(), now).map_err(
            |throttled| {
                self.telemetry.throttled(throttled.scope);
                Refused {
                    error: WireError::new(Code::ThrottlingException, "Rate exceeded"),
                    retry_after: Some(throttled.retry_after),
                    known: Some(Known::Throttled(Arc::clone(caller))),
                }
            },
        )
    }

    /// Whether an operation exists for the caller's kind of principal, and for its role if it is an operator.
    pub(super) fn authorize(&self, call: &Call, row: &Row) -> Result<(), WireError> {
        let operator = call.caller.operator.as_ref();
        let has_role = match (row.role(), operator) {
            (None, _) => true,
            (Some(least), Some(operator)) => operator.role >= least,
            (Some(_), None) => false,
        };
        let is_for_kind = row.callers.include(call.principal());
        if is_for_kind && has_role {
            return Ok(());
        }
        let (who, action) = (call.caller.shown(), row.action());
        let mut text = format!("User: {who} is not authorized to perform: {action}");
        if let (true, Some(operator), Some(least)) = (is_for_kind, operator, row.role()) {
            let role = operator.role;
            text.push_str(&format!(", which needs the role {least}; it has {role}"));
        }
        Err(WireError::new(Code::AccessDeniedException, text))
    }
}

fn locked(wait: Duration) -> Refused {
    let seconds = wait.as_secs_f64().ceil();
    let text = format!(
        "This access key is locked for your address after repeated bad signatures. Try again in {seconds} s."
    );
    let error = WireError::new(Code::ThrottlingException, text);
    Refused { retry_after: Some(wait), ..error.into() }
}
