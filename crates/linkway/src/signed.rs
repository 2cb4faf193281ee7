//! Signed calls to a Linkway server over HTTP: what the operator's command line and the edge have in common.

use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use linkway_server::http::RequestId;
use linkway_wire::operation::LinkwayOperation;
use linkway_wire::operator::SERVICE;
use linkway_wire::sigv4::{Credentials, SignRequest, sign};
use linkway_wire::value::Secret;
use ureq::http::{Response, Uri, uri::Scheme};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// Whose calls they are.
#[derive(Clone)]
pub struct Signer {
    /// The access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Secret,
    /// The region that the server expects in a signature.
    pub region: String,
}

/// A connection to one server.
pub struct Caller {
    agent: Agent,
    signer: Signer,
    host: String,
    uri: Uri,
}

impl Caller {
    /// To the server at `endpoint`; TLS trusts `trusted`, or the certificates of the system. The error is the rule that
    /// the endpoint breaks.
    pub fn new(
        endpoint: &str,
        signer: Signer,
        trusted: Option<Vec<Certificate<'static>>>,
        user_agent: &str,
    ) -> Result<Self, String> {
        let uri = parse_endpoint(endpoint)?;
        let host = uri.authority().expect("parse_endpoint requires one").as_str().to_owned();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(CONNECT_WITHIN))
            .timeout_connect(Some(CONNECT_WITHIN))
            .user_agent(user_agent)
            .tls_config(
                TlsConfig::builder()
                    .root_certs(trusted.map_or(RootCerts::PlatformVerifier, RootCerts::from))
                    .build(),
            );
        // A proxy cannot reach this machine's own addresses.
        let agent = if is_loopback(&uri) { agent.proxy(None) } else { agent };
        Ok(Self { agent: agent.build().new_agent(), signer, host, uri })
    }

    /// Sends one call; `silence` is how long the server may take for each piece of its answer. Only `headers` that a
    /// signature covers belong into the request: all of these are signed.
    pub fn send(
        &self,
        operation: LinkwayOperation,
        body: &[u8],
        headers: &[(&str, &str)],
        silence: Duration,
    ) -> Result<Response<Body>, ureq::Error> {
        let target = format!("Linkway.{operation}");
        // The server takes a signature once, and a date has only seconds.
        let invocation = RequestId::random().to_string();
        let mut signed = vec![
            ("amz-sdk-invocation-id", &*invocation),
            ("content-type", CONTENT_TYPE),
            ("host", &*self.host),
            ("x-amz-target", &*target),
        ];
        signed.extend_from_slice(headers);
        let unsigned =
            SignRequest { method: "POST", path: "/", query: None, headers: &signed, body };
        let credentials = Credentials {
            access_key_id: &self.signer.access_key_id,
            secret_access_key: self.signer.secret_access_key.expose(),
        };
        let added = sign(&unsigned, credentials, &self.signer.region, SERVICE, Timestamp::now())
            .expect("host is among the headers, and each can be signed");
        let request = signed.into_iter().chain(added.iter().map(|(n, v)| (*n, &**v))).fold(
            self.agent
                .post(&self.uri)
                .config()
                .timeout_per_read(Some(silence))
                .timeout_per_write(Some(silence))
                .build(),
            |request, (name, value)| request.header(name, value),
        );
        request.send(body)
    }
}

fn parse_endpoint(text: &str) -> Result<Uri, String> {
    let uri: Uri = text.parse().map_err(|error| format!("{error}"))?;
    let is_http = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if !is_http || has_user || uri.path() != "/" || uri.query().is_some() {
        return Err("not of the form http://host:port or https://host:port".to_owned());
    }
    Ok(uri)
}

/// Whether calls to an endpoint leave this machine unencrypted.
pub fn is_plain_to_others(endpoint: &str) -> bool {
    let Ok(uri) = parse_endpoint(endpoint) else { return false };
    uri.scheme() == Some(&Scheme::HTTP) && !is_loopback(&uri)
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The certificates of a PEM file. The error tells what is wrong with it, without its path.
pub fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = fs::read(path).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        // Some people keep the key in the same file.
        if let PemItem::Certificate(certificate) = item.map_err(|error| error.to_string())? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err("there is no PEM certificate in it".to_owned());
    }
    Ok(found)
}
