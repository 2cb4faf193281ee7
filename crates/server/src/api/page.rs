//! Pages of lists: `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use linkway_domain::Fault;
use linkway_domain::fault::shown;

/// The most elements of a page, and how many there are unless the caller asks for fewer.
pub const MOST: usize = 1000;

/// Where a page starts and how long it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last key of the page before.
    pub after: Option<String>,
    /// The most elements.
    pub limit: usize,
}

/// Checks a request's members. `range` is what is being listed: a token is good for the range that it was made for.
pub fn parse(
    range: &str,
    max_results: Option<i64>,
    next_token: Option<&str>,
) -> Result<Page, Fault> {
    let limit = match max_results {
        None => MOST,
        Some(number) => match usize::try_from(number) {
            Ok(limit @ 1..=MOST) => limit,
            Ok(_) | Err(_) => {
                let rule = format!("must be from 1 to {MOST}");
                return Err(Fault::field("maxResults", number, rule));
            }
        },
    };
    let after = next_token.map(|token| last_key(range, token)).transpose()?;
    Ok(Page { after, limit })
}

/// The token of the page after `last`.
#[must_use]
pub fn token(range: &str, last: &str) -> String {
    let rest = last.strip_prefix(range).unwrap_or(last);
    URL_SAFE_NO_PAD.encode(format!("{:08x}{rest}", fingerprint(range)))
}

fn last_key(range: &str, token: &str) -> Result<String, Fault> {
    let bad = || {
        let rule = "is not a token that this operation gave for the same question";
        Fault::client(format!("nextToken \"{}\" {rule}.", shown(token)))
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    let rest = text.strip_prefix(&format!("{:08x}", fingerprint(range))).ok_or_else(bad)?;
    let plain = !rest.is_empty() && rest.len() <= 200 && rest.bytes().all(|b| b.is_ascii_graphic());
    if plain { Ok(format!("{range}{rest}")) } else { Err(bad()) }
}

/// Ties a token to its range without repeating it; no secrecy is needed, since a token only says where to go on within
/// what the caller may list anyway. FNV-1a.
fn fingerprint(range: &str) -> u32 {
    range.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
