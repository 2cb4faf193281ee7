//! Pages of lists: `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use linkway_domain::Fault;
use linkway_domain::fault::shown;

/// The most elements of a page of an operator's list, how many there are unless the operator asks for fewer, and how many
/// keys are read from the store at a time.
pub const MOST: usize = 1000;

/// The most elements of a page that a tenant asks for: "if MaxResults is given a value larger than 100, only 100 results
/// are returned" (Direct Connect API Reference, `DescribeConnections` and `DescribeVirtualInterfaces`).
const MOST_ASKED: usize = 100;

/// Where a page starts and how long it may be, in elements; `usize::MAX` where it has all that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last key of the page before.
    pub after: Option<String>,
    /// The most elements.
    pub limit: usize,
}

/// Checks a tenant's members: without `maxResults` the page has everything. `range` is what is being listed: a token is
/// good for the range that it was made for.
///
/// # Errors
///
/// A client fault if `max_results` is below 1, or the token is not one of this range.
pub fn parse_tenant(
    range: &str,
    max_results: Option<i64>,
    next_token: Option<&str>,
) -> Result<Page, Fault> {
    let limit = match max_results {
        None => usize::MAX,
        Some(number) if number >= 1 => {
            usize::try_from(number).map_or(MOST_ASKED, |asked| asked.min(MOST_ASKED))
        }
        Some(number) => return Err(Fault::field("maxResults", number, "must be at least 1")),
    };
    let after = next_token.map(|token| last_key(range, token)).transpose()?;
    Ok(Page { after, limit })
}

/// Checks an operator's members: without `max_results` the page has [`MOST`] elements. `range` as in [`parse_tenant`].
///
/// # Errors
///
/// A client fault if `max_results` is not from 1 to [`MOST`], or the token is not one of this range.
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
