//! The official signer as the oracle: what it signs is accepted, one flipped bit of it is not, and
//! our own signer gives the same.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign as official_sign,
};
use aws_sigv4::sign::v4;
use jiff::Timestamp;
use linkway_wire::sigv4::{
    self, HeaderList, Policy, RequestParts, SignRequest, SignatureError, SigningKey, parse, verify,
    verify_unknown,
};
use proptest::{prelude::*, sample::Index};

/// A request as it travels.
#[derive(Debug, Clone)]
struct Wire {
    method: String,
    path: String,
    query: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// Who signs, for what and when.
#[derive(Debug, Clone)]
struct Signer {
    access_key_id: String,
    secret: String,
    region: String,
    service: String,
    second: u32,
    with_payload_hash: bool,
}

impl Signer {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second.into()).unwrap()
    }

    /// The headers to add, or nothing when the official signer cannot read the request.
    fn sign(&self, wire: &Wire) -> Option<Vec<(String, String)>> {
        let credentials = Credentials::new(&self.access_key_id, &self.secret, None, None, "test");
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        if self.with_payload_hash {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(SystemTime::UNIX_EPOCH + Duration::from_secs(self.second.into()))
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let query = wire.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let uri = format!("https://example.com{}{query}", wire.path);
        let headers: Option<Vec<_>> = wire
            .headers
            .iter()
            .map(|(name, value)| Some((name.as_str(), str::from_utf8(value).ok()?)))
            .collect();
        let body = SignableBody::Bytes(&wire.body);
        let request = SignableRequest::new(&wire.method, uri, headers?.into_iter(), body).ok()?;
        let (instructions, _) = official_sign(request, &params).ok()?.into_parts();
        let added = instructions.headers();
        Some(added.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// What a server does that knows this one access key.
    fn accepts(&self, wire: &Wire) -> Result<(), SignatureError> {
        let parts = RequestParts {
            method: &wire.method,
            path: &wire.path,
            query: wire.query.as_deref(),
            headers: &HeaderList(&wire.headers),
            body: &wire.body,
        };
        let claim = parse(&parts, self.now(), &Policy::new(&self.region))?;
        if claim.access_key_id() != self.access_key_id {
            return Err(verify_unknown(&claim));
        }
        verify(&claim, &SigningKey::derive(&self.secret, claim.scope()))
    }
}

fn signed(wire: &Wire, added: &[(String, String)]) -> Wire {
    let mut wire = wire.clone();
    let added = added.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes()));
    wire.headers.extend(added);
    wire
}

fn signer() -> impl Strategy<Value = Signer> {
    (
        "[A-Z0-9]{16,20}",
        "[A-Za-z0-9+/]{20,70}",
        "(eu-west-2|us-east-1|par1)",
        "(directconnect|directlink|linkway)",
        any::<u32>(),
        any::<bool>(),
    )
        .prop_map(|(access_key_id, secret, region, service, second, with_payload_hash)| {
            Signer { access_key_id, secret, region, service, second, with_payload_hash }
        })
}

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        3 => "[A-Za-z0-9._~!$&'()*+,;=:@%-]{1,8}",
        1 => "(|\\.|\\.\\.|%2F|%2f|%E1%88%B4|\\.\\.\\.)",
    ];
    prop::collection::vec(segment, 1..5).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        4 => "[A-Za-z0-9._~!$'()*,;:@/?-]{1,5}",
        1 => "(%2F|%2f|%20|%26|%3D|%2B|%E1%88%B4|%zz|\\+|=|&|&&)",
    ];
    prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
}

/// Runs of spaces anywhere, tabs inside only: an HTTP parser takes them off the ends.
fn value() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        3 => "[!-~]{1,6}",
        2 => "( |  |   )",
        1 => "(é|ሴ|🦀|a\tb|a \t b)",
    ];
    prop::collection::vec(token, 0..6).prop_map(|tokens| tokens.concat())
}

fn wire() -> impl Strategy<Value = Wire> {
    let name = "(accept|Content-Type|My-Header|my-header|x-amz-meta-a|X-Custom|cookie)";
    let target = prop::option::of("[A-Za-z]{1,16}\\.[A-Za-z]{1,16}");
    (
        "(GET|POST|PUT|DELETE)",
        path(),
        prop::option::of(query()),
        target,
        prop::collection::vec((name, value()), 0..7),
        prop::collection::vec(any::<u8>(), 0..600),
    )
        .prop_map(|(method, path, query, target, extra, body)| {
            let mut headers = vec![("Host".to_owned(), b"example.com:8580".to_vec())];
            headers.extend(target.map(|value| ("X-Amz-Target".to_owned(), value.into_bytes())));
            headers.extend(extra.into_iter().map(|(name, value)| (name, value.into_bytes())));
            Wire { method, path, query, headers, body }
        })
}

fn flip_text(text: &mut String, at: Index, bit: usize) {
    let mut bytes = std::mem::take(text).into_bytes();
    let at = at.index(bytes.len());
    bytes[at] ^= 1 << (bit % 7);
    *text = String::from_utf8(bytes).expect("ASCII stays ASCII with its top bit");
}

