//! A segment of the log as it is read, record for record.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::row::{self, Places};
use super::{HEAD, Identity, MAGIC, MOST_REVISIONS, PAGE, VERSION, failed, record_checksum, title};
use crate::{Revision, StoreError};

/// A segment that is read.
pub(super) struct Reading {
    file: File,
    size: u64,
    salt: u64,
    /// Where the next record begins.
    at: u64,
    /// The revision that comes next.
    pub(super) next: Revision,
}

/// What is before a row.
pub(super) struct Head {
    checksum: u32,
    length: u32,
    first: Revision,
}

impl Reading {
    pub(super) fn open(path: &Path, identity: &Identity) -> Result<Self, StoreError> {
        let shown = path.display();
        let open = || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            let mut page = Vec::with_capacity(PAGE);
            (&file).take(PAGE as u64).read_to_end(&mut page)?;
            Ok((file, size, page))
        };
        let (file, size, page) = open().map_err(|error| failed("reading", &shown, &error))?;
        let refused = |why| Err(StoreError::Corrupt(format!("{shown} {why}")));
        let mut fields = Fields(&page);
        let (magic, version): ([u8; 8], [u8; 4]) = (fields.take(), fields.take());
        let _checksum: [u8; 4] = fields.take();
        let (whose, salt, first) = (fields.take(), fields.take(), fields.take());
        if page.len() < PAGE || magic != *MAGIC {
            return refused("is not a part of a Linkway database's log");
        }
        if version != VERSION.to_le_bytes() {
            return refused("is of another version than this build knows: use a newer build");
        }
        let (salt, first) = (u64::from_le_bytes(salt), Revision::from_le_bytes(first));
        if title(&whose, salt, first) != page {
            return refused("is damaged: its first page does not have the checksum that it names");
        }
        if whose != *identity {
            return refused(
                "belongs to another database (a restored backup is one): move it out of the way",
            );
        }
        Ok(Self { file, size, salt, at: PAGE as u64, next: first })
    }

    /// The row of the next record, and where its writes lie. Nothing at the end, or where a record is not whole.
    pub(super) fn record(&mut self) -> io::Result<Option<(Vec<u8>, Places)>> {
        let Some((head, row)) = self.here()? else { return Ok(None) };
        // With its checksum it is what was written.
        let Some((places, last)) = row::places(head.first, &row) else { return Ok(None) };
        self.next = last + 1;
        self.at += (HEAD as u64 + u64::from(head.length)).next_multiple_of(PAGE as u64);
        Ok(Some((row, places)))
    }

    /// What is where the next record must be, if that is whole.
    pub(super) fn here(&self) -> io::Result<Option<(Head, Vec<u8>)>> {
        let Some(head) = self.head(self.at)?.filter(|head| head.first == self.next) else {
            return Ok(None);
        };
        Ok(self.row(self.at, &head)?.map(|row| (head, row)))
    }

    /// Whether no record that follows is whole.
    pub(super) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.here()?.is_none() && !self.goes_on()?)
    }

    /// Whether a later record is whole, behind one that is not.
    pub(super) fn goes_on(&self) -> io::Result<bool> {
        let mut latest = self.next;
        for at in (self.at..self.size).step_by(PAGE).skip(1) {
            latest += MOST_REVISIONS;
            let is_later = |head: &Head| head.first > self.next && head.first <= latest;
            if let Some(head) = self.head(at)?.filter(is_later)
                && self.row(at, &head)?.is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a record begins with; nothing at the end of the file.
    fn head(&self, at: u64) -> io::Result<Option<Head>> {
        if at + PAGE as u64 > self.size {
            return Ok(None);
        }
        let mut head = [0; HEAD];
        self.file.read_exact_at(&mut head, at)?;
        let mut fields = Fields(&head);
        let (checksum, length) = (fields.take(), fields.take());
        Ok(Some(Head {
            checksum: u32::from_le_bytes(checksum),
            length: u32::from_le_bytes(length),
            first: Revision::from_le_bytes(fields.take()),
        }))
    }

    /// The row of a record, if it is what was written.
    fn row(&self, at: u64, head: &Head) -> io::Result<Option<Vec<u8>>> {
        let begins = at + HEAD as u64;
        if u64::from(head.length) > self.size - begins {
            return Ok(None);
        }
        let mut row = vec![0; head.length as usize];
        self.file.read_exact_at(&mut row, begins)?;
        let sum = record_checksum(self.salt, head.length, head.first, &row);
        Ok((sum == head.checksum).then_some(row))
    }
}

/// Takes fields of fixed size from the beginning of bytes; zeros where those have ended.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_at(N.min(self.0.len()));
        self.0 = rest;
        let mut taken = [0; N];
        taken[..field.len()].copy_from_slice(field);
        taken
    }
}
