//! What a webhook's request carries so that its receiver can tell who sent it (Standard Webhooks 1.0.0, "Webhook headers").

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The header with the event's id, by which a receiver knows what it has had.
pub const ID: &str = "webhook-id";
/// The header with the moment of the attempt, in seconds of Unix time.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signature.
pub const SIGNATURE: &str = "webhook-signature";

/// The signature of a request: HMAC-SHA256 over id, timestamp and body. `secret` is `whsec_` and the key in base64; `None` if it
/// is something else.
#[must_use]
pub fn signature(secret: &str, id: &str, timestamp: u64, body: &str) -> Option<String> {
    let key = STANDARD_NO_PAD.decode(secret.strip_prefix("whsec_")?.trim_end_matches('=')).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's repository, "Signature scheme".
    #[test]
    fn the_published_example_has_its_signature() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let body = "{\"test\": 2432232314}";
        let signed = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        assert_eq!(signature("MfKQ9r8G", "id", 0, body), None);
        assert_eq!(signature("whsec_é", "id", 0, body), None);
    }
}
