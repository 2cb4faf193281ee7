//! A request's JSON as the audit trail may keep it: secrets replaced by [`PROTECTED`], whatever their type and depth; long
//! strings, long lists and deep nesting cut. It is written as it is read, without a tree in between: there is one for each
//! change.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What stands in place of a secret.
pub const PROTECTED: &str = "[PROTECTED]";

/// Members that hold secrets, or text that contains one, in letters that are compared alone and without
/// regard to case: `auth_key` is as secret as `authKey`, though nothing is called so.
pub(super) const SECRET_MEMBERS: [&str; 11] = [
    "authkey",
    "cak",
    "ckn",
    "customerrouterconfig",
    "password",
    "secret",
    "secretaccesskey",
    "secretarn",
    "sessiontoken",
    "webhooksecret",
    "webhookurl",
];

/// Longest string kept, in characters.
pub(super) const MAX_TEXT: usize = 256;
/// Deepest nesting kept.
const MAX_DEPTH: usize = 8;
/// Most members of one object, or elements of one list, kept.
const MAX_MEMBERS: usize = 64;
/// Most values kept altogether.
pub(super) const MAX_VALUES: usize = 512;
/// Longest text, in bytes: a record is kept for a year.
pub(super) const MAX_BYTES: usize = 4 * 1024;
/// What is left of it for the marks of what was cut off and for the brackets of [`MAX_DEPTH`] objects.
const ENDINGS: usize = 128;
/// No value and no name ends behind this.
const FULL: usize = MAX_BYTES - ENDINGS;
/// Stands for what was cut off.
const CUT: &str = "…";

/// The masked text of a body; `None` if it is not JSON.
#[must_use]
pub fn masked(body: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity((body.len() + PROTECTED.len()).min(MAX_BYTES));
    let mut json = serde_json::Deserializer::from_slice(body);
    Mask { out: &mut out, depth: MAX_DEPTH, left: &mut { MAX_VALUES } }
        .deserialize(&mut json)
        .ok()?;
    json.end().ok()?;
    String::from_utf8(out).ok()
}

/// Writes one value.
struct Mask<'a> {
    out: &'a mut Vec<u8>,
    depth: usize,
    left: &'a mut usize,
}

impl Mask<'_> {
    fn text(self, text: &str) {
        write(self.out, text);
    }

    /// What is neither secret nor long.
    fn plain<E>(self, value: impl serde::Serialize) -> Result<(), E> {
        write(self.out, value);
        Ok(())
    }

    fn below(&mut self) -> Mask<'_> {
        Mask { out: self.out, depth: self.depth - 1, left: self.left }
    }
}

/// Writes a text or a number, or that it was cut off where there is no room for it.
fn write(out: &mut Vec<u8>, value: impl serde::Serialize) {
    let start = out.len();
    let written = "texts and numbers can be written to memory";
    serde_json::to_writer(&mut *out, &value).expect(written);
    if out.len() > FULL {
        out.truncate(start);
        serde_json::to_writer(out, CUT).expect(written);
    }
}

impl<'de> DeserializeSeed<'de> for Mask<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        if *self.left == 0 || self.out.len() >= FULL {
            self.text(CUT);
            return IgnoredAny::deserialize(json).map(drop);
        }
        *self.left -= 1;
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Mask<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.plain(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.plain(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.plain(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.plain(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.plain(value)
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if holds_secret(text) {
            self.text(PROTECTED)
        } else {
            self.text(&shortened(text))
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        if self.depth == 0 {
            self.text(CUT);
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        self.out.push(b'[');
        for nth in 0.. {
            let start = self.out.len();
            if nth > 0 {
                self.out.push(b',');
            }
            if nth == MAX_MEMBERS || self.out.len() >= FULL {
                match list.next_element::<IgnoredAny>()? {
                    Some(_) => write(self.out, CUT),
                    None => self.out.truncate(start),
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
            if list.next_element_seed(self.below())?.is_none() {
                self.out.truncate(start);
                break;
            }
        }
        self.out.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        if self.depth == 0 {
            self.text(CUT);
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        self.out.push(b'{');
        let (mut count, mut cut) = (0, false);
        loop {
            if count == MAX_MEMBERS || self.out.len() >= FULL {
                while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    cut = true;
                }
                break;
            }
            let end = self.out.len();
            if count > 0 {
                self.out.push(b',');
            }
            let Some(is_secret) = object.next_key_seed(Name(self.out))? else {
                self.out.truncate(end);
                break;
            };
            count += 1;
            self.out.push(b':');
            if is_secret {
                let secret = object.next_value::<Option<IgnoredAny>>()?;
                write(self.out, secret.map(|_| PROTECTED));
            } else {
                object.next_value_seed(self.below())?;
            }
        }
        if cut {
            if count > 0 {
                self.out.push(b',');
            }
            write(self.out, CUT);
            self.out.extend_from_slice(b":null");
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// Writes a member's name, and tells whether what it holds is secret.
struct Name<'a>(&'a mut Vec<u8>);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        write(self.0, shortened(name));
        Ok(is_secret(name))
    }
}

pub(super) fn is_secret(name: &str) -> bool {
    SECRET_MEMBERS.iter().any(|secret| letters(name).eq(secret.bytes()))
}

/// Whether a text looks as if a request's members had been put into it, a secret one among them: an object that was
/// encoded twice, or a command line's `authKey=…`.
fn holds_secret(text: &str) -> bool {
    text.contains(['"', '{', '=']) && {
        let letters = String::from_utf8_lossy(&letters(text).collect::<Vec<_>>()).into_owned();
        SECRET_MEMBERS.iter().any(|secret| letters.contains(secret))
    }
}

fn letters(text: &str) -> impl Iterator<Item = u8> {
    text.bytes().filter(u8::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase())
}

fn shortened(text: &str) -> Cow<'_, str> {
    // No text has more characters than bytes.
    let end = if text.len() > MAX_TEXT { text.char_indices().nth(MAX_TEXT) } else { None };
    match end {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}{CUT}", &text[..end])),
    }
}