/// Flips one bit of what the signature covers, the `Authorization` header included.
fn flipped(mut wire: Wire, part: Index, at: Index, bit: usize) -> Wire {
    let mut candidates = vec![0, 1];
    candidates.extend(wire.query.as_ref().filter(|query| !query.is_empty()).map(|_| 2));
    candidates.extend((!wire.body.is_empty()).then_some(3));
    let values = wire.headers.iter().enumerate().filter(|(_, (_, value))| !value.is_empty());
    candidates.extend(values.map(|(index, _)| 4 + index));
    match candidates[part.index(candidates.len())] {
        0 => flip_text(&mut wire.method, at, bit),
        1 => flip_text(&mut wire.path, at, bit),
        2 => flip_text(wire.query.as_mut().unwrap(), at, bit),
        3 => {
            let at = at.index(wire.body.len());
            wire.body[at] ^= 1 << bit;
        }
        index => {
            let value = &mut wire.headers[index - 4].1;
            let at = at.index(value.len());
            value[at] ^= 1 << bit;
        }
    }
    wire
}

fn plain_signer() -> Signer {
    Signer {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        region: "eu-west-2".to_owned(),
        service: "directconnect".to_owned(),
        second: 1_790_000_000,
        with_payload_hash: false,
    }
}

fn plain_wire(extra: &[(&str, &str)]) -> Wire {
    let own = [("Host", "example.com"), ("X-Amz-Target", "OvertureService.DescribeLocations")];
    let headers = own.iter().chain(extra);
    Wire {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: None,
        headers: headers.map(|(name, value)| ((*name).to_owned(), (*value).into())).collect(),
        body: b"{}".to_vec(),
    }
}

/// All values count, in their order. The one header with the values in a list is the same request
/// (RFC 9110, section 5.2), and has the same signature.
#[test]
fn a_repeated_header_is_signed_as_the_list_of_its_values() {
    let signer = plain_signer();
    let original = plain_wire(&[("My-Header", "b"), ("my-header", " a  a "), ("My-Header", "c")]);
    let added = signer.sign(&original).unwrap();
    let sent = |extra: &[(&str, &str)]| signer.accepts(&signed(&plain_wire(extra), &added));
    assert_eq!(signer.accepts(&signed(&original, &added)), Ok(()));
    assert_eq!(sent(&[("my-header", "b,a a,c")]), Ok(()));
    let others: [&[(&str, &str)]; 4] = [
        &[("my-header", "a a"), ("my-header", "b"), ("my-header", "c")],
        &[("my-header", "b"), ("my-header", "a a")],
        &[("my-header", "b")],
        &[("my-header", "b"), ("my-header", "a a"), ("my-header", "c"), ("my-header", "d")],
    ];
    for other in others {
        assert!(matches!(sent(other), Err(SignatureError::Mismatch { .. })), "{other:?}");
    }
}

/// However well it is signed: which of the two is meant?
#[test]
fn a_header_with_one_meaning_may_not_be_repeated() {
    let target = "OvertureService.DescribeLocations";
    let table = [
        ("x-amz-target", target),
        ("x-amz-target", "OvertureService.DeleteConnection"),
        ("host", "example.com"),
        ("host", "elsewhere.example"),
    ];
    let signer = plain_signer();
    for (name, value) in table {
        let wire = plain_wire(&[(name, value)]);
        let added = signer.sign(&wire).unwrap();
        let expected = Err(SignatureError::RepeatedHeader { name });
        assert_eq!(signer.accepts(&signed(&wire, &added)), expected, "{name}: {value}");
    }
    for name in ["x-amz-date", "authorization", "x-amz-content-sha256"] {
        let signer = Signer { with_payload_hash: true, ..plain_signer() };
        let wire = plain_wire(&[]);
        let mut added = signer.sign(&wire).unwrap();
        let first = added.iter().find(|(added, _)| added == name).unwrap().clone();
        added.push(first);
        let expected = Err(SignatureError::RepeatedHeader { name });
        assert_eq!(signer.accepts(&signed(&wire, &added)), expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn what_the_official_signer_signs_is_accepted(signer in signer(), wire in wire()) {
        let added = signer.sign(&wire).expect("the generated request is legal");
        prop_assert_eq!(signer.accepts(&signed(&wire, &added)), Ok(()));
    }

    #[test]
    fn one_flipped_bit_is_refused(
        signer in signer(),
        wire in wire(),
        part in any::<Index>(),
        at in any::<Index>(),
        bit in 0_usize..8,
    ) {
        // What `..` takes back may change without changing the path that is meant.
        let wire = Wire { path: wire.path.replace("/..", "/a"), ..wire };
        let added = signer.sign(&wire).expect("the generated request is legal");
        let original = signed(&wire, &added);
        let flipped = flipped(original.clone(), part, at, bit);
        // `/a/./b` and `/a///b`, or `%2f` and `%2F`, mean the same and are signed the same.
        let same_meaning = flipped.headers == original.headers
            && signer.sign(&Wire { headers: wire.headers.clone(), ..flipped.clone() })
                == Some(added);
        prop_assume!(!same_meaning);
        prop_assert!(signer.accepts(&flipped).is_err(), "{flipped:?}");
    }

    #[test]
    fn own_signer_equals_the_official_one(signer in signer(), wire in wire()) {
        let signer = Signer { with_payload_hash: false, ..signer };
        let official = signer.sign(&wire).expect("the generated request is legal");
        let headers: Vec<(&str, &str)> = wire
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), str::from_utf8(value).unwrap()))
            .collect();
        let request = SignRequest {
            method: &wire.method,
            path: &wire.path,
            query: wire.query.as_deref(),
            headers: &headers,
            body: &wire.body,
        };
        let credentials = sigv4::Credentials {
            access_key_id: &signer.access_key_id,
            secret_access_key: &signer.secret,
        };
        let own =
            sigv4::sign(&request, credentials, &signer.region, &signer.service, signer.now());
        let own = own.unwrap().map(|(name, value)| (name.to_owned(), value));
        prop_assert_eq!(own.to_vec(), official);
    }
}
