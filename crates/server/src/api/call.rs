//! An authenticated call on its way to its handler and back.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use linkway_domain::Fault;
use linkway_domain::access::{self, Action, Named};
use linkway_domain::access_key::Principal;
use linkway_domain::decide::{Command, Context};
use linkway_domain::id::AccountId;
use linkway_domain::key::Key;
use linkway_domain::record::Record;
use linkway_domain::view::View;
use linkway_wire::error::{Code, WireError};
use linkway_wire::operation::{Call as TenantRequest, Target};
use linkway_wire::operator::Request as OperatorRequest;
use serde::Serialize;

use super::feed::Encodings;
use super::protocol::Protocol;
use super::{Answered, Api, audit};
use crate::clock;
use crate::credentials::Caller;
use crate::http::{RequestId, Response};
use crate::limits::in_flight::{Flight, Full};
use crate::limits::replay::Signed;
use crate::records::Failure;

/// How many records are read at a time: what an etcd transaction takes.
const CHUNK: usize = 100;

/// An authenticated call.
pub(super) struct Call {
    pub caller: Arc<Caller>,
    pub target: Target,
    pub protocol: Protocol,
    pub body: Bytes,
    pub source: IpAddr,
    pub request_id: RequestId,
    pub encodings: Encodings,
    /// How it was signed.
    pub signed: Signed,
    /// Whether it asked for a resource by its id and was shown nothing.
    pub showed_nothing: AtomicBool,
    /// What an account's call has in flight.
    pub flight: Mutex<Option<Flight>>,
}

impl Call {
    /// Who calls.
    pub fn principal(&self) -> &Principal {
        &self.caller.principal
    }

    /// The account that calls a tenants' operation.
    pub fn account(&self) -> Result<&AccountId, Fault> {
        let denied = || Fault::denied("This operation is for accounts.");
        self.principal().account().ok_or_else(denied)
    }

    /// Makes room for an answer of this many bytes among those that the account has in flight.
    ///
    /// # Errors
    ///
    /// `ThrottlingException` if there is none.
    pub fn reserve(&self, bytes: usize) -> Result<(), WireError> {
        match self.flight().as_mut().map_or(Ok(()), |flight| flight.reserve(bytes)) {
            Ok(()) => Ok(()),
            Err(Full) => Err(WireError::new(
                Code::ThrottlingException,
                "Rate exceeded: this account has too many answers in flight.",
            )),
        }
    }

    /// Waits until it is this list's turn among those of the account.
    pub async fn wait_for_turn(&self) {
        let Some(lists) = self.flight().as_ref().map(Flight::lists) else { return };
        let turn = lists.acquire_owned().await.expect("it is never closed");
        if let Some(flight) = self.flight().as_mut() {
            flight.take_turn(turn);
        }
    }

    /// What goes with the answer.
    pub fn end_flight(&self) -> Option<Flight> {
        self.flight().take()
    }

    fn flight(&self) -> MutexGuard<'_, Option<Flight>> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The request of a tenants' operation, checked against the model's own constraints. `OPERATION` is the operation's place
    /// in its enum.
    pub fn request<R: TenantRequest, const OPERATION: usize>(&self) -> Result<R, WireError> {
        const { assert!(R::OPERATION as usize == OPERATION, "this is another operation's request") };
        let request: R = self.protocol.decode(&self.body)?;
        request.validate()?;
        Ok(request)
    }

    /// The request of an operator's operation.
    pub fn operator_request<R: OperatorRequest, const OPERATION: usize>(
        &self,
    ) -> Result<R, WireError> {
        const { assert!(R::OPERATION as usize == OPERATION, "this is another operation's request") };
        self.protocol.decode(&self.body)
    }

    /// What the handler answers, as the caller's protocol writes it.
    pub fn answer<T: Serialize>(&self, answer: &T) -> Response {
        self.protocol.answer(answer)
    }
}

impl Api {
    /// Decides and commits a call's command, with its audit record in the same commit.
    pub(super) async fn run<C: Command>(&self, call: &Call, command: &C) -> Answered<C::Outcome> {
        let audit = |time, resources: &[Cow<'_, str>]| audit::of_change(call, time, resources);
        let decided = self.records.run(call.principal(), command, Some(&audit)).await;
        let decided = decided.inspect_err(|failure| self.count_refusal(failure))?;
        if !decided.changed {
            // Nothing was committed, so nothing was recorded: to the audit log this is a read.
            self.trail.record(&audit::event(call, clock::now(), Vec::new(), None));
        }
        Ok(decided.outcome)
    }

    /// The resource of this id, if the caller may see it.
    pub(super) async fn find<R>(&self, call: &Call, id: &str) -> Result<R, Failure>
    where
        R: Named + Clone,
    {
        let see = |view: &View, context: &Context<'_>| {
            access::find::<R>(view, context, Action::See, id).cloned()
        };
        self.records.read(call.principal(), see).await
    }

    /// The records at these keys, each where its key is.
    pub(super) async fn records_at(&self, keys: &[Key]) -> Result<Vec<Option<Record>>, Failure> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            found.extend(self.records.get_many(chunk).await?);
        }
        Ok(found)
    }
}
