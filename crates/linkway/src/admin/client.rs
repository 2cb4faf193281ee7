//! The operator API's client: signs, sends, and sorts what comes back into an answer or a failure.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use linkway_wire::error::ErrorBody;
use linkway_wire::operator::{ListRequest, OperatorFile, Request};
use linkway_wire::{operation::LinkwayOperation, operator::Backup};
use ureq::Body;
use ureq::http::Response;

use super::failure::Failure;
use crate::signed::{Caller, Signer, certificates};

const USER_AGENT: &str = concat!("linkway-admin/", env!("CARGO_PKG_VERSION"));
/// Longest silence of a server at work.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// The copy is made before its first byte is sent, and a large database takes its time.
const COPY_WITHIN: Duration = Duration::from_secs(600);
/// A page of a list is far smaller.
const LARGEST_ANSWER: u64 = 64 << 20;

/// A connection to one server, in the operator's name.
pub struct Client {
    caller: Caller,
    operator: OperatorFile,
    /// Where the endpoint is written, for messages.
    source: PathBuf,
}

impl Client {
    /// A client of the server that `operator` (read from `source`) names. TLS trusts the
    /// certificates of `ca_cert`, or those of the system.
    pub fn new(
        operator: OperatorFile,
        source: &Path,
        ca_cert: Option<&Path>,
    ) -> Result<Client, Failure> {
        let trusted =
            match ca_cert {
                None => None,
                Some(path) => Some(certificates(path).map_err(|error| {
                    Failure::file("cannot read the certificates in", path, error)
                })?),
            };
        let signer = Signer {
            access_key_id: operator.access_key_id.clone(),
            secret_access_key: operator.secret_access_key.clone(),
            region: operator.region.clone(),
        };
        let endpoint = endpoint_of(&operator);
        let caller = Caller::new(endpoint, signer, trusted, USER_AGENT);
        let caller = caller.map_err(|rule| {
            Failure::Local(format!("endpoint {endpoint:?} in {}: {rule}", source.display()))
        })?;
        Ok(Client { caller, operator, source: source.to_owned() })
    }

    /// What the credentials say: endpoint and region, for the AWS CLI's profile.
    pub fn operator(&self) -> &OperatorFile {
        &self.operator
    }

    /// One call.
    pub fn call<R: Request>(&self, request: &R) -> Result<R::Answer, Failure> {
        let mut response = self.send(R::OPERATION, &body_of(request), ANSWER_WITHIN)?;
        let body = self.read(&mut response)?;
        if !response.status().is_success() {
            return Err(self.refused(response.status().as_u16(), &body));
        }
        serde_json::from_slice(&body).map_err(|error| {
            self.unreachable(format!("its answer to {} is not understood: {error}", R::OPERATION))
        })
    }

    /// Every page of a list, one after the other.
    pub fn pages<R: ListRequest>(
        &self,
        mut request: R,
        mut each: impl FnMut(Vec<R::Item>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut last = None;
        loop {
            let (items, next) = R::into_page(self.call(&request)?);
            each(items)?;
            if next.is_none() {
                return Ok(());
            }
            if next == last {
                return Err(self.unreachable(format!("its {} never ends", R::OPERATION)));
            }
            last.clone_from(&next);
            request.set_next_token(next);
        }
    }

    /// The copy of the database, to be read from the response's body.
    pub fn backup(&self) -> Result<Response<Body>, Failure> {
        let mut response =
            self.send(LinkwayOperation::Backup, &body_of(&Backup {}), COPY_WITHIN)?;
        if !response.status().is_success() {
            let body = self.read(&mut response)?;
            return Err(self.refused(response.status().as_u16(), &body));
        }
        match response.body().mime_type() {
            Some("application/octet-stream") => Ok(response),
            other => Err(self.unreachable(format!(
                "it answered Backup with {}, not with a copy",
                other.unwrap_or("no content type")
            ))),
        }
    }

    fn send(
        &self,
        operation: LinkwayOperation,
        body: &[u8],
        silence: Duration,
    ) -> Result<Response<Body>, Failure> {
        self.caller.send(operation, body, &[], silence).map_err(|error| self.unreachable(error))
    }

    fn read(&self, response: &mut Response<Body>) -> Result<Vec<u8>, Failure> {
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
        body.map_err(|error| self.unreachable(error))
    }

    fn refused(&self, status: u16, body: &[u8]) -> Failure {
        match serde_json::from_slice(body) {
            Ok(ErrorBody { code, message }) => Failure::Refused { code, message },
            Err(_) => self.unreachable(format!(
                "it answered with status {status} and no error of the operator API; \
                 is that a Linkway server?"
            )),
        }
    }

    /// A failure to talk to the server: names it, where its name comes from, and what may help.
    pub fn unreachable(&self, why: impl Display) -> Failure {
        let why = why.to_string();
        let help = if why.contains("certificate") || why.contains("UnknownIssuer") {
            "name the authority that signed the server's certificate with --ca-cert".to_owned()
        } else {
            format!("the endpoint is from {}; is `linkway serve` running?", self.source.display())
        };
        Failure::Unreachable(format!(
            "cannot talk to the server at {}: {why}\n{help}",
            endpoint_of(&self.operator)
        ))
    }
}

fn body_of(request: &impl Request) -> Vec<u8> {
    serde_json::to_vec(request).expect("requests hold text and numbers only")
}

/// Where the operator calls.
fn endpoint_of(operator: &OperatorFile) -> &str {
    operator.admin_endpoint.as_deref().unwrap_or(&operator.endpoint)
}
