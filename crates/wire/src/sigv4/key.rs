//! The signing key: what a secret access key becomes for one day, region and service.
//!
//! Deriving costs four HMACs, so a server keeps derived keys for as long as their day lasts.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use super::{ALGORITHM, Digest, RequestTime, TERMINATOR, canonical::HexDigest};

/// What a signing key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope<'a> {
    /// The day, `YYYYMMDD`.
    pub day: &'a str,
    /// The region, `eu-west-2`.
    pub region: &'a str,
    /// The service, `directconnect`.
    pub service: &'a str,
}

/// Written as the credential scope: `20150830/eu-west-2/directconnect/aws4_request`.
impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.day, self.region, self.service)
    }
}

/// The key of one access key for one [`Scope`]. Wiped when dropped, never shown.
///
/// Kept as the keyed HMAC state: a verification starts where keying ended. That state is two
/// SHA-256 states, and with the `zeroize` feature of `sha2` those wipe themselves.
#[derive(Clone)]
pub struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives the key from a secret access key.
    pub fn derive(secret_access_key: &str, scope: Scope<'_>) -> Self {
        let mut secret = Zeroizing::new(Vec::with_capacity(4 + secret_access_key.len()));
        secret.extend_from_slice(b"AWS4");
        secret.extend_from_slice(secret_access_key.as_bytes());
        let mut key = keyed(&secret);
        for part in [scope.day, scope.region, scope.service, TERMINATOR] {
            key.update(part.as_bytes());
            let mut derived: Digest = key.finalize().into_bytes().into();
            key = keyed(&derived);
            derived.zeroize();
        }
        Self(key)
    }

    /// The HMAC over the string to sign, ready to be finished or compared.
    pub(super) fn mac(&self, time: &RequestTime, scope: &str, canonical: &Digest) -> Hmac<Sha256> {
        let hash = HexDigest::of(canonical);
        let mut mac = self.0.clone();
        for part in [ALGORITHM, "\n", time.as_str(), "\n", scope, "\n", hash.as_str()] {
            mac.update(part.as_bytes());
        }
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(redacted)")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_wiped_on_drop_and_never_shown() {
        fn wiped_on_drop<T: zeroize::ZeroizeOnDrop>() {}
        wiped_on_drop::<Sha256>();
        let scope = Scope { day: "20150830", region: "us-east-1", service: "iam" };
        let key = SigningKey::derive("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope);
        assert_eq!(format!("{key:?}"), "SigningKey(redacted)");
    }
}
