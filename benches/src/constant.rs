//! The baseline of the ratios: the server's own HTTP stack with a handler that verifies the signature with one cached
//! key and answers a constant. It is a process of its own, like the server.

use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use linkway_server::http::respond;
use linkway_server::http::{Handler, Limits, Options, Proxies, Request, Response, serve};
use linkway_server::telemetry::Telemetry;
use linkway_wire::sigv4::{HeaderLookup, Policy, RequestParts, SigningKey, parse, verify};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::requests::REGION;

/// The settings of the process, as JSON on its standard input.
#[derive(Serialize, Deserialize)]
pub struct ConstantSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The secret of the one key.
    pub secret: String,
    /// The body of each answer.
    pub body: String,
}

struct Headers<'a>(&'a HeaderMap);

impl HeaderLookup for Headers<'_> {
    fn visit<'h>(&'h self, name: &str, each: &mut dyn FnMut(&'h [u8])) {
        for value in self.0.get_all(name) {
            each(value.as_bytes());
        }
    }
}

/// The signing key is derived for the first request's scope and cached.
struct Constant {
    policy: Policy,
    secret: String,
    key: OnceLock<(String, SigningKey)>,
    body: Bytes,
}

impl Constant {
    fn is_signed(&self, request: &Request) -> bool {
        let headers = Headers(&request.headers);
        let parts = RequestParts {
            method: request.method.as_str(),
            path: request.path(),
            query: request.uri.query(),
            headers: &headers,
            body: &request.body,
        };
        let Ok(claim) = parse(&parts, Timestamp::now(), &self.policy) else { return false };
        let derive =
            || (claim.signing_key_id().to_owned(), SigningKey::derive(&self.secret, claim.scope()));
        let (id, key) = self.key.get_or_init(derive);
        id == claim.signing_key_id() && verify(&claim, key).is_ok()
    }
}

impl Handler for Constant {
    async fn handle(&self, request: Request) -> Response {
        if self.is_signed(&request) {
            respond::success(self.body.clone())
        } else {
            respond::error(StatusCode::BAD_REQUEST, "InvalidSignatureException", "")
        }
    }
}

/// Serves with the settings from standard input until the process is killed.
///
/// # Errors
///
/// The settings cannot be read, or the address cannot be listened on.
pub fn serve_with_stdin() -> Result<()> {
    let mut settings = String::new();
    std::io::stdin().read_to_string(&mut settings)?;
    let ConstantSettings { listen, secret, body } =
        serde_json::from_str(&settings).context("on standard input")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        let telemetry = Arc::new(Telemetry::new(env!("CARGO_PKG_VERSION"), "bench"));
        let options = Options {
            limits: Limits::default(),
            tls: None,
            telemetry,
            proxies: Proxies::default(),
        };
        let policy = Policy::new(REGION);
        let constant = Constant { policy, secret, key: OnceLock::new(), body: body.into() };
        serve(listener, options, constant, CancellationToken::new()).await;
        Ok(())
    })
}
