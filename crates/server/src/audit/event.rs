//! The audit trail's one record type: who did what, on what, from where, with which outcome.
//! Records of changes are part of the change's own commit in the store, and so are those of evidence; those of reads and
//! of other refusals go to files.

pub use super::mask::{PROTECTED, masked};
pub use linkway_wire::operator::{AuditEvent, Parameters};

use std::borrow::Cow;

use super::mask::MAX_TEXT;

/// Longest text of an error, in characters.
const MAX_MESSAGE: usize = 512;

/// A request's body as the audit trail may keep it; `None` if it is not JSON.
#[must_use]
pub fn parameters(body: &[u8]) -> Option<Parameters<'_>> {
    if is_plain(body) {
        return Parameters::from_text(std::str::from_utf8(body).ok()?);
    }
    Parameters::from_string(masked(body)?)
}

/// An error's text as a record keeps it: what callers gave is only part of it, but of some texts a long one.
#[must_use]
pub fn bounded(message: &str) -> Cow<'_, str> {
    match message.char_indices().nth(MAX_MESSAGE) {
        None => message.into(),
        Some((end, _)) => format!("{}…", &message[..end]).into(),
    }
}

/// Whether a body is short, of one line, and cannot hold a secret: no member is named like one, whatever stands between its
/// letters, and no name hides behind an escape. Says no too often rather than once too seldom. Nearly all reads are plain, and
/// need not be taken apart. Of several lines one could pass for a record of its own in the journal.
fn is_plain(body: &[u8]) -> bool {
    const TELLING: [&[u8]; 8] =
        [b"key", b"cak", b"ckn", b"config", b"password", b"secret", b"token", b"url"];
    if body.len() > MAX_TEXT || body.iter().any(|byte| *byte == b'\\' || byte.is_ascii_control()) {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::mask::{MAX_BYTES, SECRET_MEMBERS};
    use super::*;

    fn masked(value: &Value) -> Value {
        let text = super::masked(value.to_string().as_bytes()).expect("JSON");
        serde_json::from_str(&text).expect("JSON again")
    }

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
            count: None,
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
        for lines in
            ["{\n\"connectionId\":\r\n\t\"dxcon-1\",\"maxResults\":10\n}", "\n{\"time\":\n1}"]
        {
            let text = parameters(lines.as_bytes()).unwrap();
            assert!(!text.text().contains(char::is_control), "{text:?}");
            assert_eq!(json!(text), serde_json::from_str::<Value>(lines).unwrap());
        }
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
        // What is escaped is six times as long, and a bracket at each depth is closed behind it.
        let escaped = json!({ "a": { "b": [[{ "c": { "\u{1}".repeat(300): wide.clone() } }]] } });
        let many: Vec<Value> = (0..300).map(|n| json!({ "k": "\u{1}".repeat(n) })).collect();
        for value in [wide, deep, Value::Object(named), escaped, json!(many)] {
            let length = super::masked(value.to_string().as_bytes()).unwrap().len();
            assert!(length <= MAX_BYTES, "{length}");
        }
    }
}
