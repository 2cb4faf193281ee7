//! Which resources a request names, found in its body without regard to anything else in it: whoever asks for another's
//! resource is refused, and the trail says whose it was, however much junk is around the id.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::mask::is_secret;

/// Most that are kept.
const MOST: usize = 16;
/// Longest, in bytes: an ARN of ours has some 80.
const LONGEST: usize = 128;
/// Deepest nesting that is looked into.
const DEPTH: usize = 4;

/// The texts of members called `…Id`, `…Ids`, `…Arn` and `…Arns`, in their order; what is too long to be one is left out. Empty if the body is not JSON.
#[must_use]
pub fn resources(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(body);
    // What was found before the end of what can be read counts.
    let _ = Search { found: &mut found, depth: DEPTH, named: false }.deserialize(&mut json);
    found
}

struct Search<'a> {
    found: &'a mut Vec<String>,
    depth: usize,
    /// Whether it stands under a name that says so.
    named: bool,
}

impl Search<'_> {
    fn keep(self, text: &str) {
        let new = !self.found.iter().any(|known| known == text);
        let fits = (1..=LONGEST).contains(&text.len()) && !text.contains(char::is_control);
        if self.named && new && fits && self.found.len() < MOST {
            self.found.push(text.to_owned());
        }
    }
}

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        match self.depth {
            0 => IgnoredAny::deserialize(json).map(drop),
            _ => json.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self { found, depth, named } = self;
        loop {
            let seed = Search { found: &mut *found, depth: depth - 1, named };
            if list.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { found, depth, .. } = self;
        while let Some(name) = object.next_key::<std::borrow::Cow<'de, str>>()? {
            let named = ["Id", "Ids", "Arn", "Arns"].iter().any(|end| name.ends_with(end));
            let named = named && !is_secret(&name);
            object.next_value_seed(Search { found: &mut *found, depth: depth - 1, named })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn ids_are_found_whatever_is_around_them() {
        let mut junk: Map<String, Value> =
            (0..2_000).map(|n| (format!("junk{n}"), json!("x".repeat(40)))).collect();
        junk.insert("virtualInterfaceId".to_owned(), json!("dxvif-ffaabbcc"));
        junk.insert("zz".to_owned(), json!({ "virtualGatewayId": "vgw-00000001" }));
        let table = [
            (Value::Object(junk), vec!["dxvif-ffaabbcc", "vgw-00000001"]),
            (json!({ "resourceArns": ["arn:a", "arn:b", "arn:a"] }), vec!["arn:a", "arn:b"]),
            (json!({ "connectionId": 7, "id": "x", "name": "dxcon-1" }), vec![]),
            (json!({ "connectionId": "a\nb", "lagId": "x".repeat(129) }), vec![]),
            (json!({ "secretArn": "arn:secret", "authKey": "fjord" }), vec![]),
            (json!([1, "dxcon-1"]), vec![]),
        ];
        for (body, expected) in table {
            assert_eq!(resources(body.to_string().as_bytes()), expected);
        }
        let many: Vec<String> = (0..100).map(|n| format!("dxcon-{n}")).collect();
        assert_eq!(resources(json!({ "connectionIds": many }).to_string().as_bytes()).len(), MOST);
        assert_eq!(resources(br#"{"connectionId":"dxcon-1","x":"#), ["dxcon-1"]);
        assert_eq!(resources(b"connectionId"), [""; 0]);
        let deep = format!("{}{}", "[".repeat(100_000), r#"{"connectionId":"a"}"#);
        assert_eq!(resources(deep.as_bytes()), [""; 0]);
    }
}
