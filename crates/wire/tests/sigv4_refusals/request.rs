//! One well signed request, and ways to spoil it.

use jiff::Timestamp;
use linkway_wire::sigv4::{
    Claim, Credentials, HeaderList, Policy, RequestParts, SignRequest, SignatureError, SigningKey,
    parse, sign, verify,
};

pub const NOW: &str = "2026-11-23T22:06:33Z";
pub const BODY: &[u8] = b"{}";
pub const BODY_SHA256: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
pub const CREDENTIALS: Credentials<'_> = Credentials {
    access_key_id: "AKIAIOSFODNN7EXAMPLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
pub const INCOMPLETE: &str = "IncompleteSignatureException";
pub const INVALID: &str = "InvalidSignatureException";
pub const UNRECOGNIZED: &str = "UnrecognizedClientException";

pub type Headers = Vec<(&'static str, String)>;

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A request signed by our own signer, whose equality with the official one is tested elsewhere.
pub fn signed_with(extra: &[(&'static str, &str)], service: &str, at: Timestamp) -> Headers {
    let mut headers =
        vec![("host", "127.0.0.1:8580"), ("x-amz-target", "OvertureService.DescribeLocations")];
    headers.extend(extra);
    let request =
        SignRequest { method: "POST", path: "/", query: None, headers: &headers, body: BODY };
    let added = sign(&request, CREDENTIALS, "eu-west-2", service, at).unwrap();
    let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned()));
    headers.chain(added).collect()
}

pub fn signed() -> Headers {
    signed_with(&[], "directconnect", now())
}

pub fn set(mut headers: Headers, name: &str, value: &str) -> Headers {
    let field = headers.iter_mut().find(|(field, _)| *field == name).unwrap();
    value.clone_into(&mut field.1);
    headers
}

pub fn without(mut headers: Headers, name: &str) -> Headers {
    headers.retain(|(field, _)| *field != name);
    headers
}

pub fn with(mut headers: Headers, name: &'static str, value: &str) -> Headers {
    headers.push((name, value.to_owned()));
    headers
}

/// `signed()` with something else in its `Authorization` header.
pub fn replaced(from: &str, to: &str) -> Headers {
    let mut headers = signed();
    let (_, value) = headers.iter_mut().find(|(name, _)| *name == "authorization").unwrap();
    assert!(value.contains(from), "{value}");
    *value = value.replacen(from, to, 1);
    headers
}

pub fn claim<V: AsRef<[u8]> + Sync>(
    headers: &[(&'static str, V)],
    now: Timestamp,
    body: &[u8],
) -> Result<Claim, SignatureError> {
    let headers = &HeaderList(headers);
    let parts = RequestParts { method: "POST", path: "/", query: None, headers, body };
    parse(&parts, now, &Policy::new("eu-west-2"))
}

pub fn answer(headers: &Headers, now: Timestamp) -> Result<(), SignatureError> {
    let claim = claim(headers, now, BODY)?;
    verify(&claim, &SigningKey::derive(CREDENTIALS.secret_access_key, claim.scope()))
}
