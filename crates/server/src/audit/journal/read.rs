//! Reading the journal back, while it is written.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{AuditEvent, Cursor, files};

/// Longest line that is read; a longer one (nothing of ours) is passed over.
const MAX_LINE: u64 = 1024 * 1024;

/// Events after `after` (or from the oldest that is kept) in the order of their recording, at most
/// `limit`, and the cursor to go on from. A cursor into a file that is gone goes on with the oldest
/// one that is left; a line that is not an event is passed over; an unfinished last line is left
/// for later.
pub fn read(
    dir: &Path,
    after: Option<Cursor>,
    limit: usize,
) -> io::Result<(Vec<AuditEvent<'static>>, Cursor)> {
    let mut cursor = after.unwrap_or_default();
    let mut events = Vec::new();
    let sequences = match files::sequences(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        other => other?,
    };
    for sequence in
        sequences.into_iter().filter(|sequence| *sequence >= after.map_or(0, |c| c.file))
    {
        if sequence != cursor.file {
            cursor = Cursor { file: sequence, byte: 0 };
        }
        match File::open(files::path(dir, sequence)) {
            // Rotated away between the listing and now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => read_file(file?, &mut cursor, limit, &mut events)?,
        }
        if events.len() >= limit {
            break;
        }
    }
    Ok((events, cursor))
}

fn read_file(
    mut file: File,
    cursor: &mut Cursor,
    limit: usize,
    events: &mut Vec<AuditEvent<'static>>,
) -> io::Result<()> {
    file.seek(SeekFrom::Start(cursor.byte))?;
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut line = Vec::new();
    while events.len() < limit {
        line.clear();
        let length = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? as u64;
        if line.last() != Some(&b'\n') && length < MAX_LINE {
            // The end, or a line of which the end is missing as yet.
            return Ok(());
        }
        cursor.byte += length;
        events.extend(serde_json::from_slice::<AuditEvent>(&line).ok());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use linkway_domain::time::Time;
    use prometheus_client::metrics::counter::Counter;

    use super::super::{Journal, JournalOptions};
    use super::*;

    fn event(number: u64) -> AuditEvent<'static> {
        AuditEvent {
            time: Time::from_millis(1_764_000_000_000 + number),
            request_id: number.to_string().into(),
            principal: "operator".into(),
            account_id: None,
            access_key_id: None,
            source_address: "192.0.2.1".into(),
            operation: "DescribeConnections".into(),
            resources: Vec::new(),
            outcome: "ok".into(),
            message: None,
            parameters: None,
            count: None,
        }
    }

    fn numbers(events: &[AuditEvent]) -> Vec<u64> {
        events.iter().map(|event| event.request_id.parse().unwrap()).collect()
    }

    fn options(dir: &Path, file_bytes: u64, files: usize) -> JournalOptions {
        JournalOptions { dir: dir.join("journal"), file_bytes, files }
    }

    fn write(options: &JournalOptions, numbers: std::ops::Range<u64>) {
        let dropped = Counter::default();
        let journal = Journal::open(options.clone(), dropped.clone()).unwrap();
        for number in numbers {
            journal.record(&event(number));
            assert!(journal.flush(Duration::from_secs(10)));
        }
        drop(journal);
        assert_eq!(dropped.get(), 0);
    }

    #[test]
    fn events_come_back_in_order_page_by_page_across_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path(), 2000, 100);
        write(&options, 0..40);
        write(&options, 40..100);
        let sequences = files::sequences(&options.dir).unwrap();
        assert!(sequences.len() > 5, "{sequences:?}");
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let (page, next) = read(&options.dir, cursor, 7).unwrap();
            assert!(page.len() <= 7);
            if page.is_empty() {
                break;
            }
            seen.extend(numbers(&page));
            cursor = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        write(&options, 100..101);
        assert_eq!(numbers(&read(&options.dir, cursor, 7).unwrap().0), [100]);
        for sequence in sequences {
            let metadata = std::fs::metadata(files::path(&options.dir, sequence)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
            assert!(metadata.len() <= 2000);
        }
    }

    #[test]
    fn only_so_many_files_are_kept_and_an_old_cursor_goes_on_with_the_oldest() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path(), 2000, 3);
        write(&options, 0..200);
        assert_eq!(files::sequences(&options.dir).unwrap().len(), 3);
        let all = numbers(&read(&options.dir, None, 1000).unwrap().0);
        assert_eq!(all.last(), Some(&199));
        assert!(all.len() < 100 && all.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{all:?}");
        let old = Some(Cursor { file: 1, byte: 400 });
        assert_eq!(numbers(&read(&options.dir, old, 1000).unwrap().0), all);
    }

    #[test]
    fn torn_and_foreign_lines_do_no_harm() {
        let dir = tempfile::tempdir().unwrap();
        let options = options(dir.path(), 1_000_000, 3);
        write(&options, 0..2);
        let path = files::path(&options.dir, 1);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes.extend_from_slice(b"{\"not\":\"an event\"}\n\xff\xfe\n{\"time\":\"2025-");
        std::fs::write(&path, &bytes).unwrap();
        let (events, cursor) = read(&options.dir, None, 10).unwrap();
        assert_eq!(numbers(&events), [0, 1]);
        write(&options, 2..3);
        assert_eq!(numbers(&read(&options.dir, Some(cursor), 10).unwrap().0), [2]);
        assert_eq!(numbers(&read(&options.dir, None, 10).unwrap().0), [0, 1, 2]);
    }

    #[test]
    fn no_directory_is_no_events() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(&dir.path().join("none"), None, 10).unwrap(), (vec![], Cursor::default()));
    }

    #[test]
    fn a_write_that_fails_is_counted_and_the_next_succeeds() {
        let dir = tempfile::tempdir().unwrap();
        // Rotation after each event needs a file that cannot be made while its directory is away.
        let options = options(dir.path(), 1, 100);
        let dropped = Counter::default();
        let journal = Journal::open(options.clone(), dropped.clone()).unwrap();
        let record = |number| {
            journal.record(&event(number));
            assert!(journal.flush(Duration::from_secs(10)));
        };
        record(0);
        std::fs::rename(&options.dir, dir.path().join("away")).unwrap();
        record(1);
        assert_eq!(dropped.get(), 1);
        std::fs::rename(dir.path().join("away"), &options.dir).unwrap();
        let mut number = 2;
        let kept = loop {
            record(number);
            let kept = numbers(&journal.read(None, 10).unwrap().0);
            if kept.len() > 1 {
                break kept;
            }
            number += 1;
        };
        assert_eq!(kept, [0, number]);
        assert_eq!(dropped.get(), number - 1);
    }

    #[test]
    fn texts_that_are_no_cursor_are_refused() {
        for text in ["", ":", "1", "1:", ":1", "1:2:3", "-1:2", "a:b", "1:99999999999999999999"] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
