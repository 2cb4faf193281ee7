//! What real clients sent, byte for byte: each must be accepted.
//!
//! Recorded on 2026-11-23 from `DescribeLocations` with the example credentials of the AWS
//! documentation. Host names are those of the recorder.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use jiff::Timestamp;
use linkway_wire::sigv4::{HeaderList, Policy, RequestParts, SigningKey, parse, verify};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

struct Captured {
    client: &'static str,
    now: &'static str,
    headers: &'static [(&'static str, &'static str)],
    service: &'static str,
    signed: &'static [&'static str],
}

const CAPTURED: [Captured; 4] = [
    Captured {
        client: "aws-cli 1.46.3",
        now: "2026-11-23T22:06:32Z",
        headers: &[
            ("Host", "127.0.0.1:8599"),
            ("Accept-Encoding", "identity"),
            ("X-Amz-Target", "OvertureService.DescribeLocations"),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("X-Amz-Date", "20261123T220632Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-west-2/directconnect/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                 Signature=b76f38e94af3533eee689f9bc894d53d5ccf8bdbd2ae96172c410ab059eb7f52",
            ),
            ("amz-sdk-invocation-id", "f9559146-5479-433b-a62f-aab9a65a1eea"),
            ("amz-sdk-request", "attempt=1"),
            ("Content-Length", "2"),
        ],
        service: "directconnect",
        signed: &["content-type", "host", "x-amz-date", "x-amz-target"],
    },
    Captured {
        client: "osc-cli 1.11.0",
        now: "2026-11-23T22:07:11Z",
        headers: &[
            ("Host", "127.0.0.1:8599"),
            ("User-agent", "osc-cli/1.11.0 osc_sdk/1.11.0"),
            ("Accept-Encoding", "gzip, deflate"),
            ("Accept", "*/*"),
            ("Connection", "keep-alive"),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-date", "20261123T220711Z"),
            ("x-amz-target", "OvertureService.DescribeLocations"),
            ("Content-Length", "2"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-west-2/directlink/aws4_request, \
                 SignedHeaders=host;x-amz-date;x-amz-target, \
                 Signature=0cc89961746556a5216d411f60a89c1cb738a932a825c4040dac2060ff364286",
            ),
        ],
        service: "directlink",
        signed: &["host", "x-amz-date", "x-amz-target"],
    },
    Captured {
        client: "aws-sdk-js 3.1048.0",
        now: "2026-11-23T22:06:33Z",
        headers: &[
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", "OvertureService.DescribeLocations"),
            ("content-length", "2"),
            ("x-amz-user-agent", "aws-sdk-js/3.1048.0"),
            ("host", "127.0.0.1:8599"),
            ("amz-sdk-invocation-id", "69dc86bb-507f-4461-8c3f-45a1c5002d1f"),
            ("amz-sdk-request", "attempt=1; max=3"),
            ("x-amz-date", "20261123T220633Z"),
            (
                "x-amz-content-sha256",
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            ),
            (
                "authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-west-2/directconnect/aws4_request, \
                 SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;\
                 host;x-amz-content-sha256;x-amz-date;x-amz-target;x-amz-user-agent, \
                 Signature=dc98b0553df7a6d42aa7f1796a2abaf8063cc0290a96f1a1702947f9339aa6f7",
            ),
            ("Connection", "keep-alive"),
        ],
        service: "directconnect",
        signed: &[
            "amz-sdk-invocation-id",
            "amz-sdk-request",
            "content-length",
            "content-type",
            "host",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-target",
            "x-amz-user-agent",
        ],
    },
    Captured {
        client: "curl 7.88.1",
        now: "2026-11-23T22:06:33Z",
        headers: &[
            ("Host", "127.0.0.1:8599"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 \
                 Credential=AKIAIOSFODNN7EXAMPLE/20261123/eu-west-2/directlink/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                 Signature=212bf7b8f0d96e8cf61fb8e7b2d0be3bb19f240e26615066ee90d63a9e3b60ff",
            ),
            ("X-Amz-Date", "20261123T220633Z"),
            ("User-Agent", "curl/7.88.1"),
            ("Accept", "*/*"),
            ("X-Amz-Target", "OvertureService.DescribeLocations"),
            ("Content-Type", "application/x-amz-json-1.1"),
            ("Content-Length", "2"),
        ],
        service: "directlink",
        signed: &["content-type", "host", "x-amz-date", "x-amz-target"],
    },
];

fn check(captured: &Captured, body: &[u8]) -> Result<(), String> {
    let parts = RequestParts {
        method: "POST",
        path: "/",
        query: None,
        headers: &HeaderList(captured.headers),
        body,
    };
    let now: Timestamp = captured.now.parse().unwrap();
    let claim = parse(&parts, now, &Policy::new("eu-west-2"))
        .map_err(|error| format!("{}: {error}", error.code_name()))?;
    assert_eq!(claim.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
    assert_eq!(claim.scope().service, captured.service);
    assert!(captured.signed.iter().all(|name| claim.signs(name)), "{claim:?}");
    verify(&claim, &SigningKey::derive(SECRET, claim.scope()))
        .map_err(|error| format!("{}: {error}", error.code_name()))
}

#[test]
fn captured_requests_are_accepted_and_only_with_their_body() {
    for captured in &CAPTURED {
        assert_eq!(check(captured, b"{}"), Ok(()), "{}", captured.client);
        assert!(check(captured, b"{ }").is_err(), "{}", captured.client);
    }
}
