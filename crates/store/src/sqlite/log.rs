//! One row of the log table: the writes of a batch of commits as bytes, under the revision of the first.
//!
//! Per write: the key's length (u16), the value's length plus one or 0 for a delete (u32), the
//! key, the value; integers little-endian. No key is empty: a key's length of 0, alone, ends a commit that another one
//! follows, of the next revision. The layout belongs to the schema version of the file.

use std::sync::Arc;

use super::recent::Change;
use crate::Revision;

/// Stands between two commits.
const NEXT: [u8; 2] = [0; 2];

/// Adds the next commit's changes to `row`.
pub(crate) fn encode(changes: &[Change], row: &mut Vec<u8>) {
    if !row.is_empty() {
        row.extend_from_slice(&NEXT);
    }
    for (key, value) in changes {
        let key_len = u16::try_from(key.len()).expect("a validated key is at most 512 bytes long");
        let value_len = value.as_ref().map_or(0, |value| value.len() + 1);
        let value_len = u32::try_from(value_len).expect("a validated commit is at most 1 MiB");
        row.extend_from_slice(&key_len.to_le_bytes());
        row.extend_from_slice(&value_len.to_le_bytes());
        row.extend_from_slice(key.as_bytes());
        row.extend_from_slice(value.as_deref().unwrap_or_default());
    }
}

/// Reads those changes of the row `first` back that are `wanted`, and the row's last revision; `None` if it is not a row.
pub(crate) fn decode(
    first: Revision,
    mut row: &[u8],
    wanted: impl Fn(Revision, &str) -> bool,
) -> Option<(Vec<(Revision, Change)>, Revision)> {
    let mut changes = Vec::new();
    let mut revision = first;
    while !row.is_empty() {
        let key_len = u16::from_le_bytes(take(&mut row, 2)?.try_into().ok()?);
        if key_len == 0 {
            revision += 1;
            continue;
        }
        let value_len = u32::from_le_bytes(take(&mut row, 4)?.try_into().ok()?);
        let key = std::str::from_utf8(take(&mut row, usize::from(key_len))?).ok()?;
        let value = match usize::try_from(value_len).ok()? {
            0 => None,
            more => Some(take(&mut row, more - 1)?),
        };
        if wanted(revision, key) {
            changes.push((revision, (Arc::from(key), value.map(Arc::from))));
        }
    }
    Some((changes, revision))
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
        let first: Vec<Change> = vec![
            ("vif/a".into(), Some(Arc::from(&b"bytes"[..]))),
            ("claim/b".into(), Some(Arc::from(&b""[..]))),
        ];
        let second: Vec<Change> = vec![("gone".into(), None)];
        let mut row = Vec::new();
        encode(&first, &mut row);
        encode(&second, &mut row);
        let of = |revision, changes: &[Change]| {
            changes.iter().cloned().map(move |change| (revision, change)).collect::<Vec<_>>()
        };
        let all = [of(7, &first), of(8, &second)].concat();
        let kept = |revision, key: &str| revision == 8 || key != "claim/b";
        let without = [of(7, &first[..1]), of(8, &second)].concat();
        assert_eq!(decode(7, &row, kept), Some((without, 8)));
        assert_eq!(decode(7, &row, |_, _| true), Some((all, 8)));
        let (one, two) = (6 + 5 + 5, 6 + 5 + 5 + 6 + 7);
        let ends = [0, one, two, two + 2, row.len()];
        for cut in 0..=row.len() {
            let is_row = decode(7, &row[..cut], |_, _| true).is_some();
            assert_eq!(is_row, ends.contains(&cut), "cut at {cut}");
        }
    }
}
