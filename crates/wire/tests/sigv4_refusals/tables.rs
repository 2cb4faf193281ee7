//! What was sent, the error type, the text.

use crate::request::*;

fn check(table: &[(Headers, &str, &str)]) {
    for (headers, code, text) in table {
        let error = answer(headers, now()).expect_err(text);
        assert_eq!((error.code_name(), error.to_string().as_str()), (*code, *text));
    }
}

#[test]
fn the_untouched_request_is_accepted() {
    assert_eq!(answer(&signed(), now()), Ok(()));
    for service in ["directconnect", "directlink", "linkway"] {
        assert_eq!(answer(&signed_with(&[], service, now()), now()), Ok(()));
    }
    for (from, to) in [(", ", ","), (", ", " ,   "), ("SHA256 ", "SHA256    ")] {
        assert_eq!(answer(&replaced(from, to), now()), Ok(()), "{from:?} {to:?}");
    }
    let authorization = signed().pop().unwrap().1;
    let parameters = authorization.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let reversed: Vec<_> = parameters.rsplit(", ").collect();
    let reversed = format!("AWS4-HMAC-SHA256 {}", reversed.join(","));
    assert_eq!(answer(&set(signed(), "authorization", &reversed), now()), Ok(()));
}

#[test]
fn missing_or_malformed_authorization() {
    let list = "Authorization header must list 'name=value' parameters between commas; parameter";
    check(&[
        (
            without(signed(), "authorization"),
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (
            set(signed(), "authorization", "  "),
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ),
        (
            with(signed(), "Authorization", "AWS4-HMAC-SHA256 a=b"),
            INCOMPLETE,
            "Header 'authorization' was sent more than once; it must be sent exactly once.",
        ),
        (
            set(signed(), "authorization", &"A".repeat(4097)),
            INCOMPLETE,
            "Authorization header is 4097 bytes long; at most 4096 are accepted.",
        ),
        (
            replaced("Credential", "Cr\u{e9}dential"),
            INCOMPLETE,
            "Authorization header has characters outside printable ASCII.",
        ),
        (
            replaced(", ", ",\t"),
            INCOMPLETE,
            "Authorization header has characters outside printable ASCII.",
        ),
        (
            set(signed(), "authorization", "Bearer c2VjcmV0"),
            INCOMPLETE,
            "Authorization header has the algorithm 'Bearer'; \
             only 'AWS4-HMAC-SHA256' is supported.",
        ),
        (
            replaced("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
            INCOMPLETE,
            "Authorization header has the algorithm 'AWS4-ECDSA-P256-SHA256'; \
             only 'AWS4-HMAC-SHA256' is supported.",
        ),
        (
            replaced("AWS4-HMAC-SHA256", "aws4-hmac-sha256"),
            INCOMPLETE,
            "Authorization header has the algorithm 'aws4-hmac-sha256'; \
             only 'AWS4-HMAC-SHA256' is supported.",
        ),
        (
            set(signed(), "authorization", "c2VjcmV0"),
            INCOMPLETE,
            "Authorization header must begin with the algorithm 'AWS4-HMAC-SHA256' and a space.",
        ),
        (
            set(signed(), "authorization", "AWS4-HMAC-SHA256"),
            INCOMPLETE,
            "Authorization header requires 'Credential' parameter. \
             Authorization header requires 'SignedHeaders' parameter. \
             Authorization header requires 'Signature' parameter.",
        ),
        (replaced(", SignedHeaders", ", "), INCOMPLETE, UNKNOWN_EMPTY),
        (
            replaced("SignedHeaders=host;x-amz-date;x-amz-target, ", ""),
            INCOMPLETE,
            "Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            replaced("host;x-amz-date;x-amz-target", ""),
            INCOMPLETE,
            "Authorization header requires 'SignedHeaders' parameter.",
        ),
        (replaced("Credential=", ""), INCOMPLETE, &format!("{list} 1 is not of that form.")),
        (replaced(", Sig", ", , Sig"), INCOMPLETE, &format!("{list} 2 is not of that form.")),
        (
            replaced("Credential", "credential"),
            INCOMPLETE,
            "Authorization header has an unknown parameter 'credential'; \
             only 'Credential', 'SignedHeaders' and 'Signature' are allowed.",
        ),
        (
            replaced("SignedHeaders", "Signature=0, SignedHeaders"),
            INCOMPLETE,
            "Authorization header has more than one 'Signature' parameter.",
        ),
    ]);
}

const UNKNOWN_EMPTY: &str = "Authorization header has an unknown parameter ''; \
     only 'Credential', 'SignedHeaders' and 'Signature' are allowed.";

#[test]
fn malformed_parameters() {
    let credential = "'Credential' in the Authorization header must be \
        'ACCESSKEYID/YYYYMMDD/REGION/SERVICE/aws4_request'; it has";
    let access_key_id = "'Credential' in the Authorization header must begin with an access key \
        id of 1 to 128 letters, digits and underscores; it has";
    let signed_headers = "'SignedHeaders' in the Authorization header must";
    let signature = "'Signature' in the Authorization header must be 64 lowercase hexadecimal \
        digits; it has";
    let others = "characters or others than these.";
    let digits = signed().pop().unwrap().1.split_once("Signature=").unwrap().1.to_owned();
    check(&[
        (replaced("/aws4_request", ""), INCOMPLETE, &format!("{credential} 4 parts instead of 5.")),
        (
            replaced("AKIAIOSFODNN7EXAMPLE", CREDENTIALS.secret_access_key),
            INCOMPLETE,
            &format!("{credential} 7 parts instead of 5."),
        ),
        (
            replaced("AKIAIOSFODNN7EXAMPLE", "AKIA+IOSFODNN7EXAMPLE"),
            INCOMPLETE,
            &format!("{access_key_id} 21 {others}"),
        ),
        (replaced("AKIAIOSFODNN7EXAMPLE", ""), INCOMPLETE, &format!("{access_key_id} 0 {others}")),
        (
            replaced("AKIAIOSFODNN7EXAMPLE", &"A".repeat(129)),
            INCOMPLETE,
            &format!("{access_key_id} 129 {others}"),
        ),
        (
            replaced("host;", "Host;"),
            INCOMPLETE,
            &format!(
                "{signed_headers} list lowercase header names between semicolons; 'Host' is not one."
            ),
        ),
        (
            replaced("host;", "host;;"),
            INCOMPLETE,
            &format!(
                "{signed_headers} list lowercase header names between semicolons; '' is not one."
            ),
        ),
        (
            replaced("host;x-amz-date", "x-amz-date;host"),
            INCOMPLETE,
            &format!("{signed_headers} be sorted, each name once; 'host' follows 'x-amz-date'."),
        ),
        (
            replaced("host;", "host;host;"),
            INCOMPLETE,
            &format!("{signed_headers} be sorted, each name once; 'host' follows 'host'."),
        ),
        (replaced(&digits, &digits[1..]), INCOMPLETE, &format!("{signature} 63 {others}")),
        (
            replaced(&digits, &format!("{digits}00")),
            INCOMPLETE,
            &format!("{signature} 66 {others}"),
        ),
        (replaced(&digits, &"A".repeat(64)), INCOMPLETE, &format!("{signature} 64 {others}")),
        (replaced(&digits, &"g".repeat(64)), INCOMPLETE, &format!("{signature} 64 {others}")),
    ]);
}

#[test]
fn missing_or_malformed_date_and_session_tokens() {
    check(&[
        (
            without(signed(), "x-amz-date"),
            INCOMPLETE,
            "Authorization header requires either an 'x-amz-date' or a 'date' header.",
        ),
        (
            with(signed(), "X-Amz-Date", "20261123T220633Z"),
            INCOMPLETE,
            "Header 'x-amz-date' was sent more than once; it must be sent exactly once.",
        ),
        (
            set(signed(), "x-amz-date", "2026-11-23T22:06:33Z"),
            INCOMPLETE,
            "Header 'x-amz-date' must be of the form YYYYMMDDTHHMMSSZ; \
             it is '2026-11-23T22:06:33Z'.",
        ),
        (
            with(without(signed(), "x-amz-date"), "date", "today\n"),
            INCOMPLETE,
            "Header 'date' must be a date of RFC 1123 or of the form YYYYMMDDTHHMMSSZ; \
             it is 'today\\n'.",
        ),
        (
            set(signed(), "x-amz-date", &"2".repeat(70)),
            INCOMPLETE,
            &format!(
                "Header 'x-amz-date' must be of the form YYYYMMDDTHHMMSSZ; it is '{}…'.",
                "2".repeat(64)
            ),
        ),
        (
            signed_with(&[("x-amz-security-token", "token")], "directconnect", now()),
            UNRECOGNIZED,
            "The security token included in the request is invalid.",
        ),
    ]);
}

#[test]
fn wrong_scope() {
    check(&[
        (
            replaced("aws4_request", "aws3_request"),
            INVALID,
            "Credential should be scoped with a valid terminator: 'aws4_request', \
             not 'aws3_request'.",
        ),
        (
            replaced("eu-west-2", "us-east-1"),
            INVALID,
            "Credential should be scoped to a valid region, not 'us-east-1'; \
             expected 'eu-west-2'.",
        ),
        (
            signed_with(&[], "s3", now()),
            INVALID,
            "Credential should be scoped to a correct service, not 's3'; \
             expected 'directconnect' or 'directlink' or 'linkway'.",
        ),
        (
            replaced("20261123", "20261122"),
            INVALID,
            "Credential should be scoped to the day of the request, not '20261122'; \
             'x-amz-date' says '20261123T220633Z'.",
        ),
        (
            replaced("20261123", ""),
            INVALID,
            "Credential should be scoped to the day of the request, not ''; \
             'x-amz-date' says '20261123T220633Z'.",
        ),
    ]);
}

#[test]
fn headers_that_are_not_signed_or_not_there() {
    check(&[
        (
            replaced("host;", ""),
            INVALID,
            "'host' must be one of the 'SignedHeaders' in the Authorization header.",
        ),
        (
            replaced("x-amz-date;", ""),
            INVALID,
            "'x-amz-date' must be one of the 'SignedHeaders' in the Authorization header.",
        ),
        (
            replaced(";x-amz-target", ""),
            INVALID,
            "'x-amz-target' must be one of the 'SignedHeaders' in the Authorization header.",
        ),
        (
            with(without(signed(), "x-amz-date"), "date", "Mon, 23 Nov 2026 22:06:33 GMT"),
            INVALID,
            "'date' must be one of the 'SignedHeaders' in the Authorization header.",
        ),
        (
            without(signed(), "x-amz-target"),
            INVALID,
            "'x-amz-target' is one of the 'SignedHeaders' but the request has no such header.",
        ),
    ]);
}

#[test]
fn tampered_requests_and_payloads() {
    let mismatch = |signed_headers: &str| {
        format!(
            "The request signature we calculated does not match the signature you provided. \
             Check the secret access key of 'AKIAIOSFODNN7EXAMPLE', and that method, path, query, \
             body and the signed headers '{signed_headers}' arrive as they were signed."
        )
    };
    let with_hash = |hash| signed_with(&[("x-amz-content-sha256", hash)], "directlink", now());
    assert_eq!(answer(&with_hash(BODY_SHA256), now()), Ok(()));
    let upper = BODY_SHA256.to_uppercase();
    let digits = "Header 'x-amz-content-sha256' must be the SHA-256 of the body in lowercase \
        hexadecimal digits;";
    let unsigned = "Header 'x-amz-content-sha256' must be the SHA-256 of the body, not";
    check(&[
        (
            set(signed(), "x-amz-target", "OvertureService.DeleteConnection"),
            INVALID,
            &mismatch("host;x-amz-date;x-amz-target"),
        ),
        (
            set(signed(), "host", "127.0.0.2:8580"),
            INVALID,
            &mismatch("host;x-amz-date;x-amz-target"),
        ),
        (
            set(signed(), "x-amz-date", "20261123T220634Z"),
            INVALID,
            &mismatch("host;x-amz-date;x-amz-target"),
        ),
        (
            replaced("/directconnect/", "/directlink/"),
            INVALID,
            &mismatch("host;x-amz-date;x-amz-target"),
        ),
        (
            with(signed(), "X-Amz-Target", "OvertureService.DeleteConnection"),
            INCOMPLETE,
            "Header 'x-amz-target' was sent more than once; it must be sent exactly once.",
        ),
        (
            with_hash("UNSIGNED-PAYLOAD"),
            INVALID,
            &format!("{unsigned} 'UNSIGNED-PAYLOAD': the body must be signed."),
        ),
        (
            with_hash("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            INVALID,
            &format!("{unsigned} 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': the body must be signed."),
        ),
        (
            with_hash("abc"),
            INVALID,
            &format!("{digits} 'abc' is not that of the 2 bytes received."),
        ),
        (
            with_hash(&upper),
            INVALID,
            &format!("{digits} '{upper}' is not that of the 2 bytes received."),
        ),
    ]);
    let tampered = claim(&with_hash(BODY_SHA256), now(), b"{\"x\":1}").unwrap_err();
    assert_eq!(
        tampered.to_string(),
        format!("{digits} '{BODY_SHA256}' is not that of the 7 bytes received.")
    );
}
