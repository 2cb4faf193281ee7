//! Which resources a request names, found in its body without regard to anything else in it: whoever asks for another's
//! resource is refused, and the trail says whose it was, however much junk is around the id.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::mask::is_secret;

/// Most that are kept: as many ARNs as one request may name.
const MOST: usize = 20;
/// Longest, in bytes: an ARN of ours has some 80.
const LONGEST: usize = 128;
/// Deepest nesting that is looked into.
const DEPTH: usize = 4;

/// Members by which the operations name resources. What they hold comes first, so that nothing that was invented around
/// them takes their place.
const MEMBERS: [&str; 22] = [
    "accessKeyId",
    "accountId",
    "associatedGatewayId",
    "associationId",
    "bgpPeerId",
    "connectionId",
    "connectionIds",
    "directConnectGatewayId",
    "edgeId",
    "gatewayId",
    "interconnectId",
    "lagId",
    "ownerAccount",
    "parentConnectionId",
    "proposalId",
    "resiliencyGroupArn",
    "resiliencyGroupId",
    "resourceArn",
    "resourceArns",
    "transitGatewayId",
    "virtualGatewayId",
    "virtualInterfaceId",
];

/// How likely a text is what a request is about, the likeliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    /// A member of the request itself, by a name that operations know.
    Member,
    /// The same, deeper.
    Inner,
    /// A member whose name ends as such names do.
    Other,
}

/// The texts of members that name resources: of [`MEMBERS`] first, then of others called `…Id`, `…Ids`, `…Arn` and `…Arns`,
/// each in their order; what is too long to be one is left out. Empty if the body is not JSON.
#[must_use]
pub fn resources(body: &[u8]) -> Vec<String> {
    let mut found: [Vec<String>; 3] = Default::default();
    let mut json = serde_json::Deserializer::from_slice(body);
    // What was found before the end of what can be read counts.
    let _ = Search { found: &mut found, depth: DEPTH, rank: None }.deserialize(&mut json);
    let mut all = Vec::new();
    for text in found.into_iter().flatten() {
        if all.len() < MOST && !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

struct Search<'a> {
    /// By [`Rank`].
    found: &'a mut [Vec<String>; 3],
    depth: usize,
    /// Of the name that it stands under, if that says so.
    rank: Option<Rank>,
}

impl Search<'_> {
    fn keep(self, text: &str) {
        let Some(rank) = self.rank else { return };
        let found = &mut self.found[rank as usize];
        let new = !found.iter().any(|known| known == text);
        let fits = (1..=LONGEST).contains(&text.len()) && !text.contains(char::is_control);
        if new && fits && found.len() < MOST {
            found.push(text.to_owned());
        }
    }
}

fn rank(name: &str, is_top: bool) -> Option<Rank> {
    if MEMBERS.contains(&name) {
        return Some(if is_top { Rank::Member } else { Rank::Inner });
    }
    let ends = ["Id", "Ids", "Arn", "Arns"].iter().any(|end| name.ends_with(end));
    (ends && !is_secret(name)).then_some(Rank::Other)
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
        let Self { found, depth, rank } = self;
        loop {
            let seed = Search { found: &mut *found, depth: depth - 1, rank };
            if list.next_element_seed(seed)?.is_none() {
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let Self { found, depth, .. } = self;
        while let Some(name) = object.next_key::<std::borrow::Cow<'de, str>>()? {
            let rank = rank(&name, depth == DEPTH);
            object.next_value_seed(Search { found: &mut *found, depth: depth - 1, rank })?;
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
        for invented in ["dxvif-", "vgw-"] {
            let mut junk: Map<String, Value> =
                (0..66).map(|n| (format!("a{n}Id"), json!(format!("{invented}{n}")))).collect();
            let inner = (0..66).map(|n| json!({ "connectionId": format!("dxcon-{n}") }));
            junk.insert("a".to_owned(), json!(inner.collect::<Vec<_>>()));
            junk.insert("virtualInterfaceId".to_owned(), json!("dxvif-ffaabbcc"));
            assert_eq!(resources(json!(junk).to_string().as_bytes())[0], "dxvif-ffaabbcc");
        }
        let many: Vec<String> = (0..100).map(|n| format!("dxcon-{n}")).collect();
        assert_eq!(resources(json!({ "connectionIds": many }).to_string().as_bytes()).len(), MOST);
        assert_eq!(resources(br#"{"connectionId":"dxcon-1","x":"#), ["dxcon-1"]);
        assert_eq!(resources(b"connectionId"), [""; 0]);
        let deep = format!("{}{}", "[".repeat(100_000), r#"{"connectionId":"a"}"#);
        assert_eq!(resources(deep.as_bytes()), [""; 0]);
    }
}
