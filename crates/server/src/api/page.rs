//! Pages of lists: `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use linkway_domain::Fault;
use linkway_domain::fault::shown;
use linkway_domain::index::Index;
use linkway_domain::record::Record;

use super::Api;
use crate::records::Failure;

/// The longest page that a tenant asks for: "if MaxResults is given a value larger than 100, only 100 results are returned"
/// (Direct Connect API Reference, `DescribeConnections` and `DescribeVirtualInterfaces`).
pub const LONGEST: usize = 100;

/// The longest page of an operator's list, and its length unless the caller asks for fewer.
pub const LONGEST_FOR_OPERATOR: usize = 1000;

/// How many entries are read at a time where a whole list is asked for.
const CHUNK: usize = 1000;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// How many; `None`: all that is left.
    limit: Option<usize>,
    /// Where to go on.
    token: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// By a tenant. Without `maxResults` the answer is the whole list.
    ///
    /// # Errors
    ///
    /// If `max_results` is below 1.
    pub fn by_tenant(max_results: Option<i64>, token: Option<&'a str>) -> Result<Self, Fault> {
        let limit = max_results.map(at_least_one).transpose()?;
        Ok(Self { limit: limit.map(|limit| limit.min(LONGEST)), token })
    }

    /// By the operator.
    ///
    /// # Errors
    ///
    /// If `max_results` is not from 1 to [`LONGEST_FOR_OPERATOR`].
    pub fn by_operator(max_results: Option<i64>, token: Option<&'a str>) -> Result<Self, Fault> {
        Ok(Self { limit: Some(operators_limit(max_results)?), token })
    }
}

/// How many elements an operator's list has at most.
///
/// # Errors
///
/// If `max_results` is not from 1 to [`LONGEST_FOR_OPERATOR`].
pub fn operators_limit(max_results: Option<i64>) -> Result<usize, Fault> {
    let Some(number) = max_results else { return Ok(LONGEST_FOR_OPERATOR) };
    match usize::try_from(number) {
        Ok(limit @ 1..=LONGEST_FOR_OPERATOR) => Ok(limit),
        Ok(_) | Err(_) => {
            let rule = format!("must be from 1 to {LONGEST_FOR_OPERATOR}");
            Err(Fault::field("maxResults", number, rule))
        }
    }
}

fn at_least_one(number: i64) -> Result<usize, Fault> {
    match usize::try_from(number) {
        Ok(0) | Err(_) => Err(Fault::field("maxResults", number, "must be at least 1")),
        Ok(limit) => Ok(limit),
    }
}

impl Api {
    /// The part of a list that is asked for, and the token of what comes after it.
    pub(super) async fn list<T>(
        &self,
        index: &Index<T>,
        asked: Asked<'_>,
    ) -> Result<(Vec<T>, Option<String>), Failure>
    where
        T: TryFrom<Record>,
    {
        let range = index.range().as_str();
        let mut after = asked.token.map(|token| last_key(range, token)).transpose()?;
        if let Some(limit) = asked.limit {
            let (records, next) = self.records.page(index, after.as_deref(), limit).await?;
            return Ok((records, next.map(|last| token(range, &last))));
        }
        let mut all = Vec::new();
        loop {
            let (records, next) = self.records.page(index, after.as_deref(), CHUNK).await?;
            all.extend(records);
            if next.is_none() {
                return Ok((all, None));
            }
            after = next;
        }
    }
}

/// What a list has that is asked for one thing.
pub(super) fn one_of<T: TryFrom<Record>>(found: Option<Record>) -> Option<T> {
    found.and_then(|record| T::try_from(record).ok())
}

/// The token of the page after `last`.
fn token(range: &str, last: &str) -> String {
    let rest = last.strip_prefix(range).unwrap_or(last);
    URL_SAFE_NO_PAD.encode(format!("{:08x}{rest}", fingerprint(range)))
}

/// The key that a token goes on after. A token is good for the list that it was made for.
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
