//! The client's side: what `linkway admin` and `linkway edge` add to a request.

use std::fmt;

use hmac::Mac;
use jiff::Timestamp;

use super::{
    ALGORITHM, Digest, HeaderList, RequestTime, Scope, SigningKey,
    authorization::is_lowercase_token,
    canonical::{Canonical, HexDigest},
};

/// An access key with its secret.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The public half, sent with each request.
    pub access_key_id: &'a str,
    /// The secret half, never sent and never shown.
    pub secret_access_key: &'a str,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// A request that is about to be sent.
#[derive(Debug, Clone, Copy)]
pub struct SignRequest<'a> {
    /// The method, `POST`.
    pub method: &'a str,
    /// The path as it will be sent.
    pub path: &'a str,
    /// The query as it will be sent, without the `?`.
    pub query: Option<&'a str>,
    /// The header fields to sign: `host`, and whatever else arrives as it was sent.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
}

/// Why a request cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// `host` has to be signed.
    #[error("a signed request needs a 'host' header")]
    MissingHost,
    /// A name that is no header name, or of a header that signing itself adds.
    #[error("header '{name}' cannot be signed")]
    NotSignable {
        /// The header.
        name: String,
    },
}

/// Signs a request: the two headers to add to it, `x-amz-date` and `authorization`, in this order.
///
/// # Errors
///
/// [`SignError`] when a header cannot be signed or `host` is not among them.
pub fn sign(
    request: &SignRequest<'_>,
    credentials: Credentials<'_>,
    region: &str,
    service: &str,
    now: Timestamp,
) -> Result<[(&'static str, String); 2], SignError> {
    let time = RequestTime::of(now);
    let mut headers = request.headers.to_vec();
    headers.push(("x-amz-date", time.as_str()));
    let signed_headers = signed_headers(request.headers)?;
    let canonical = Canonical {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: &HeaderList(&headers),
        signed_headers: &signed_headers,
        payload: &HexDigest::of_payload(request.body),
    };
    let scope = Scope { day: time.day(), region, service };
    let key = SigningKey::derive(credentials.secret_access_key, scope);
    let scope = scope.to_string();
    let signature: Digest =
        key.mac(&time, &scope, &canonical.hash()).finalize().into_bytes().into();
    let authorization = format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed_headers}, Signature={}",
        credentials.access_key_id,
        HexDigest::of(&signature).as_str(),
    );
    Ok([("x-amz-date", time.as_str().to_owned()), ("authorization", authorization)])
}

fn signed_headers(headers: &[(&str, &str)]) -> Result<String, SignError> {
    let mut names: Vec<String> =
        headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    let is_signable = |name: &&String| {
        let is_added = matches!(name.as_str(), "authorization" | "x-amz-date");
        !is_added && !name.is_empty() && name.bytes().all(is_lowercase_token)
    };
    if let Some(name) = names.iter().find(|name| !is_signable(name)) {
        return Err(SignError::NotSignable { name: name.clone() });
    }
    if !names.iter().any(|name| name == "host") {
        return Err(SignError::MissingHost);
    }
    names.push("x-amz-date".to_owned());
    names.sort_unstable();
    names.dedup();
    Ok(names.join(";"))
}
