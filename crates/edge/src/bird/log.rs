//! What BIRD's log last has of a session: it names what `Last error` leaves out, such as the AS number that was refused. Pure, but for
//! reading the end of the file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use linkway_domain::Time;

/// How much of the log's end is read.
const TAIL: u64 = 256 * 1024;

/// A line of the log about a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When, as the log has it: the machine's local time.
    pub local: LocalTime,
    /// What was logged, without the session's name.
    pub text: String,
}

/// The end of a log.
///
/// # Errors
/// When it cannot be read; a log that is not there is empty.
pub fn tail(path: &Path) -> io::Result<String> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last error of a session in a log: `2026-11-30 20:43:25.311 <RMT> dxvif_f0000001: Error: Bad peer AS: 65099`.
#[must_use]
pub fn last_error(log: &str, session: &str) -> Option<Entry> {
    log.lines().rev().find_map(|line| {
        let (time, rest) = line.split_once(" <")?;
        let (_, rest) = rest.split_once("> ")?;
        let text = rest.strip_prefix(session)?.strip_prefix(": ")?;
        let is_error = ["Error: ", "Received: ", "Socket: "].iter().any(|kind| text.contains(kind));
        is_error.then_some(())?;
        Some(Entry { local: LocalTime::parse(time)?, text: text.to_owned() })
    })
}

/// A moment of the machine's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime(DateTime);

impl LocalTime {
    /// As BIRD writes it: `2026-11-30 20:43:25.311`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text.trim()).ok().map(Self)
    }

    /// In Unix time, where it is `local` when it is `now`: zones differ by quarters of an hour.
    #[must_use]
    pub fn unix(self, local: Self, now: Time) -> Option<Time> {
        const QUARTER: i64 = 15 * 60;
        let now = i64::try_from(now.millis() / 1000).ok()?;
        let offset = (local.seconds()? - now + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
        Some(Time::from_millis(u64::try_from(self.seconds()? - offset).ok()? * 1000))
    }

    /// Seconds since the beginning of 1970 there.
    fn seconds(self) -> Option<i64> {
        Some(self.0.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_error_of_a_session_is_found_with_its_time() {
        let log = "2026-11-30 20:43:24.550 <INFO> Started\n\
                   2026-11-30 20:43:25.311 <RMT> dxvif_f0000001: Error: Bad peer AS: 65098\n\
                   2026-11-30 20:43:26.311 <RMT> dxvif_f0000001: Error: Bad peer AS: 65099\n\
                   2026-11-30 20:43:26.500 <RMT> dxvif_f0000001_v6: Received: Cease\n\
                   2026-11-30 20:43:27.000 <WARN> dxvif_f0000001: something else\n";
        let entry = last_error(log, "dxvif_f0000001").expect("two are there");
        assert_eq!(entry.text, "Error: Bad peer AS: 65099");
        assert_eq!(last_error(log, "dxvif_f0000002"), None);
        assert_eq!(last_error(log, "dxvif_f0000001_v6").expect("one").text, "Received: Cease");
        // 20:43:26 where it is two hours later than in Greenwich.
        let local = LocalTime::parse("2026-11-30 20:44:00.000").expect("a time");
        let now = Time::from_millis(1_796_064_241_000);
        assert_eq!(entry.local.unix(local, now), Some(Time::from_millis(1_796_064_206_000)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for bad in ["", "x", "2026-11-30", "2026-11-30 20:43", "2026-13-30 20:43:25", "a-b-c d:e:f"]
        {
            assert_eq!(LocalTime::parse(bad), None, "{bad}");
        }
        assert!(LocalTime::parse("2026-11-30 20:43:25").is_some());
    }
}
