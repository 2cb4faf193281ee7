//! From a request to a claim, and from a claim to an answer.

use std::{fmt, sync::LazyLock};

use hmac::Mac;
use jiff::{SignedDuration, Timestamp};

use super::{
    Digest, RequestParts, RequestTime, Scope, SignatureError, SigningKey, TERMINATOR,
    authorization::{Authorization, Credential, SignedHeaders},
    canonical::{Canonical, HexDigest, trim},
    error::{shown, shown_within},
    request::{Occurrence, find, is_present},
};

/// What a server accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The region that credentials must be scoped to.
    pub region: String,
    /// The services that credentials may be scoped to.
    pub services: Vec<String>,
    /// How far the request's time may be from the server's, either way, the bound included.
    pub max_skew: SignedDuration,
}

impl Policy {
    /// The policy of a Linkway server: `directconnect` is what the AWS CLI and the SDKs sign for,
    /// `directlink` what osc-cli and curl do, `linkway` what the operator's tools and the edges do.
    pub fn new(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            services: ["directconnect", "directlink", "linkway"].map(str::to_owned).to_vec(),
            max_skew: SignedDuration::from_mins(5),
        }
    }

    /// How far a request's date may be from the server's clock.
    pub fn max_skew(&self) -> SignedDuration {
        self.max_skew
    }
}

/// A request that is well signed if the claimed access key's secret gives its signature.
///
/// Holds the hash of all that is signed: nothing of the request is needed any more.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim {
    credential: String,
    signed_headers: String,
    time: RequestTime,
    canonical: Digest,
    signature: Digest,
}

impl Claim {
    /// Who claims to have signed. 1 to 128 letters, digits and underscores.
    pub fn access_key_id(&self) -> &str {
        self.credential().access_key_id
    }

    /// What the signing key has to be derived for.
    pub fn scope(&self) -> Scope<'_> {
        let Credential { day, region, service, .. } = self.credential();
        Scope { day, region, service }
    }

    /// `AKID/YYYYMMDD/region/service/aws4_request`: one text for each signing key there is, so the
    /// key of a cache of signing keys.
    pub fn signing_key_id(&self) -> &str {
        &self.credential
    }

    /// When the request was signed.
    pub fn time(&self) -> RequestTime {
        self.time
    }

    /// The signature itself.
    pub fn signature(&self) -> [u8; 32] {
        self.signature
    }

    /// Whether the signature covers the header called `name` (lowercase).
    pub fn signs(&self, name: &str) -> bool {
        SignedHeaders(&self.signed_headers).contains(name)
    }

    fn credential(&self) -> Credential<'_> {
        Credential::parse(&self.credential).expect("a claim is made from a parsed credential")
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("credential", &self.credential)
            .field("signed_headers", &self.signed_headers)
            .field("time", &self.time.as_str())
            .finish_non_exhaustive()
    }
}

/// Checks all that needs no secret, in this order: the `Authorization` header, the date, session
/// tokens, the credential scope, the clock, the headers that must be signed and the ones that are,
/// the payload's own hash.
///
/// `host` and the header that gives the date must be signed, and `x-amz-target` when it was sent:
/// it names the operation. `content-type` need not be, for osc-cli does not sign it.
///
/// Each of these has one meaning, so it may be sent once only: signed are all values of a repeated
/// header, joined by commas in their order ("Create a canonical request" of the AWS IAM User Guide),
/// and whoever takes one of them for the request's would act on something that was not signed so.
///
/// # Errors
///
/// Any [`SignatureError`] but `UnknownAccessKey` and `Mismatch`.
pub fn parse(
    parts: &RequestParts<'_>,
    now: Timestamp,
    policy: &Policy,
) -> Result<Claim, SignatureError> {
    let (authorization, time) = parse_head(parts, now, policy)?;
    let payload = HexDigest::of_payload(parts.body);
    check_payload(parts, authorization.signed_headers, &payload)?;

    let canonical = Canonical {
        method: parts.method,
        path: parts.path,
        query: parts.query,
        headers: parts.headers,
        signed_headers: authorization.signed_headers.0,
        payload: &payload,
    };
    Ok(Claim {
        credential: authorization.credential.whole.to_owned(),
        signed_headers: authorization.signed_headers.0.to_owned(),
        time,
        canonical: canonical.hash(),
        signature: authorization.signature,
    })
}

