//! The operator API's client: signs, sends, and sorts what comes back into an answer or a failure.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use linkway_wire::error::ErrorBody;
use linkway_wire::operator::{ListRequest, OperatorFile, Request, SERVICE};
use linkway_wire::sigv4::{Credentials, SignRequest, sign};
use linkway_wire::{operation::LinkwayOperation, operator::Backup};
use ureq::http::{Response, Uri, uri::Scheme};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::failure::Failure;

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Longest silence of a server at work.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// The copy is made before its first byte is sent, and a large database takes its time.
const COPY_WITHIN: Duration = Duration::from_secs(600);
/// A page of a list is far smaller.
const LARGEST_ANSWER: u64 = 64 << 20;

/// A connection to one server, in the operator's name.
pub struct Client {
    agent: Agent,
    operator: OperatorFile,
    /// Where the endpoint is written, for messages.
    source: PathBuf,
    host: String,
    uri: Uri,
}

impl Client {
    /// A client of the server that `operator` (read from `source`) names. TLS trusts the
    /// certificates of `ca_cert`, or those of the system.
    pub fn new(
        operator: OperatorFile,
        source: &Path,
        ca_cert: Option<&Path>,
    ) -> Result<Client, Failure> {
        let uri = endpoint(&operator.endpoint).map_err(|rule| {
            let written = &operator.endpoint;
            Failure::Local(format!("endpoint {written:?} in {}: {rule}", source.display()))
        })?;
        let host = uri.authority().expect("endpoint() requires one").as_str().to_owned();
        let trusted = ca_cert.map(certificates).transpose()?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(CONNECT_WITHIN))
            .timeout_connect(Some(CONNECT_WITHIN))
            .timeout_per_read(Some(ANSWER_WITHIN))
            .timeout_per_write(Some(ANSWER_WITHIN))
            .user_agent(concat!("linkway-admin/", env!("CARGO_PKG_VERSION")))
            .tls_config(
                TlsConfig::builder()
                    .root_certs(trusted.map_or(RootCerts::PlatformVerifier, RootCerts::from))
                    .build(),
            );
        // A proxy cannot reach this machine's own addresses.
        let agent = if is_loopback(&uri) { agent.proxy(None) } else { agent };
        Ok(Client {
            agent: agent.build().new_agent(),
            operator,
            source: source.to_owned(),
            host,
            uri,
        })
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
        let target = format!("Linkway.{operation}");
        let headers =
            [("content-type", CONTENT_TYPE), ("host", &*self.host), ("x-amz-target", &*target)];
        let unsigned =
            SignRequest { method: "POST", path: "/", query: None, headers: &headers, body };
        let credentials = Credentials {
            access_key_id: &self.operator.access_key_id,
            secret_access_key: self.operator.secret_access_key.expose(),
        };
        let added = sign(&unsigned, credentials, &self.operator.region, SERVICE, Timestamp::now())
            .expect("host is among the headers, and each can be signed");
        let request = headers.into_iter().chain(added.iter().map(|(n, v)| (*n, &**v))).fold(
            self.agent.post(&self.uri).config().timeout_per_read(Some(silence)).build(),
            |request, (name, value)| request.header(name, value),
        );
        request.send(body).map_err(|error| self.unreachable(error))
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
            self.operator.endpoint
        ))
    }
}

fn body_of(request: &impl Request) -> Vec<u8> {
    serde_json::to_vec(request).expect("requests hold text and numbers only")
}

fn endpoint(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let is_http = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !is_http || has_user || uri.path() != "/" || uri.query().is_some() {
        return Err("not of the form http://host:port or https://host:port".to_owned());
    }
    Ok(uri)
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let doing = "cannot read the certificates in";
    let pem = fs::read(path).map_err(|error| Failure::file(doing, path, error))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        // Some people keep the key in the same file.
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| Failure::file(doing, path, error))?
        {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(Failure::file(doing, path, "there is no PEM certificate in it"));
    }
    Ok(found)
}
