//! The signature's headers: whatever bytes they hold, the answer is a claim or an error, and an error's text is printable
//! and bounded.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use linkway_wire::sigv4::{HeaderList, Policy, RequestParts, Scope, SigningKey, parse, verify};

fuzz_target!(|data: &[u8]| {
    // Three headers and a body, with a byte that no header value may hold between them.
    let mut parts = data.splitn(4, |byte| *byte == b'\n');
    let mut next = || parts.next().unwrap_or_default();
    let (authorization, date, target, body) = (next(), next(), next(), next());
    let headers = [
        ("host", &b"127.0.0.1:8580"[..]),
        ("authorization", authorization),
        ("x-amz-date", date),
        ("x-amz-target", target),
    ];
    let request =
        RequestParts { method: "POST", path: "/", query: None, headers: &HeaderList(&headers), body };
    let now = Timestamp::from_second(1_787_000_000).expect("in range");
    match parse(&request, now, &Policy::new("eu-west-2")) {
        Ok(claim) => {
            let key = SigningKey::derive("not the secret", Scope { ..claim.scope() });
            assert!(verify(&claim, &key).is_err(), "nobody knows this key's signatures");
        }
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 2048 && !text.contains(char::is_control), "{text:?}");
            assert!(error.code_name().ends_with("Exception"));
        }
    }
});
