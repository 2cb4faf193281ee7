//! The audit trail's one record type: who did what, on what, from where, with which outcome.
//! Records of changes are part of the change's own commit in the store; those of reads and refusals
//! go to the journal.

use serde_json::Value;

pub use linkway_wire::operator::{AuditEvent, Parameters};

/// What stands in place of a secret.
pub const PROTECTED: &str = "[PROTECTED]";

/// Members that hold secrets, or text that contains one, in letters that are compared alone and without
/// regard to case: `auth_key` is as secret as `authKey`, though nothing is called so.
const SECRET_MEMBERS: [&str; 9] = [
    "authkey",
    "cak",
    "ckn",
    "customerrouterconfig",
    "password",
    "secret",
    "secretaccesskey",
    "secretarn",
    "sessiontoken",
];

/// Longest string kept, in characters.
const MAX_TEXT: usize = 256;
/// Deepest nesting kept.
const MAX_DEPTH: usize = 8;
/// Most members of one object, or elements of one list, kept.
const MAX_MEMBERS: usize = 64;
/// Most values kept altogether.
const MAX_VALUES: usize = 512;
/// Stands for what was cut off.
const CUT: &str = "…";

/// A request's body as the audit trail may keep it; `None` if it is not JSON.
#[must_use]
pub fn parameters(body: &[u8]) -> Option<Parameters<'_>> {
    if is_plain(body) {
        return Parameters::from_text(std::str::from_utf8(body).ok()?);
    }
    Parameters::from_value(&masked(&serde_json::from_slice(body).ok()?))
}

/// Whether a body is short and cannot hold a secret: no member is named like one, whatever stands between its letters, and
/// no name hides behind an escape. Says no too often rather than once too seldom. Nearly all reads are plain, and need not
/// be taken apart.
fn is_plain(body: &[u8]) -> bool {
    const TELLING: [&[u8]; 7] =
        [b"key", b"cak", b"ckn", b"config", b"password", b"secret", b"token"];
    if body.len() > MAX_TEXT || body.contains(&b'\\') {
        return false;
    }
    let mut letters = [0; MAX_TEXT];
    let mut length = 0;
    for byte in body.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        letters[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    let letters = &letters[..length];
    !TELLING.iter().any(|word| letters.windows(word.len()).any(|part| part == *word))
}

/// A request's JSON as the audit trail may keep it: secrets replaced by [`PROTECTED`], whatever
/// their type and depth; long strings, long lists and deep nesting cut.
#[must_use]
pub fn masked(value: &Value) -> Value {
    mask(value, MAX_DEPTH, &mut { MAX_VALUES })
}

fn mask(value: &Value, depth: usize, left: &mut usize) -> Value {
    if *left == 0 {
        return Value::from(CUT);
    }
    *left -= 1;
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) if holds_secret(text) => Value::from(PROTECTED),
        Value::String(text) => Value::String(shortened(text)),
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::from(CUT),
        Value::Array(elements) => {
            let kept = elements.iter().take(MAX_MEMBERS).map(|e| mask(e, depth - 1, left));
            let kept = kept.collect::<Vec<_>>();
            let cut = (elements.len() > MAX_MEMBERS).then(|| Value::from(CUT));
            kept.into_iter().chain(cut).collect()
        }
        Value::Object(members) => {
            let mut kept = serde_json::Map::new();
            for (name, value) in members.iter().take(MAX_MEMBERS) {
                let value = if is_secret(name) && !value.is_null() {
                    Value::from(PROTECTED)
                } else {
                    mask(value, depth - 1, left)
                };
                kept.insert(shortened(name), value);
            }
            if members.len() > MAX_MEMBERS {
                kept.insert(CUT.to_owned(), Value::Null);
            }
            Value::Object(kept)
        }
    }
}

fn is_secret(name: &str) -> bool {
    SECRET_MEMBERS.contains(&letters(name).as_str())
}

