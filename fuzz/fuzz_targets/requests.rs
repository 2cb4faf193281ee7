//! Every request type of the model: what decodes and validates encodes again to the same request; what does not gives a
//! bounded error that never holds a secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linkway_wire::generated::*;
use linkway_wire::operation::Call;
use linkway_wire::{for_each_call, json};

const SECRET: &str = "sup3rs3cr3tkey";

fn check<R: Call + PartialEq + std::fmt::Debug>(body: &[u8]) {
    let error = match json::decode::<R>(body) {
        Ok(request) => {
            let again: R = json::decode(&json::encode(&request)).expect("what we encode decodes");
            assert_eq!(request, again);
            let shown = format!("{request:?}");
            assert!(!secret_member(body) || !shown.contains(SECRET), "{shown}");
            match request.validate() {
                Ok(()) => return,
                Err(violation) => violation.to_string(),
            }
        }
        Err(error) => error.to_string(),
    };
    assert!(error.len() < 4096, "{error}");
    assert!(!secret_member(body) || !error.contains(SECRET), "{error}");
}

/// Whether the body holds the marked secret, and only as the value of `authKey`.
fn secret_member(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let member = format!("\"authKey\":\"{SECRET}\"");
    text.contains(&member) && text.matches(SECRET).count() == text.matches(&member).count()
}

fuzz_target!(|data: &[u8]| {
    let Some((which, body)) = data.split_first() else { return };
    let mut index = 0u8;
    macro_rules! one {
        ($operation:ident, $input:ident, $output:ident) => {
            if *which == index {
                check::<$input>(body);
            }
            index = index.wrapping_add(1);
        };
    }
    for_each_call!(one);
    let _ = index;
});
