//! The grammar of the `Authorization` header.
//!
//! `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`: the three parameters in any order,
//! each exactly once, commas between them with or without spaces. Signers sort `SignedHeaders`, as
//! the AWS guide requires, so an unsorted list is refused: that gives one form for one set of
//! headers and makes a name that stands there twice impossible.

use super::{ALGORITHM, Digest, Parameter, SignatureError, error::shown};

/// Ten times what an SDK with nine signed headers sends.
const MAX_LENGTH: usize = 4096;
/// The limit of AWS for an access key id.
const MAX_ACCESS_KEY_ID: usize = 128;
/// Longer than the name of any algorithm or parameter that a client could mean.
const MAX_WORD: usize = 32;

pub(super) struct Authorization<'a> {
    pub credential: Credential<'a>,
    pub signed_headers: SignedHeaders<'a>,
    pub signature: Digest,
}

impl<'a> Authorization<'a> {
    pub fn parse(header: &'a [u8]) -> Result<Self, SignatureError> {
        if header.len() > MAX_LENGTH {
            let length = header.len();
            return Err(SignatureError::AuthorizationTooLong { length, max: MAX_LENGTH });
        }
        let text = str::from_utf8(header).map_err(|_| SignatureError::AuthorizationNotText)?;
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(SignatureError::AuthorizationNotText);
        }
        match parameters(after_algorithm(text)?)? {
            [Some(credential), Some(signed_headers), Some(signature)] => Ok(Self {
                credential: Credential::parse(credential)?,
                signed_headers: SignedHeaders::parse(signed_headers)?,
                signature: parse_signature(signature)?,
            }),
            found => {
                let missing = Parameter::ALL.into_iter().zip(found);
                let missing = missing.filter(|(_, value)| value.is_none()).map(|(name, _)| name);
                Err(SignatureError::MissingParameters(missing.collect()))
            }
        }
    }
}

/// A first word is repeated in the error only when it looks like the name of a scheme: it could
/// as well be a token.
fn after_algorithm(text: &str) -> Result<&str, SignatureError> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    if word == ALGORITHM {
        return Ok(rest);
    }
    let is_name = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_name && word.len() <= MAX_WORD && !rest.is_empty() {
        return Err(SignatureError::UnsupportedAlgorithm { found: word.to_owned() });
    }
    Err(SignatureError::NoAlgorithm)
}

/// The values in the order of [`Parameter::ALL`]; an empty value counts as missing.
fn parameters(list: &str) -> Result<[Option<&str>; 3], SignatureError> {
    let mut values: [Option<&str>; 3] = [None; 3];
    if list.trim().is_empty() {
        return Ok(values);
    }
    for (index, part) in list.split(',').enumerate() {
        let part = part.trim();
        let Some((name, value)) = part.split_once('=') else {
            return Err(SignatureError::NotAParameter { position: index + 1 });
        };
        let known = Parameter::ALL.into_iter().position(|parameter| parameter.name() == name);
        let Some(slot) = known else {
            let name = &name.as_bytes()[..name.len().min(MAX_WORD)];
            return Err(SignatureError::UnknownParameter { found: shown(name) });
        };
        if values[slot].replace(value).is_some() {
            return Err(SignatureError::RepeatedParameter(Parameter::ALL[slot]));
        }
    }
    Ok(values.map(|value| value.filter(|value| !value.is_empty())))
}

/// `AKID/YYYYMMDD/region/service/aws4_request`: five parts, of which only the form of the first is
/// checked here. What the others must be depends on the server and the request.
#[derive(Clone, Copy)]
pub(super) struct Credential<'a> {
    pub whole: &'a str,
    pub access_key_id: &'a str,
    /// Everything after the access key id: the credential scope.
    pub scope: &'a str,
    pub day: &'a str,
    pub region: &'a str,
    pub service: &'a str,
    pub terminator: &'a str,
}

impl<'a> Credential<'a> {
    /// Reads the value of `Credential`. The value is never repeated: a secret access key pasted
    /// in place of the access key id must not reach a log, and it may contain slashes.
    pub fn parse(whole: &'a str) -> Result<Self, SignatureError> {
        let mut rest = whole.split('/');
        let five = [(); 5].map(|()| rest.next());
        let ([Some(access_key_id), Some(day), Some(region), Some(service), Some(terminator)], None) =
            (five, rest.next())
        else {
            let parts = whole.split('/').count();
            return Err(SignatureError::MalformedCredential { parts });
        };
        let length = access_key_id.len();
        let is_word =
            access_key_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_word || !(1..=MAX_ACCESS_KEY_ID).contains(&length) {
            return Err(SignatureError::MalformedAccessKeyId { length });
        }
        let scope = &whole[length + 1..];
        Ok(Self { whole, access_key_id, scope, day, region, service, terminator })
    }
}

/// Lowercase header names between semicolons, sorted, at least one.
#[derive(Clone, Copy)]
pub(super) struct SignedHeaders<'a>(pub &'a str);

impl<'a> SignedHeaders<'a> {
    fn parse(list: &'a str) -> Result<Self, SignatureError> {
        let mut previous = "";
        for name in list.split(';') {
            if name.is_empty() || !name.bytes().all(is_lowercase_token) {
                return Err(SignatureError::MalformedHeaderName { found: shown(name.as_bytes()) });
            }
            if name <= previous {
                return Err(SignatureError::UnsortedSignedHeaders {
                    found: shown(name.as_bytes()),
                    previous: shown(previous.as_bytes()),
                });
            }
            previous = name;
        }
        Ok(Self(list))
    }

    pub fn names(self) -> impl Iterator<Item = &'a str> {
        self.0.split(';')
    }

    pub fn contains(self, name: &str) -> bool {
        self.names().any(|signed| signed == name)
    }
}

/// A `tchar` of RFC 9110, section 5.6.2, that is not an uppercase letter.
pub(super) fn is_lowercase_token(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn parse_signature(text: &str) -> Result<Digest, SignatureError> {
    let mut signature = Digest::default();
    let is_lowercase = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if !is_lowercase || hex::decode_to_slice(text, &mut signature).is_err() {
        return Err(SignatureError::MalformedSignature { length: text.len() });
    }
    Ok(signature)
}
