//! The canonical request, written straight into a hash.
//!
//! The form follows "Create a canonical request" of the AWS IAM User Guide, for services other
//! than S3: the path is normalised (RFC 3986, section 5.2.4, empty segments removed) and encoded
//! once more as it was received. Where the guide leaves room, the official signer decides: it is
//! the oracle of the tests.

use sha2::{Digest as _, Sha256};

use super::{Digest, HeaderLookup};

/// What a canonical request is made of. `signed_headers` is the list as it is signed: lowercase
/// names between semicolons.
pub(super) struct Canonical<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a dyn HeaderLookup,
    pub signed_headers: &'a str,
    pub payload: &'a HexDigest,
}

/// Where canonical bytes go.
pub(super) trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Sha256 {
    fn put(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

impl Canonical<'_> {
    /// The SHA-256 that the string to sign ends with.
    pub fn hash(&self) -> Digest {
        let mut hash = Sha256::new();
        self.write(&mut hash);
        hash.finalize().into()
    }

    pub fn write(&self, out: &mut impl Sink) {
        out.put(self.method.as_bytes());
        out.put(b"\n");
        write_path(out, self.path);
        out.put(b"\n");
        write_query(out, self.query.unwrap_or_default());
        out.put(b"\n");
        for name in self.signed_headers.split(';') {
            write_header(out, name, self.headers);
        }
        out.put(b"\n");
        out.put(self.signed_headers.as_bytes());
        out.put(b"\n");
        out.put(self.payload.as_str().as_bytes());
    }
}

/// A digest in lowercase hexadecimal, on the stack.
pub(super) struct HexDigest([u8; 64]);

impl HexDigest {
    pub fn of(digest: &Digest) -> Self {
        let mut hex = [0; 64];
        hex::encode_to_slice(digest, &mut hex).expect("64 digits for 32 bytes");
        Self(hex)
    }

    pub fn of_payload(body: &[u8]) -> Self {
        Self::of(&Sha256::digest(body).into())
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("hexadecimal digits only")
    }
}

fn write_header(out: &mut impl Sink, name: &str, headers: &dyn HeaderLookup) {
    out.put(name.as_bytes());
    let mut separator: &[u8] = b":";
    headers.visit(name, &mut |value| {
        out.put(separator);
        write_value(out, value);
        separator = b",";
    });
    out.put(b"\n");
}

/// Spaces (and tabs, which HTTP allows there) off both ends, runs of spaces inside made one.
fn write_value(out: &mut impl Sink, value: &[u8]) {
    let value = trim(value);
    let has_runs = value.contains(&b' ') && value.windows(2).any(|pair| pair == b"  ");
    if !has_runs {
        return out.put(value);
    }
    let mut words = value.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    out.put(words.next().unwrap_or_default());
    for word in words {
        out.put(b" ");
        out.put(word);
    }
}

/// `value` without the optional whitespace of RFC 9110, section 5.5.
pub(super) fn trim(value: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let Some(start) = value.iter().position(|byte| !blank(byte)) else { return b"" };
    let end = value.iter().rposition(|byte| !blank(byte)).expect("position found one");
    &value[start..=end]
}

fn write_path(out: &mut impl Sink, path: &str) {
    let is_plain = path.starts_with('/') && !path.contains('.') && !path.contains("//");
    if is_plain {
        return encode(out, path.as_bytes(), b"/");
    }
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    for segment in &segments {
        out.put(b"/");
        encode(out, segment.as_bytes(), b"");
    }
    let ends_in_a_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    if ends_in_a_folder || segments.is_empty() {
        out.put(b"/");
    }
}

/// Names and values are decoded as form fields, encoded again in the one canonical way and sorted.
fn write_query(out: &mut impl Sink, query: &str) {
    if query.is_empty() {
        return;
    }
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (recode(name), recode(value)))
        .collect();
    pairs.sort_unstable();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            out.put(b"&");
        }
        out.put(name);
        out.put(b"=");
        out.put(value);
    }
}

