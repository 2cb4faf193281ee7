//! The clock, unknown keys, secrets, our own signer's limits, and arbitrary bytes.

use jiff::{SignedDuration, Timestamp};
use linkway_wire::sigv4::{
    HeaderList, Policy, RequestParts, SignError, SignRequest, SigningKey, parse, sign, verify,
    verify_unknown,
};
use proptest::prelude::*;

use crate::request::*;

#[test]
fn an_unknown_key_is_refused_whatever_it_signed_with() {
    let claim = claim(&signed(), now(), BODY).unwrap();
    let error = verify_unknown(&claim);
    assert_eq!(error.code_name(), UNRECOGNIZED);
    assert_eq!(error.to_string(), "The security token included in the request is invalid.");
}

#[test]
fn clock_skew_of_exactly_five_minutes_is_accepted() {
    let nanosecond = SignedDuration::from_nanos(1);
    let bound = SignedDuration::from_secs(300);
    let table = [
        (bound, None),
        (-bound, None),
        (
            bound + nanosecond,
            Some(
                "Signature expired: 20261123T220633Z is now earlier than 20261123T220634Z \
                 (20261123T221134Z - 5 min.)",
            ),
        ),
        (
            bound + SignedDuration::from_secs(1),
            Some(
                "Signature expired: 20261123T220633Z is now earlier than 20261123T220634Z \
                 (20261123T221134Z - 5 min.)",
            ),
        ),
        (
            -bound - nanosecond,
            Some(
                "Signature not yet current: 20261123T220633Z is still later than \
                 20261123T220632Z (20261123T220132Z + 5 min.)",
            ),
        ),
    ];
    for (elapsed, text) in table {
        let result = answer(&signed(), now() + elapsed);
        let refused = result.err().map(|error| (error.code_name(), error.to_string()));
        assert_eq!(refused, text.map(|text| (INVALID, text.to_owned())), "{elapsed}");
    }
    for server in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(answer(&signed(), server).map_err(|error| error.code_name()), Err(INVALID));
    }
}

#[test]
fn own_signer_refuses_what_it_cannot_sign() {
    let host = ("Host", "a");
    let not_signable = |name: &str| Err(SignError::NotSignable { name: name.to_owned() });
    let table: [(&[(&str, &str)], _); 5] = [
        (&[("x-amz-target", "a.b")], Err(SignError::MissingHost)),
        (&[host, ("Authorization", "x")], not_signable("authorization")),
        (&[host, ("X-Amz-Date", "x")], not_signable("x-amz-date")),
        (&[host, ("a b", "x")], not_signable("a b")),
        (&[host, ("", "x")], not_signable("")),
    ];
    for (headers, expected) in table {
        let request = SignRequest { method: "POST", path: "/", query: None, headers, body: BODY };
        let outcome = sign(&request, CREDENTIALS, "eu-west-2", "linkway", now());
        assert_eq!(outcome.map(|_| ()), expected, "{headers:?}");
    }
}

#[test]
fn secrets_and_signatures_are_never_shown() {
    let claim = claim(&signed(), now(), BODY).unwrap();
    let key = SigningKey::derive(CREDENTIALS.secret_access_key, claim.scope());
    let shown = format!("{claim:?} {key:?} {CREDENTIALS:?}");
    let signature = signed().pop().unwrap().1.split_once("Signature=").unwrap().1.to_owned();
    assert!(shown.contains("AKIAIOSFODNN7EXAMPLE/20261123/eu-west-2/directconnect/aws4_request"));
    assert!(!shown.contains(&signature) && !shown.contains(CREDENTIALS.secret_access_key));
}

/// Pieces that bring random headers past the first checks.
fn authorization() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"AWS4-HMAC-SHA256 ".to_vec()),
        Just(b"Credential=AKIA/20261123/eu-west-2/directconnect/aws4_request".to_vec()),
        Just(b"SignedHeaders=host;x-amz-date".to_vec()),
        Just([b"Signature=".as_slice(), &[b'0'; 64]].concat()),
        Just(b", ".to_vec()),
        "[ -~]{0,12}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..12),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn any_bytes_give_an_error_of_bounded_length(
        authorization in authorization(),
        date in prop_oneof![
            Just(b"20261123T220633Z".to_vec()),
            prop::collection::vec(any::<u8>(), 0..80),
        ],
        date_name in "(x-amz-date|date)",
        host in prop::collection::vec(any::<u8>(), 0..80),
        path in "\\PC{0,40}",
        query in prop::option::of("\\PC{0,40}"),
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let headers = [
            ("authorization", authorization),
            (if date_name == "date" { "date" } else { "x-amz-date" }, date),
            ("host", host),
        ];
        let headers = &HeaderList(&headers);
        let (path, query) = (path.as_str(), query.as_deref());
        let parts = RequestParts { method: "POST", path, query, headers, body: &body };
        let error = match parse(&parts, now(), &Policy::new("eu-west-2")) {
            Ok(claim) => verify(&claim, &SigningKey::derive("secret", claim.scope())).unwrap_err(),
            Err(error) => error,
        };
        let codes = [INCOMPLETE, INVALID, "MissingAuthenticationTokenException"];
        prop_assert!(codes.contains(&error.code_name()), "{error:?}");
        let text = error.to_string();
        prop_assert!(text.len() < 1024 && !text.contains(char::is_control), "{text}");
        prop_assert!(!text.contains(&"0".repeat(64)), "{text}");
    }
}