/// The access key that a request says to be signed with, from all that [`parse`] checks without the body: a request that is
/// refused here need not be read any further.
///
/// # Errors
///
/// As [`parse`] gives them, but those about the payload.
pub fn claimed_access_key<'a>(
    parts: &RequestParts<'a>,
    now: Timestamp,
    policy: &Policy,
) -> Result<&'a str, SignatureError> {
    parse_head(parts, now, policy).map(|(authorization, _)| authorization.credential.access_key_id)
}

fn parse_head<'a>(
    parts: &RequestParts<'a>,
    now: Timestamp,
    policy: &Policy,
) -> Result<(Authorization<'a>, RequestTime), SignatureError> {
    let authorization = match find(parts.headers, "authorization") {
        Occurrence::Absent => return Err(SignatureError::MissingAuthorization),
        Occurrence::Once(value) if trim(value).is_empty() => {
            return Err(SignatureError::MissingAuthorization);
        }
        Occurrence::Once(value) => Authorization::parse(trim(value))?,
        Occurrence::Repeated => {
            return Err(SignatureError::RepeatedHeader { name: "authorization" });
        }
    };
    let (date_header, time) = request_time(parts)?;
    if is_present(parts.headers, "x-amz-security-token") {
        return Err(SignatureError::SecurityToken);
    }
    check_scope(&authorization.credential, date_header, &time, policy)?;
    check_clock(&time, now, policy.max_skew)?;
    check_signed_headers(parts, authorization.signed_headers, date_header)?;
    Ok((authorization, time))
}

/// Compares the claim's signature, in constant time, with the one that `key` gives. `key` is the
/// key of [`Claim::access_key_id`], derived for [`Claim::scope`].
///
/// # Errors
///
/// [`SignatureError::Mismatch`].
pub fn verify(claim: &Claim, key: &SigningKey) -> Result<(), SignatureError> {
    let credential = claim.credential();
    // `verify_slice` compares in constant time.
    key.mac(&claim.time, credential.scope, &claim.canonical).verify_slice(&claim.signature).map_err(
        |_| SignatureError::Mismatch {
            access_key_id: credential.access_key_id.to_owned(),
            signed_headers: shown_within(claim.signed_headers.as_bytes(), 512),
        },
    )
}

/// Refuses a claim whose access key does not exist, in the time that [`verify`] takes, so that the
/// time of an answer does not tell which access keys exist. Always the same error:
/// [`SignatureError::UnknownAccessKey`], even for whoever signs with the stand-in key.
#[must_use]
pub fn verify_unknown(claim: &Claim) -> SignatureError {
    static STAND_IN: LazyLock<SigningKey> =
        LazyLock::new(|| SigningKey::derive("", Scope { day: "", region: "", service: "" }));
    let outcome = std::hint::black_box(verify(claim, &STAND_IN));
    drop(outcome);
    SignatureError::UnknownAccessKey
}

/// `x-amz-date`, or `date` when the former is absent.
fn request_time(parts: &RequestParts<'_>) -> Result<(&'static str, RequestTime), SignatureError> {
    let name = "x-amz-date";
    match find(parts.headers, name) {
        Occurrence::Once(value) => {
            let time = RequestTime::parse_basic(trim(value));
            let rule = "of the form YYYYMMDDTHHMMSSZ";
            return time.map(|time| (name, time)).ok_or_else(|| malformed(name, rule, value));
        }
        Occurrence::Repeated => return Err(SignatureError::RepeatedHeader { name }),
        Occurrence::Absent => {}
    }
    let name = "date";
    match find(parts.headers, name) {
        Occurrence::Once(value) => {
            let time = RequestTime::parse_date_header(trim(value));
            let rule = "a date of RFC 1123 or of the form YYYYMMDDTHHMMSSZ";
            time.map(|time| (name, time)).ok_or_else(|| malformed(name, rule, value))
        }
        Occurrence::Repeated => Err(SignatureError::RepeatedHeader { name }),
        Occurrence::Absent => Err(SignatureError::MissingDate),
    }
}

