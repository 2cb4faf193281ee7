//! Who is it, may it, and not too often.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderMap;
use linkway_wire::error::{Code, WireError};
use linkway_wire::sigv4::{self, HeaderLookup, RequestParts, SignatureError};

use super::endpoint::Side;
use super::operation::{Callers, Effect, Row};
use super::{Api, Call, Known, Refused};
use crate::clock;
use crate::credentials::{self, Caller};
use crate::http::Request;
use crate::limits::in_flight::{Flight, Full};
use crate::limits::lockout::Lock;
use crate::limits::replay::{Replayed, Signed};
use crate::limits::throttle::Scope;

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
    /// Whether the head of a request, whose body is not read yet, is that of a caller: its signature is of a key that there
    /// is, but it is not judged, since the body is part of it.
    pub(super) async fn authenticate_head(&self, request: &Request) -> Result<(), Refused> {
        let headers = Headers(&request.headers);
        let (now, parts) = (clock::timestamp(clock::now()), parts(request, &headers));
        let key = sigv4::claimed_access_key(&parts, now, &self.policy)
            .map_err(|error| self.bad_signature(&error))?;
        if let Lock::Shut(wait) = self.lockout.lock_of(key, request.peer.ip(), Instant::now()) {
            self.telemetry.locked_out.inc();
            return Err(locked(wait));
        }
        match self.credentials.is_known(key).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.bad_signature(&SignatureError::UnknownAccessKey)),
            Err(failure) => Err(WireError::from(failure).into()),
        }
    }

    /// The caller of a request, if its signature is good, its key is not locked, and neither the key nor the account calls
    /// too often or has too much in flight.
    pub(super) async fn authenticate(&self, request: &Request) -> Result<Authenticated, Refused> {
        let headers = Headers(&request.headers);
        let parts = parts(request, &headers);
        let claim = sigv4::parse(&parts, clock::timestamp(clock::now()), &self.policy)
            .map_err(|error| self.bad_signature(&error))?;
        let (key, source, now) = (claim.access_key_id(), request.peer.ip(), Instant::now());
        let lock = self.lockout.lock_of(key, source, now);
        if let Lock::Shut(wait) = lock {
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
                match (&error, lock) {
                    (SignatureError::Mismatch { .. }, Lock::Judged(wait)) => {
                        self.lockout.failed_while_locked(key, source, now);
                        self.telemetry.locked_out.inc();
                        return Err(locked(wait));
                    }
                    (SignatureError::Mismatch { .. }, _) => {
                        self.lockout.failed(key, source, now);
                    }
                    _ => {}
                }
                return Err(self.bad_signature(&error));
            }
        };
        self.lockout.succeeded(key, source);
        if caller.operator.is_some() {
            self.key_use.note(&caller.access_key_id, clock::now());
        }
        let flight = self.throttle(&caller, now)?;
        let at = claim.time().timestamp().as_second();
        Ok(Authenticated { caller, flight, signed: Signed { at, signature: claim.signature() } })
    }

    fn bad_signature(&self, error: &SignatureError) -> Refused {
        self.telemetry.signatures_refused.inc();
        let code = Code::ALL.iter().copied().find(|code| code.as_str() == error.code_name());
        let code = code.expect("a test compares the signature's codes with the list of all codes");
        WireError::new(code, error.to_string()).into()
    }

    /// Whether a caller may call now. What it calls makes no difference: calls of operations that are not for accounts count
    /// for an account as well.
    fn throttle(&self, caller: &Arc<Caller>, now: Instant) -> Result<Option<Flight>, Refused> {
        let Some(account) = caller.principal.account() else { return Ok(None) };
        let key = caller.access_key_id.as_str();
        let too_often = self.throttle.admit(key, account.as_str(), now);
        too_often.map_err(|full| self.throttled(caller, full.scope, full.retry_after))?;
        let flight = self.in_flight.begin(account);
        let wait = Duration::from_secs(1);
        flight.map(Some).map_err(|Full| self.throttled(caller, Scope::InFlight, wait))
    }

    fn throttled(&self, caller: &Arc<Caller>, scope: Scope, wait: Duration) -> Refused {
        self.telemetry.throttled(scope);
        let error = WireError::new(Code::ThrottlingException, "Rate exceeded");
        let known = Some(Known::Throttled(Arc::clone(caller)));
        Refused { error, retry_after: Some(wait), known }
    }

    /// Whether an operator's call that changes something is not one that was answered before.
    pub(super) fn is_new(&self, call: &Call, row: &Row) -> Result<(), WireError> {
        let changes = match row.effect {
            Effect::Change | Effect::Disclosure => row.role().is_some(),
            Effect::Read | Effect::Counted | Effect::NotRecorded(_) => false,
        };
        if !changes {
            return Ok(());
        }
        let now = clock::timestamp(clock::now()).as_second();
        let taken = {
            let mut replay = self.replay.lock().unwrap_or_else(PoisonError::into_inner);
            replay.take(call.signed, now)
        };
        let text = match taken {
            Ok(()) => return Ok(()),
            Err(Replayed::Again) => {
                "A request with this signature was received before. Each change is signed anew: with a later date, or another \
                 value of a signed header such as amz-sdk-invocation-id."
            }
            Err(Replayed::Unknown) => {
                "This request was signed before this server began to remember signatures, by its date: it may have been answered \
                 already. Sign it anew, and compare the clocks."
            }
        };
        self.telemetry.signatures_refused.inc();
        Err(WireError::new(Code::InvalidSignatureException, text))
    }

    /// Whether an operation exists for the caller's kind of principal, and for its role if it is an operator.
    pub(super) fn authorize(&self, side: &Side, call: &Call, row: &Row) -> Result<(), WireError> {
        let operator = call.caller.operator.as_ref();
        let has_role = match (row.role(), operator) {
            (None, _) => true,
            (Some(least), Some(operator)) => operator.role >= least,
            (Some(_), None) => false,
        };
        let is_for_kind = row.callers.include(call.principal());
        if is_for_kind && has_role {
            return match side.serves(row.callers) {
                true => Ok(()),
                false => Err(elsewhere(row.callers)),
            };
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

/// The caller of a request, and what the call counts as.
pub(super) struct Authenticated {
    pub caller: Arc<Caller>,
    pub flight: Option<Flight>,
    pub signed: Signed,
}

/// A request as its signature covers it.
fn parts<'a>(request: &'a Request, headers: &'a Headers<'a>) -> RequestParts<'a> {
    RequestParts {
        method: request.method.as_str(),
        path: request.path(),
        query: request.uri.query(),
        headers,
        body: &request.body,
    }
}

/// A call at the listener that is not for its caller.
fn elsewhere(callers: Callers) -> WireError {
    let text = match callers {
        Callers::Operator | Callers::Admin => {
            "The operator's operations are answered at the address of the setting admin_listen."
        }
        Callers::Accounts | Callers::Edges => {
            "At the operator's address only the operator's operations are answered; the setting listen has the others'."
        }
    };
    WireError::new(Code::AccessDeniedException, text)
}

fn locked(wait: Duration) -> Refused {
    let seconds = wait.as_secs_f64().ceil();
    let text = format!(
        "This access key is locked for your address after repeated bad signatures. Try again in {seconds} s."
    );
    let error = WireError::new(Code::ThrottlingException, text);
    Refused { retry_after: Some(wait), ..error.into() }
}
