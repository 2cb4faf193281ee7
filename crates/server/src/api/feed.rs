//! The two operations of the edge feed. An edge's key is good for that edge's feed and nothing else.

use std::time::Duration;

use http::{HeaderName, HeaderValue, header};
use linkway_domain::Fault;
use linkway_domain::access_key::Principal;
use linkway_domain::edge::ConfigVersion;
use linkway_domain::id::EdgeId;
use linkway_wire::error::{Code, WireError};
use linkway_wire::feed::packed::{self, BASE_HEADER, ENCODING, LARGEST_REPORT};
use linkway_wire::feed::{
    AnswerHead, FORMAT, FormatMismatch, GetEdgeConfig, LONGEST_WAIT, ReportAnswer,
    ReportEdgeStatus, answer,
};

use super::{Answered, Api, Call, failure, internal};
use crate::http::{Response, respond};

/// How the bodies of a call are encoded, as its headers say. They are not signed and need not be: a body that is not what
/// they say is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Encodings {
    /// Whether the answer may be compressed.
    answer: bool,
    /// What the request is encoded with.
    request: Encoding,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Encoding {
    #[default]
    Plain,
    Zstd,
    Other,
}

impl Encodings {
    pub(super) fn of(headers: &http::HeaderMap) -> Self {
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let accepts = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(text);
        let request = match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Encoding::Plain,
            Some(name) if name == ENCODING.as_bytes() => Encoding::Zstd,
            Some(_) => Encoding::Other,
        };
        Self { answer: accepts.into_iter().any(|value| packed::accepts(&value)), request }
    }
}

impl Api {
    pub(super) async fn get_edge_config(&self, call: &Call) -> Answered<Response> {
        let edge = edge_of(call)?;
        let request: GetEdgeConfig = call.protocol.decode(&call.body)?;
        same_format(request.format)?;
        self.record_feed_read(call).await;
        let limit = Duration::from_secs(request.wait_seconds.min(LONGEST_WAIT));
        let known = request.after();
        let version = tokio::select! {
            version = self.feed.wait(edge, known, limit) => version?,
            () = self.closing.cancelled() => known,
        };
        let last_sequence = self.feed.last_sequence(edge, Some(&call.caller.access_key_id)).await?;
        let head = |version: ConfigVersion| AnswerHead {
            format: FORMAT,
            epoch: version.epoch,
            generation: version.generation,
            last_sequence,
        };
        let inquiries = self.feed.inquiries(edge);
        if version == known {
            return Ok(respond::success(answer(head(version), &inquiries, None)));
        }
        let base = request.base.as_deref().filter(|_| call.encodings.answer);
        let (text, base) = self.feed.text(edge, base).await?;
        let whole = answer(head(text.version()), &inquiries, Some(&text));
        if !call.encodings.answer {
            return Ok(respond::success(whole));
        }
        let digest = base.as_ref().map(|base| base.digest().to_owned());
        // Some milliseconds for a large router, which the other requests of this thread need not wait for.
        let packed = tokio::task::spawn_blocking(move || {
            packed::encode(&whole, base.as_ref().map(|base| &base.text()[..]))
        });
        let packed = packed.await.map_err(|error| {
            tracing::error!(request_id = failure::request_id(), %error, "a configuration was not packed");
            internal()
        })?;
        let mut response = respond::success(packed);
        let encoding = HeaderValue::from_static(ENCODING);
        response.headers.push((header::CONTENT_ENCODING, encoding));
        if let Some(digest) = digest.and_then(|digest| HeaderValue::try_from(digest).ok()) {
            response.headers.push((HeaderName::from_static(BASE_HEADER), digest));
        }
        Ok(response)
    }

    pub(super) async fn report_edge_status(&self, call: &Call) -> Answered<Response> {
        let edge = edge_of(call)?;
        let refused = |text: String| WireError::new(Code::SerializationException, text);
        let status: ReportEdgeStatus = match call.encodings.request {
            Encoding::Plain => call.protocol.decode(&call.body)?,
            Encoding::Zstd => {
                let unpacked = packed::decode(&call.body, None, LARGEST_REPORT);
                let unpacked = unpacked.map_err(|error| refused(format!("The report: {error}.")));
                call.protocol.decode(&unpacked?)?
            }
            Encoding::Other => {
                let text = "The header content-encoding names an encoding other than zstd.";
                return Err(refused(text.to_owned()));
            }
        };
        same_format(status.format)?;
        self.feed.report(edge, Some(&call.caller.access_key_id), status).await?;
        let ConfigVersion { epoch, generation } = self.feed.version(edge).await?;
        Ok(call.answer(&ReportAnswer { epoch, generation }))
    }
}

/// Refuses an edge whose agent speaks another format of the feed.
fn same_format(agent: u32) -> Result<(), WireError> {
    FormatMismatch::check(agent, FORMAT).map_err(|mismatch| {
        WireError::new(Code::DirectConnectClientException, mismatch.to_string())
    })
}

fn edge_of(call: &Call) -> Result<&EdgeId, WireError> {
    match &call.caller.principal {
        Principal::Edge(id) => Ok(id),
        Principal::Account(_) | Principal::Operator => {
            Err(Fault::denied("This operation is for edges.").into())
        }
    }
}
