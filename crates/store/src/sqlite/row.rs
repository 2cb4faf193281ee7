//! A row of the log: the writes of a batch of commits as bytes, under the revision of the first.
//!
//! Per write: the key's length (u16), the value's length plus one or 0 for a delete (u32), the
//! key, the value; integers little-endian. No key is empty: a key's length of 0, alone, ends a commit that another one
//! follows, of the next revision. The layout belongs to the version of the log's files, and to the schema's
//! before version 3, when the log was a table.

use crate::{Revision, Write};

/// Stands between two commits.
const NEXT: [u8; 2] = [0; 2];
/// Two lengths, before a key.
const HEAD: usize = 2 + 4;

/// One write, read where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written<'a> {
    pub(crate) key: &'a str,
    /// `None`: deleted.
    pub(crate) value: Option<&'a [u8]>,
}

/// Begins the next commit, unless it is the row's first.
pub(crate) fn begin(row: &mut Vec<u8>) {
    if !row.is_empty() {
        row.extend_from_slice(&NEXT);
    }
}

/// Adds a write to the commit that was begun last; where it lies in the row.
pub(crate) fn append(row: &mut Vec<u8>, Written { key, value }: Written<'_>) -> u32 {
    let at = u32::try_from(row.len()).expect("a batch is at most 256 commits of 1 MiB");
    let key_len = u16::try_from(key.len()).expect("a validated key is at most 512 bytes long");
    let value_len = value.map_or(0, |value| value.len() + 1);
    let value_len = u32::try_from(value_len).expect("a validated commit is at most 1 MiB");
    row.extend_from_slice(&key_len.to_le_bytes());
    row.extend_from_slice(&value_len.to_le_bytes());
    row.extend_from_slice(key.as_bytes());
    row.extend_from_slice(value.unwrap_or_default());
    at
}

/// The write that [`append`] or [`places`] says is there.
pub(crate) fn written(row: &[u8], at: u32) -> Written<'_> {
    let mut rest = &row[at as usize..];
    read(&mut rest).expect("a write begins here")
}

/// The key of the write that is there: for comparing, which needs no text.
pub(crate) fn key(row: &[u8], at: u32) -> &[u8] {
    let at = at as usize;
    let length = u16::from_le_bytes([row[at], row[at + 1]]);
    &row[at + HEAD..][..usize::from(length)]
}

/// Room that a commit's writes take.
pub(crate) fn room<'w>(writes: impl IntoIterator<Item = &'w Write>) -> usize {
    let of = |write: &Write| HEAD + write.key.len() + write.value.as_ref().map_or(0, Vec::len);
    NEXT.len() + writes.into_iter().map(of).sum::<usize>()
}

/// Where the writes of a row lie, each with its revision.
pub(crate) type Places = Vec<(Revision, u32)>;

/// Where the writes of the row `first` lie, and the row's last revision; `None` if it is not a row.
pub(crate) fn places(first: Revision, row: &[u8]) -> Option<(Places, Revision)> {
    let mut places = Vec::new();
    let (mut revision, mut rest) = (first, row);
    while !rest.is_empty() {
        if rest.starts_with(&NEXT) {
            revision += 1;
            rest = &rest[NEXT.len()..];
            continue;
        }
        let at = u32::try_from(row.len() - rest.len()).ok()?;
        read(&mut rest)?;
        places.push((revision, at));
    }
    Some((places, revision))
}

fn read<'a>(rest: &mut &'a [u8]) -> Option<Written<'a>> {
    let key_len = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
    let value_len = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?);
    let key = std::str::from_utf8(take(rest, usize::from(key_len))?).ok()?;
    let value = match usize::try_from(value_len).ok()? {
        0 => None,
        more => Some(take(rest, more - 1)?),
    };
    Some(Written { key, value })
}

fn take<'a>(row: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = row.split_at_checked(count)?;
    *row = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_reads_back_and_a_cut_one_is_refused() {
        let put = |key, value| Written { key, value: Some(value) };
        let first = [put("item/a", b"bytes"), put("name/b", b"")];
        let second = [Written { key: "gone", value: None }];
        let (mut row, mut expected) = (Vec::new(), Vec::new());
        for (revision, commit) in [(7, &first[..]), (8, &second[..])] {
            begin(&mut row);
            expected.extend(commit.iter().map(|write| (revision, append(&mut row, *write))));
        }
        assert_eq!(places(7, &row), Some((expected.clone(), 8)));
        let keys: Vec<_> = expected.iter().map(|(_, at)| key(&row, *at)).collect();
        assert_eq!(keys, [&b"item/a"[..], b"name/b", b"gone"]);
        let read: Vec<_> = expected.iter().map(|(_, at)| written(&row, *at)).collect();
        assert_eq!(read, [&first[..], &second[..]].concat());
        let (one, two) = (6 + 6 + 5, 6 + 6 + 5 + 6 + 6);
        let ends = [0, one, two, two + 2, row.len()];
        for cut in 0..=row.len() {
            let is_row = places(7, &row[..cut]).is_some();
            assert_eq!(is_row, ends.contains(&cut), "cut at {cut}");
        }
    }
}
