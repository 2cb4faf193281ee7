//! One row of the log table: the writes of one commit as bytes.
//!
//! Per write: the key's length (u16), the value's length plus one or 0 for a delete (u32), the
//! key, the value; integers little-endian. The layout belongs to the schema version of the file.

use std::sync::Arc;

use super::recent::Change;

/// Writes `changes` into `row`, replacing what it held.
pub(crate) fn encode(changes: &[Change], row: &mut Vec<u8>) {
    row.clear();
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

/// Reads those changes of a row back whose keys are `wanted`; `None` if it is not a row.
pub(crate) fn decode(mut row: &[u8], wanted: impl Fn(&str) -> bool) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while !row.is_empty() {
        let key_len = u16::from_le_bytes(take(&mut row, 2)?.try_into().ok()?);
        let value_len = u32::from_le_bytes(take(&mut row, 4)?.try_into().ok()?);
        let key = std::str::from_utf8(take(&mut row, usize::from(key_len))?).ok()?;
        let value = match usize::try_from(value_len).ok()? {
            0 => None,
            more => Some(take(&mut row, more - 1)?),
        };
        if wanted(key) {
            changes.push((Arc::from(key), value.map(Arc::from)));
        }
    }
    Some(changes)
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
        let changes: Vec<Change> = vec![
            ("vif/a".into(), Some(Arc::from(&b"bytes"[..]))),
            ("claim/b".into(), Some(Arc::from(&b""[..]))),
            ("gone".into(), None),
        ];
        let mut row = vec![1, 2, 3];
        encode(&changes, &mut row);
        let kept = |key: &str| key != "claim/b";
        let without: Vec<_> = changes.iter().filter(|(key, _)| kept(key)).cloned().collect();
        assert_eq!(decode(&row, kept), Some(without));
        assert_eq!(decode(&row, |_| true), Some(changes));
        let ends = [0, 6 + 5 + 5, 6 + 5 + 5 + 6 + 7, row.len()];
        for cut in 0..=row.len() {
            assert_eq!(
                decode(&row[..cut], |_| true).is_some(),
                ends.contains(&cut),
                "cut at {cut}"
            );
        }
    }
}
