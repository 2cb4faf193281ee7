//! Pages of lists: `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use linkway_domain::Fault;
use linkway_domain::fault::shown;
use linkway_domain::index::Index;
use linkway_domain::record::Record;
use linkway_domain::tag::Tags;
use linkway_wire::generated as wire;

use super::{Answered, Api, Call};
use crate::records::Failure;

/// The longest page that a tenant asks for: "if MaxResults is given a value larger than 100, only 100 results are returned"
/// (Direct Connect API Reference, `DescribeConnections` and `DescribeVirtualInterfaces`).
pub const LONGEST: usize = 100;

/// The longest page of an operator's list, and its length unless the caller asks for fewer.
pub const LONGEST_FOR_OPERATOR: usize = 1000;

/// How many entries are read at a time where a whole list is asked for.
const CHUNK: usize = 1000;

/// How many entries of a tenant's list are read at a time. A tag-laden interface takes 75 KiB.
const TENANTS_CHUNK: usize = 25;

/// A tenant's page ends where it has become as large as this, with a token for the rest: an answer that nobody takes stays
/// in memory.
const PAGE_BYTES: usize = 1024 * 1024;

/// The same for a whole list: some three thousand interfaces with few tags.
const LIST_BYTES: usize = 4 * 1024 * 1024;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// How many; `None`: all that is left.
    limit: Option<usize>,
    /// Where to go on.
    token: Option<&'a str>,
}

impl<'a> Asked<'a> {
    /// By a tenant. Without `maxResults` the answer is the whole list, up to [`LIST_BYTES`].
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

/// How many elements a tenant's list has at most, where the whole of it is small.
///
/// # Errors
///
/// If `max_results` is below 1.
pub fn tenants_limit(max_results: Option<i64>) -> Result<usize, Fault> {
    let limit = max_results.map(at_least_one).transpose()?;
    Ok(limit.map_or(LONGEST, |limit| limit.min(LONGEST)))
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

    /// The part of a tenant's list that is asked for, to be read piece by piece.
    pub(super) async fn tenants_list<'a, T>(
        &'a self,
        call: &Call,
        index: &'a Index<T>,
        asked: Asked<'_>,
    ) -> Answered<TenantsList<'a, T>> {
        let after = asked.token.map(|token| last_key(index.range().as_str(), token)).transpose()?;
        let most_bytes = if asked.limit.is_some() { PAGE_BYTES } else { LIST_BYTES };
        call.reserve(most_bytes)?;
        call.wait_for_turn().await;
        let left = asked.limit.unwrap_or(usize::MAX);
        Ok(TenantsList { api: self, index, after, left, bytes_left: most_bytes, ended: false })
    }
}

/// A tenant's list on its way into an answer, which ends with as many elements as were asked for, or when it has become too
/// large.
pub struct TenantsList<'a, T> {
    api: &'a Api,
    index: &'a Index<T>,
    /// The last key that was read.
    after: Option<String>,
    left: usize,
    bytes_left: usize,
    /// Whether there is nothing after the last key.
    ended: bool,
}

impl<T: TryFrom<Record>> TenantsList<'_, T> {
    /// The next records; `None` at the end of the page.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, Failure> {
        if self.ended || self.left == 0 || self.bytes_left == 0 {
            return Ok(None);
        }
        // Others have their turn between two parts.
        tokio::task::yield_now().await;
        let limit = self.left.min(TENANTS_CHUNK);
        let (found, next) = self.api.records.page(self.index, self.after.as_deref(), limit).await?;
        self.left -= limit;
        self.ended = next.is_none();
        self.after = next;
        Ok(Some(found))
    }

    /// What was read last takes about this many bytes of the answer.
    pub fn took(&mut self, bytes: usize) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    /// Where the next page starts; `None` if this is the last.
    pub fn next_token(self) -> Option<String> {
        self.after.map(|last| token(self.index.range().as_str(), &last))
    }
}

/// About what an element of an answer takes besides its tags, in bytes.
const ELEMENT_BYTES: usize = 1024;

/// About what an element with these tags takes in an answer, in bytes.
pub fn tagged_bytes(tags: Option<&[wire::Tag]>) -> usize {
    let size = |tag: &wire::Tag| {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&tag.key) + length(&tag.value) + 32
    };
    ELEMENT_BYTES + tags.unwrap_or_default().iter().map(size).sum::<usize>()
}

/// The same, before they are in the form of the answer.
pub fn element_bytes(tags: Option<&Tags>) -> usize {
    let tags = tags.into_iter().flat_map(Tags::iter);
    let size = |(key, value): (&str, Option<&str>)| key.len() + value.map_or(0, str::len) + 32;
    ELEMENT_BYTES + tags.map(size).sum::<usize>()
}

/// What a list has that is asked for one thing.
pub(super) fn one_of<T: TryFrom<Record>>(found: Option<Record>) -> Option<T> {
    found.and_then(|record| T::try_from(record).ok())
}

/// The token of the page after `last`.
pub(super) fn token(range: &str, last: &str) -> String {
    let rest = last.strip_prefix(range).unwrap_or(last);
    URL_SAFE_NO_PAD.encode(format!("{:08x}{rest}", fingerprint(range)))
}

/// The key that a token goes on after. A token is good for the list that it was made for.
pub(super) fn last_key(range: &str, token: &str) -> Result<String, Fault> {
    let bad = || bad_token(token);
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad())?;
    let text = String::from_utf8(bytes).map_err(|_| bad())?;
    let rest = text.strip_prefix(&format!("{:08x}", fingerprint(range))).ok_or_else(bad)?;
    let plain = !rest.is_empty() && rest.len() <= 200 && rest.bytes().all(|b| b.is_ascii_graphic());
    if plain { Ok(format!("{range}{rest}")) } else { Err(bad()) }
}

/// The refusal of a token that was made for another list, or is none.
pub(super) fn bad_token(token: &str) -> Fault {
    let rule = "is not a token that this operation gave for the same question";
    Fault::client(format!("nextToken \"{}\" {rule}.", shown(token)))
}

/// Ties a token to its range without repeating it; no secrecy is needed, since a token only says where to go on within
/// what the caller may list anyway. FNV-1a.
fn fingerprint(range: &str) -> u32 {
    range.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
