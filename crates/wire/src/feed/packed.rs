//! Bodies of the feed in Zstandard (RFC 8878), an answer with the edge's last configuration as its dictionary (a raw prefix
//! in the sense of RFC 8878, section 5).
//!
//! Sizes tell: whoever sees how long an answer is, and can change what is in it, learns what else is in it by trying, as
//! with every compression of secrets. Tenants' keys share an answer, so the feed's wire is not for tenants to see; TLS does
//! not help against this.

use std::io::{self, Write as _};

use zstd::stream::write;
use zstd::zstd_safe::{self, DCtx};

/// The value of `Content-Encoding` and `Accept-Encoding`.
pub const ENCODING: &str = "zstd";

/// The header of an answer that was compressed with a base: the base's digest.
pub const BASE_HEADER: &str = "linkway-base";

/// The most bytes that an answer may unpack to, here and at the edge: some 100,000 interfaces.
pub const LARGEST: usize = 64 << 20;

/// The most bytes that a report may unpack to: some 20,000 interfaces.
pub const LARGEST_REPORT: usize = 8 << 20;

/// A compromise of the library's: more costs time per answer and gains little on JSON.
const LEVEL: i32 = 3;

/// Bytes that do not unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEncoding {
    /// Not Zstandard, cut short, damaged, or made with another base.
    #[error("the body does not unpack: it is damaged, or was packed with another base")]
    Damaged,
    /// Unpacks to more than allowed.
    #[error("the body unpacks to more than {0} bytes")]
    TooLarge(usize),
    /// Something follows.
    #[error("something follows the packed body")]
    Trailing,
    /// The answer's headers name an encoding that nobody asked for.
    #[error("the body has an encoding other than zstd")]
    Unknown,
    /// The answer was made with a base that the edge does not have.
    #[error("the body was packed with a base that is not there")]
    NoBase,
}

/// Compresses a text; with a base, as what differs from it.
#[must_use]
pub fn encode(text: &[u8], base: Option<&[u8]>) -> Vec<u8> {
    pack(text, base.unwrap_or_default())
        .expect("memory takes what is written, and sizes are told as they are")
}

fn pack(text: &[u8], base: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = write::Encoder::with_ref_prefix(Vec::new(), LEVEL, base)?;
    encoder.window_log(window(text.len() + base.len()))?;
    // Finds what is the same however far apart it is, which the level's own tables are too small for.
    encoder.long_distance_matching(!base.is_empty())?;
    // Finds out about a wrong base.
    encoder.include_checksum(true)?;
    encoder.set_pledged_src_size(Some(text.len() as u64))?;
    encoder.write_all(text)?;
    encoder.finish()
}

/// Unpacks what [`encode`] made with the same base, to at most `largest` bytes. In one go, into memory of the size that the
/// frame says; the system gives that only as it is written to. A frame that does not say its size is not one of ours.
pub fn decode(bytes: &[u8], base: Option<&[u8]>, largest: usize) -> Result<Vec<u8>, BadEncoding> {
    let damaged = |_| BadEncoding::Damaged;
    let told = zstd_safe::get_frame_content_size(bytes).map_err(|_| BadEncoding::Damaged)?;
    let told = usize::try_from(told.ok_or(BadEncoding::Damaged)?).unwrap_or(usize::MAX);
    if told > largest {
        return Err(BadEncoding::TooLarge(largest));
    }
    if zstd_safe::find_frame_compressed_size(bytes).map_err(damaged)? != bytes.len() {
        return Err(BadEncoding::Trailing);
    }
    let mut text = Vec::with_capacity(told);
    let mut context = DCtx::create();
    context.ref_prefix(base.unwrap_or_default()).map_err(damaged)?;
    context.decompress(&mut text, bytes).map_err(damaged)?;
    Ok(text)
}

/// The window that holds so many bytes, in the format's limits; 27 is what every decoder takes at most by itself.
fn window(bytes: usize) -> u32 {
    (usize::BITS - bytes.leading_zeros()).clamp(10, 27)
}

/// Unpacks the body of an answer as its headers say: the value of `Content-Encoding`, that of [`BASE_HEADER`], and the
/// digest and text of the configuration that the edge asked with. To be asked again without a base when it fails.
pub fn answer(
    body: Vec<u8>,
    encoding: Option<&str>,
    base: Option<&str>,
    held: Option<(&str, &[u8])>,
) -> Result<Vec<u8>, BadEncoding> {
    match (encoding, base, held) {
        (None, None, _) if body.len() > LARGEST => Err(BadEncoding::TooLarge(LARGEST)),
        (None, None, _) => Ok(body),
        (Some(ENCODING), None, _) => decode(&body, None, LARGEST),
        (Some(ENCODING), Some(base), Some((digest, text))) if base == digest => {
            decode(&body, Some(text), LARGEST)
        }
        (Some(ENCODING), Some(_), _) => Err(BadEncoding::NoBase),
        (None, Some(_), _) | (Some(_), _, _) => Err(BadEncoding::Unknown),
    }
}

/// Whether a value of `Accept-Encoding` allows zstd (RFC 9110, section 12.5.3).
#[must_use]
pub fn accepts(header: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(ENCODING));
        let refused = parts.any(|part| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.and_then(|w| w.parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
        });
        named && !refused
    })
}