/// Whether a text looks as if a request's members had been put into it, a secret one among them: an object that was
/// encoded twice, or a command line's `authKey=…`.
fn holds_secret(text: &str) -> bool {
    text.contains(['"', '{', '=']) && {
        let letters = letters(text);
        SECRET_MEMBERS.iter().any(|secret| letters.contains(secret))
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}{CUT}", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_line_of_camel_case() {
        let event = AuditEvent {
            time: linkway_domain::Time::from_millis(1_764_000_000_007),
            request_id: "r".into(),
            principal: "account 123456789000".into(),
            account_id: Some("123456789000".into()),
            access_key_id: None,
            source_address: "192.0.2.1".into(),
            operation: "DescribeConnections".into(),
            resources: vec!["dxcon-1".into()],
            outcome: "ok".into(),
            message: None,
            parameters: Parameters::from_value(&json!({"connectionId": "dxcon-1"})),
        };
        let line = serde_json::to_string(&event).unwrap();
        let expected = concat!(
            r#"{"time":"2025-11-24T16:00:00.007Z","requestId":"r","#,
            r#""principal":"account 123456789000","accountId":"123456789000","#,
            r#""sourceAddress":"192.0.2.1","operation":"DescribeConnections","#,
            r#""resources":["dxcon-1"],"outcome":"ok","#,
            r#""parameters":{"connectionId":"dxcon-1"}}"#,
        );
        assert_eq!(line, expected);
        assert_eq!(serde_json::from_str::<AuditEvent>(&line).unwrap(), event);
    }

    #[test]
    fn secrets_are_masked_and_sizes_bounded() {
        let long = "é".repeat(257);
        let table = [
            (
                json!({"vlan": 101, "authKey": "tgyn26example"}),
                json!({"vlan": 101, "authKey": PROTECTED}),
            ),
            (
                json!({"a": [{"AUTHKEY": {"x": "tgyn26example"}}]}),
                json!({"a": [{"AUTHKEY": PROTECTED}]}),
            ),
            (
                json!({"auth_key": "s", "n": "{\"AuthKey\": \"s\"}", "m": "auth-key=s"}),
                json!({"auth_key": PROTECTED, "n": PROTECTED, "m": PROTECTED}),
            ),
            (json!({"name": "pancakes {x}, secret"}), json!({"name": PROTECTED})),
            (json!({"name": "pancakes, secret"}), json!({"name": "pancakes, secret"})),
            (json!({"authKey": null, "cak": 7}), json!({"authKey": null, "cak": PROTECTED})),
            (
                json!({"secretAccessKey": "s", "secretARN": "s", "customerRouterConfig": "s"}),
                json!({
                    "secretAccessKey": PROTECTED,
                    "secretARN": PROTECTED,
                    "customerRouterConfig": PROTECTED,
                }),
            ),
            (json!(["x".repeat(256)]), json!(["x".repeat(256)])),
            (json!([long]), json!([format!("{}…", "é".repeat(256))])),
            (json!([[[[[[[[[1]]]]]]]]]), json!([[[[[[[["…"]]]]]]]])),
            (json!("x"), json!("x")),
        ];
        for (value, expected) in table {
            assert_eq!(masked(&value), expected, "{value}");
        }
    }

    #[test]
    fn a_plain_body_is_kept_as_it_is_and_no_secret_passes_for_plain() {
        let kept = |body: &str| parameters(body.as_bytes()).map(|p| json!(p));
        let plain = r#"{"connectionId":"dxcon-1","maxResults":10}"#;
        assert_eq!(kept(plain), Some(serde_json::from_str(plain).unwrap()));
        assert!(is_plain(plain.as_bytes()));
        for secret in [
            r#"{"authKey":"sesame"}"#,
            r#"{"AUTHKEY":"sesame"}"#,
            r#"{"auth_k-ey":"sesame"}"#,
            r#"{"a\u0075thKey":"sesame"}"#,
        ] {
            let shown = kept(secret).unwrap().to_string();
            assert!(!shown.contains("sesame") && shown.contains(PROTECTED), "{shown}");
        }
        for member in SECRET_MEMBERS {
            assert!(!is_plain(json!({ member: "sesame" }).to_string().as_bytes()), "{member}");
        }
        assert_eq!(kept("{\"connectionId\":"), None);
    }

    #[test]
    fn nothing_makes_a_record_large() {
        let wide: Value = (0..2000).map(|n| json!({"name": "x".repeat(1000), "n": n})).collect();
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep.clone(), deep.take()]);
            if serde_json::to_string(&deep).unwrap().len() > 100_000 {
                break;
            }
        }
        let named: serde_json::Map<_, _> =
            (0..2000).map(|n| (format!("{n}{}", "y".repeat(1000)), json!(1))).collect();
        for value in [wide, deep, Value::Object(named)] {
            let length = serde_json::to_string(&masked(&value)).unwrap().len();
            assert!(length < MAX_VALUES * (MAX_TEXT + 50), "{length}");
        }
    }
}