fn recode(field: &str) -> Vec<u8> {
    let bytes = field.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(unescape);
        decoded.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    let mut encoded = Vec::with_capacity(decoded.len());
    encode(&mut encoded, &decoded, b"");
    encoded
}

fn unescape(digits: &[u8]) -> Option<u8> {
    let mut byte = [0];
    hex::decode_to_slice(digits, &mut byte).ok().map(|()| byte[0])
}

/// Percent-encodes all but the unreserved characters of RFC 3986 and those in `keep`.
fn encode(out: &mut impl Sink, bytes: &[u8], keep: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let is_kept =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || keep.contains(byte);
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| !is_kept(byte)) {
        out.put(&rest[..at]);
        let byte = usize::from(rest[at]);
        out.put(&[b'%', DIGITS[byte >> 4], DIGITS[byte & 15]]);
        rest = &rest[at + 1..];
    }
    out.put(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sigv4::HeaderList;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths_are_normalised_and_encoded() {
        let table = [
            ("", "/"),
            ("/", "/"),
            ("*", "/%2A"),
            ("/a/b", "/a/b"),
            ("/a//b/", "/a/b/"),
            ("//", "/"),
            ("/./", "/"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/a/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/a..", "/a.."),
            ("/example space/", "/example%20space/"),
            ("/\u{1234}", "/%E1%88%B4"),
            ("/%E1%88%B4", "/%25E1%2588%25B4"),
            ("/-._~!$&'()", "/-._~%21%24%26%27%28%29"),
        ];
        for (path, expected) in table {
            assert_eq!(written(|out| write_path(out, path)), expected, "{path}");
        }
    }

    #[test]
    fn queries_are_sorted_and_encoded_once() {
        let table = [
            ("", ""),
            ("a", "a="),
            ("b=1&a=2", "a=2&b=1"),
            ("Param1=value2&Param1=value1", "Param1=value1&Param1=value2"),
            ("a=1=2", "a=1%3D2"),
            ("a=%2f&a=%2F", "a=%2F&a=%2F"),
            ("a=+&b=%20", "a=%20&b=%20"),
            ("a=%zz%4", "a=%25zz%254"),
            ("a=%FF", "a=%FF"),
            ("&&a=1&", "a=1"),
            ("\u{1234}=bar", "%E1%88%B4=bar"),
        ];
        for (query, expected) in table {
            assert_eq!(written(|out| write_query(out, query)), expected, "{query}");
        }
    }

    #[test]
    fn values_are_trimmed_collapsed_and_joined() {
        let table: [(&[&str], &str); 7] = [
            (&["v"], "x:v\n"),
            (&["  v  "], "x:v\n"),
            (&["a   b  c"], "x:a b c\n"),
            (&["\"a   b\""], "x:\"a b\"\n"),
            (&[""], "x:\n"),
            (&["   "], "x:\n"),
            (&[" v4 ", "v1", "v3"], "x:v4,v1,v3\n"),
        ];
        for (values, expected) in table {
            let list: Vec<_> = values.iter().map(|value| ("X", *value)).collect();
            let headers = HeaderList(&list);
            assert_eq!(written(|out| write_header(out, "x", &headers)), expected, "{values:?}");
        }
    }

    /// The canonical request published in "Elements of an AWS API request signature".
    #[test]
    fn published_example() {
        let headers = [
            ("Host", "iam.amazonaws.com"),
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("X-Amz-Date", "20150830T123600Z"),
        ];
        let canonical = Canonical {
            method: "GET",
            path: "/",
            query: Some("Action=ListUsers&Version=2010-05-08"),
            headers: &HeaderList(&headers),
            signed_headers: "content-type;host;x-amz-date",
            payload: &HexDigest::of_payload(b""),
        };
        let expected = "GET\n/\nAction=ListUsers&Version=2010-05-08\n\
            content-type:application/x-www-form-urlencoded; charset=utf-8\n\
            host:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n\n\
            content-type;host;x-amz-date\n\
            e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(written(|out| canonical.write(out)), expected);
        assert_eq!(
            HexDigest::of(&canonical.hash()).as_str(),
            "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        );
    }
}
