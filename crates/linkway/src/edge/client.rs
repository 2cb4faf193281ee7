//! The feed over the network: what the agent's `Server` is on a real edge.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use linkway_domain::edge::EdgeStatus;
use linkway_edge::agent::server::{FeedResponse, Server};
use linkway_edge::agent::stored_config::StoredConfig;
use linkway_wire::error::ErrorBody;
use linkway_wire::feed::{ConfigText, FORMAT, GetEdgeConfig, packed, read_answer};
use linkway_wire::operation::LinkwayOperation;
use ureq::Body;
use ureq::http::Response;

use crate::signed::Caller;

/// Longest silence of a server at work, beyond what it was allowed to wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// From this size on a report is sent compressed.
const WORTH_PACKING: usize = 4096;

/// One connection of the agent's to its server. The two threads that talk to it have one each.
pub struct Client {
    caller: Caller,
    endpoint: String,
    /// The held configuration with its digest, so that it is worked out once; or the one that was last answered, which may
    /// become it.
    base: Option<ConfigText>,
    /// Whether to ask without a base: the last answer could not be unpacked with it.
    baseless: bool,
}

impl Client {
    /// Over this connection; `endpoint` is for messages.
    pub fn new(caller: Caller, endpoint: String) -> Self {
        Self { caller, endpoint, base: None, baseless: false }
    }

    fn failed(&self, why: impl std::fmt::Display) -> String {
        format!("the server at {}: {why}", self.endpoint)
    }

    /// The answer's body, or what the server refuses with.
    fn body(&self, mut response: Response<Body>) -> Result<Vec<u8>, String> {
        let mut body = Vec::new();
        let limit = packed::LARGEST as u64 + 1;
        let mut reader = response.body_mut().as_reader().take(limit);
        reader.read_to_end(&mut body).map_err(|error| self.failed(error))?;
        if body.len() > packed::LARGEST {
            return Err(self.failed("its answer is too large"));
        }
        if response.status().is_success() {
            return Ok(body);
        }
        Err(match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(error) => self.failed(format_args!("{}: {}", error.code, error.message)),
            Err(_) => self.failed(format_args!(
                "it answered with status {}; is that a Linkway server?",
                response.status().as_u16()
            )),
        })
    }

    /// Makes `base` the configuration that is held.
    fn hold(&mut self, held: Option<&StoredConfig>) {
        let Some(held) = held else {
            self.base = None;
            return;
        };
        // The very same bytes need not be compared.
        let is_of = |base: &ConfigText| base.text().as_ptr() == held.text.as_ptr();
        if !self.base.as_ref().is_some_and(is_of) {
            self.base = ConfigText::parse(held.text.clone()).ok();
        }
    }
}

impl Server for Client {
    fn config(
        &mut self,
        held: Option<&StoredConfig>,
        wait: Duration,
    ) -> Result<FeedResponse, String> {
        // A migrated one is asked for as if there was none: it lacks what its format lacked, and the server does not know it.
        let held = held.filter(|held| !held.migrated);
        self.hold(held);
        let base = self.base.as_ref().filter(|_| !self.baseless);
        let version = held.map(|held| held.config.version()).unwrap_or_default();
        let request = GetEdgeConfig {
            format: FORMAT,
            after_epoch: version.epoch,
            after_generation: version.generation,
            wait_seconds: wait.as_secs(),
            base: base.map(|base| base.digest().to_owned()),
        };
        let request = serde_json::to_vec(&request).expect("requests hold text and numbers only");
        let response = self
            .caller
            .send(
                LinkwayOperation::GetEdgeConfig,
                &request,
                &[("accept-encoding", packed::ENCODING)],
                wait + ANSWER_WITHIN,
            )
            .map_err(|error| self.failed(error))?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (encoding, named) = (header("content-encoding"), header(packed::BASE_HEADER));
        let body = self.body(response)?;
        let known = base.map(|base| (base.digest(), &base.text()[..]));
        let text = packed::answer(body, encoding.as_deref(), named.as_deref(), known);
        self.baseless = text.is_err();
        let answered = text
            .map_err(|error| self.failed(error))
            .and_then(|text| read_answer(text, base).map_err(|error| self.failed(error)))?;
        let config = answered.config.as_ref().map(|config| StoredConfig {
            config: Arc::clone(config.config()),
            text: config.text().clone(),
            migrated: false,
        });
        self.base = answered.config.or_else(|| self.base.take());
        let (last_sequence, inquiries) = (answered.head.last_sequence, answered.inquiries);
        Ok(FeedResponse { config, last_sequence, inquiries })
    }

    fn report(&mut self, status: &EdgeStatus) -> Result<(), String> {
        let mut body = serde_json::to_vec(status).expect("reports hold text and numbers only");
        let mut headers: &[(&str, &str)] = &[];
        if body.len() > WORTH_PACKING {
            body = packed::encode(&body, None);
            headers = &[("content-encoding", packed::ENCODING)];
        }
        let response = self
            .caller
            .send(LinkwayOperation::ReportEdgeStatus, &body, headers, ANSWER_WITHIN)
            .map_err(|error| self.failed(error))?;
        self.body(response).map(drop)
    }
}
