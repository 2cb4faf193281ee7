//! Why a body did not decode, in words for the person who sent it.
//!
//! serde's errors are texts for programmers ("invalid type: string \"abc\", expected i64 at line 1
//! column 12"); what they say is kept, how they say it is not. The table test pins every text, so
//! that a new version of serde cannot change them unnoticed.

use super::DecodeError;
use crate::validate::shortened;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Reads the text again, keeping track of paths, and explains the error. `first` is the error of
/// the first reading.
pub(super) fn explain<T: DeserializeOwned>(text: &str, first: serde_json::Error) -> DecodeError {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
        Err(error) => {
            let path = error.path().to_string();
            explain_at(if path == "." { "" } else { &path }, &error.into_inner())
        }
        // The object itself is good, so the error lies in what follows it.
        Ok(_) => explain_at("", &first),
    }
}

fn explain_at(path: &str, error: &serde_json::Error) -> DecodeError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let said = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => {
            DecodeError::Syntax { problem: syntax(said), line, column }
        }
        Category::Data => member(path, said),
    }
}

fn syntax(said: &str) -> String {
    let known = match said {
        "EOF while parsing a list" => "it ends in the middle of a list",
        "EOF while parsing an object" => "it ends in the middle of an object",
        "EOF while parsing a string" => "it ends in the middle of a string",
        "EOF while parsing a value" => "it ends in the middle of a value",
        "trailing characters" => "something follows the object",
        "trailing comma" => "nothing follows a comma",
        "expected value" => "a value is expected here",
        "key must be a string" => "the name of a member must be a string",
        "recursion limit exceeded" => "it is nested too deeply",
        "number out of range" => "a number is out of range",
        _ => return said.to_owned(),
    };
    known.to_owned()
}

fn member(path: &str, said: &str) -> DecodeError {
    if let Some(name) = said.strip_prefix("duplicate field `").and_then(|s| s.strip_suffix('`')) {
        return at(&joined(path, name), "is given more than once".to_owned());
    }
    if let Some(name) = said.strip_prefix("missing field `").and_then(|s| s.strip_suffix('`')) {
        return at(&joined(path, name), "is required".to_owned());
    }
    let mismatch = said
        .strip_prefix("invalid type: ")
        .or_else(|| said.strip_prefix("invalid value: "))
        // From the right: what was found may be a string that contains the same words.
        .and_then(|rest| rest.rsplit_once(", expected "));
    match mismatch {
        Some((found, expected)) if path.is_empty() && is_container(expected) => {
            DecodeError::NotAnObject { found: self::found(found, expected) }
        }
        Some((found, expected)) => {
            let (found, expected) = (self::found(found, expected), self::expected(expected, found));
            at(path, format!("expected {expected}, found {found}"))
        }
        None => at(path, shortened(said)),
    }
}

fn at(path: &str, problem: String) -> DecodeError {
    let path = if path.is_empty() { "The request body".to_owned() } else { shortened(path) };
    DecodeError::Member { path, problem }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// What serde calls the thing that it found -> what JSON calls it, with the value where it is one.
fn found(said: &str, expected: &str) -> String {
    let backticked = |prefix| said.strip_prefix(prefix).and_then(|s: &str| s.strip_suffix('`'));
    if let Some(escaped) = said.strip_prefix("string \"").and_then(|s| s.strip_suffix('"')) {
        // A string in the place of an object may well be a whole request in a client's own
        // notation, keys included.
        return match is_container(expected) {
            true => "a string".to_owned(),
            false => format!("the string \"{}\"", cut(escaped)),
        };
    }
    if let Some(number) = backticked("integer `").or_else(|| backticked("floating point `")) {
        return format!("the number {number}");
    }
    match said {
        "boolean `true`" => "true".to_owned(),
        "boolean `false`" => "false".to_owned(),
        "sequence" => "a list".to_owned(),
        "map" => "an object".to_owned(),
        other => cut(other),
    }
}

fn is_container(expected: &str) -> bool {
    expected.starts_with("struct ")
        || matches!(expected, "an object" | "a map" | "a sequence" | "a list")
}

/// What serde expected -> what JSON calls it. `found` decides whether a range is worth telling.
fn expected(said: &str, found: &str) -> String {
    let range = match said {
        "i8" => Some((i8::MIN.into(), i8::MAX.into())),
        "i16" => Some((i16::MIN.into(), i16::MAX.into())),
        "i32" => Some((i32::MIN.into(), i32::MAX.into())),
        "i64" => Some((i64::MIN.into(), i64::MAX.into())),
        "u8" => Some((u8::MIN.into(), u8::MAX.into())),
        "u16" => Some((u16::MIN.into(), u16::MAX.into())),
        "u32" => Some((u32::MIN.into(), u32::MAX.into())),
        "u64" | "usize" => Some((u64::MIN.into(), u64::MAX.into())),
        _ => None,
    };
    match (said, range) {
        (_, Some::<(i128, i128)>((min, max))) if found.starts_with("integer ") => {
            format!("an integer from {min} to {max}")
        }
        (_, Some(_)) => "an integer".to_owned(),
        ("f32" | "f64", None) => "a number".to_owned(),
        ("a boolean", None) => "true or false".to_owned(),
        ("a sequence", None) => "a list".to_owned(),
        (said, None) if is_container(said) => "an object".to_owned(),
        (said, None) => said.to_owned(),
    }
}

/// Cuts a text that is escaped already.
fn cut(escaped: &str) -> String {
    match escaped.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &escaped[..end]),
        None => escaped.to_owned(),
    }
}