fn malformed(header: &'static str, rule: &'static str, value: &[u8]) -> SignatureError {
    SignatureError::MalformedDate { header, rule, found: shown(value) }
}

fn check_scope(
    credential: &Credential<'_>,
    date_header: &'static str,
    time: &RequestTime,
    policy: &Policy,
) -> Result<(), SignatureError> {
    let found = |part: &str| shown(part.as_bytes());
    if credential.terminator != TERMINATOR {
        return Err(SignatureError::WrongTerminator { found: found(credential.terminator) });
    }
    if credential.region != policy.region {
        return Err(SignatureError::WrongRegion {
            found: found(credential.region),
            expected: policy.region.clone(),
        });
    }
    if !policy.services.iter().any(|service| service == credential.service) {
        let expected: Vec<_> = policy.services.iter().map(|name| format!("'{name}'")).collect();
        return Err(SignatureError::WrongService {
            found: found(credential.service),
            expected: expected.join(" or "),
        });
    }
    if credential.day != time.day() {
        return Err(SignatureError::WrongDay {
            found: found(credential.day),
            header: date_header,
            time: *time,
        });
    }
    Ok(())
}

/// The server's time has fractions, the request's has not: the times shown are rounded so that
/// what is said to be earlier also reads as earlier.
fn check_clock(
    time: &RequestTime,
    now: Timestamp,
    max_skew: SignedDuration,
) -> Result<(), SignatureError> {
    let age = now.duration_since(time.timestamp());
    let seconds = max_skew.as_secs();
    let skew =
        || if seconds % 60 == 0 { format!("{} min", seconds / 60) } else { format!("{seconds} s") };
    if age > max_skew {
        let ceiling = shifted(now, SignedDuration::from_nanos(999_999_999));
        return Err(SignatureError::Expired {
            signed: *time,
            earliest: RequestTime::of(shifted(ceiling, -max_skew)),
            now: RequestTime::of(ceiling),
            skew: skew(),
        });
    }
    if age < -max_skew {
        return Err(SignatureError::NotYetCurrent {
            signed: *time,
            latest: RequestTime::of(shifted(now, max_skew)),
            now: RequestTime::of(now),
            skew: skew(),
        });
    }
    Ok(())
}

/// Stays where it is at the ends of representable time, which no clock shows.
fn shifted(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(time)
}

fn check_signed_headers(
    parts: &RequestParts<'_>,
    signed: SignedHeaders<'_>,
    date_header: &'static str,
) -> Result<(), SignatureError> {
    for name in ["host", date_header, "x-amz-target"] {
        let is_required = match find(parts.headers, name) {
            Occurrence::Repeated => return Err(SignatureError::RepeatedHeader { name }),
            Occurrence::Once(_) => true,
            Occurrence::Absent => name != "x-amz-target",
        };
        if is_required && !signed.contains(name) {
            return Err(SignatureError::HeaderNotSigned { name });
        }
    }
    match signed.names().find(|name| !is_present(parts.headers, name)) {
        Some(name) => Err(SignatureError::SignedHeaderMissing { name: shown(name.as_bytes()) }),
        None => Ok(()),
    }
}

/// The canonical request always ends with the hash of the body received; a signed
/// `x-amz-content-sha256` that says otherwise gets an error that says what is wrong.
fn check_payload(
    parts: &RequestParts<'_>,
    signed: SignedHeaders<'_>,
    payload: &HexDigest,
) -> Result<(), SignatureError> {
    let name = "x-amz-content-sha256";
    if !signed.contains(name) {
        return Ok(());
    }
    let value = match find(parts.headers, name) {
        Occurrence::Once(value) => trim(value),
        Occurrence::Absent => return Ok(()),
        Occurrence::Repeated => return Err(SignatureError::RepeatedHeader { name }),
    };
    if value == payload.as_str().as_bytes() {
        return Ok(());
    }
    let found = shown(value);
    if value.starts_with(b"UNSIGNED-") || value.starts_with(b"STREAMING-") {
        return Err(SignatureError::UnsignedPayload { found });
    }
    Err(SignatureError::PayloadMismatch { found, length: parts.body.len() })
}
