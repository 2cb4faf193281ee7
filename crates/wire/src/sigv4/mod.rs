//! Signature Version 4: who says to have sent a request, and whether that is true.
//!
//! Clients of the API, the operator's command line and the edges all sign the same way: the
//! `Authorization` header with `AWS4-HMAC-SHA256` over the request. The form is described in "Create
//! a signed AWS API request" of the AWS IAM User Guide; presigned URLs, chunked payloads and
//! asymmetric signatures have no use here and are refused.
//!
//! Verification takes two steps, because the secret has to be looked up in between:
//!
//! 1. [`parse`] checks whatever needs no secret and reduces the request to a [`Claim`]. A claim
//!    holds the hash of the canonical request, so nothing can change between the two steps.
//! 2. [`verify`] compares, in constant time, the claim's signature with the one that the
//!    [`SigningKey`] of the claimed access key gives. An access key that nobody knows goes to
//!    [`verify_unknown`], which takes as long and always refuses.
//!
//! Everything here is a plain function: the time is an argument and nothing is kept.

mod authorization;
mod canonical;
mod date;
mod error;
mod key;
mod request;
mod sign;
mod verify;

pub use date::RequestTime;
pub use error::{Parameter, SignatureError};
pub use key::{Scope, SigningKey};
pub use request::{HeaderList, HeaderLookup, RequestParts};
pub use sign::{Credentials, SignError, SignRequest, sign};
pub use verify::{Claim, Policy, claimed_access_key, parse, verify, verify_unknown};

/// The one algorithm that is understood, as `Authorization` and the string to sign name it.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last part of every credential scope.
const TERMINATOR: &str = "aws4_request";

/// A SHA-256 digest.
type Digest = [u8; 32];
