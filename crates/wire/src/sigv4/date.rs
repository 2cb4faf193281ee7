//! The time of a request: the basic ISO 8601 form that Signature V4 signs, and the form of `Date`.

use std::fmt;

use jiff::{Timestamp, civil, fmt::rfc2822, tz::Offset};

/// Long enough for every form of RFC 1123 and RFC 850, short enough to bound the parser.
const MAX_HTTP_DATE: usize = 40;

/// The weekday says nothing that the date does not: AWS's own examples have wrong ones.
static HTTP_DATE: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new().relaxed_weekday(true);

/// The time at which a request was signed, whole seconds of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTime {
    second: i64,
    basic: [u8; 16],
}

impl RequestTime {
    /// The second that `at` falls in. Years before 0 are shown as year 0: no request has them.
    pub fn of(at: Timestamp) -> Self {
        let is_before_epoch = at.subsec_nanosecond() < 0;
        let second = at.as_second() - i64::from(is_before_epoch);
        let at = Timestamp::from_second(second).unwrap_or(at);
        let utc = Offset::UTC.to_datetime(at);
        let mut basic = *b"00000000T000000Z";
        let fields = [
            (0..4, utc.year().max(0).unsigned_abs()),
            (4..6, utc.month().unsigned_abs().into()),
            (6..8, utc.day().unsigned_abs().into()),
            (9..11, utc.hour().unsigned_abs().into()),
            (11..13, utc.minute().unsigned_abs().into()),
            (13..15, utc.second().unsigned_abs().into()),
        ];
        for (range, value) in fields {
            put_decimal(&mut basic[range], value);
        }
        Self { second: at.as_second(), basic }
    }

    /// Reads `YYYYMMDDTHHMMSSZ`, nothing shorter or longer. A leap second (`60`) is not a time.
    pub(super) fn parse_basic(text: &[u8]) -> Option<Self> {
        let basic: [u8; 16] = text.try_into().ok()?;
        if basic[8] != b'T' || basic[15] != b'Z' {
            return None;
        }
        let small = |from: usize| i8::try_from(decimal(&basic[from..from + 2])?).ok();
        let utc = civil::DateTime::new(
            decimal(&basic[..4])?,
            small(4)?,
            small(6)?,
            small(9)?,
            small(11)?,
            small(13)?,
            0,
        )
        .ok()?;
        let at = Offset::UTC.to_timestamp(utc).ok()?;
        Some(Self { second: at.as_second(), basic })
    }

    /// Reads the value of `Date`: RFC 1123 (`Sun, 30 Aug 2015 12:36:00 GMT`), or the basic form,
    /// which some clients write there too.
    pub(super) fn parse_date_header(text: &[u8]) -> Option<Self> {
        if let Some(time) = Self::parse_basic(text) {
            return Some(time);
        }
        if text.len() > MAX_HTTP_DATE {
            return None;
        }
        let at = HTTP_DATE.parse_timestamp(text).ok()?;
        (at >= Timestamp::UNIX_EPOCH).then(|| Self::of(at))
    }

    /// The time itself.
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_second(self.second).expect("it was taken from a timestamp")
    }

    /// `YYYYMMDDTHHMMSSZ`.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.basic).expect("digits, T and Z only")
    }

    /// `YYYYMMDD`, the day that a credential scope must name.
    pub fn day(&self) -> &str {
        &self.as_str()[..8]
    }
}

impl fmt::Display for RequestTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn decimal(digits: &[u8]) -> Option<i16> {
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
    })
}

fn put_decimal(digits: &mut [u8], mut value: u16) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).expect("below ten");
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_form_is_read_strictly_and_written_back() {
        let table = [
            ("20150830T123600Z", Some("2015-08-30T12:36:00Z")),
            ("20240229T000000Z", Some("2024-02-29T00:00:00Z")),
            ("20230229T000000Z", None),
            ("20151330T123600Z", None),
            ("20150830T243600Z", None),
            ("20150830T126000Z", None),
            ("20150830T123660Z", None),
            ("20150830t123600Z", None),
            ("20150830T123600z", None),
            ("20150830T123600", None),
            ("20150830T123600Z ", None),
            ("2015-08-30T12:36Z", None),
            ("2015083OT123600Z", None),
            ("+0150830T123600Z", None),
            ("", None),
        ];
        for (text, expected) in table {
            let time = RequestTime::parse_basic(text.as_bytes());
            assert_eq!(time.map(|t| t.timestamp().to_string()).as_deref(), expected, "{text}");
            if let Some(time) = time {
                assert_eq!(time.as_str(), text);
                assert_eq!(RequestTime::of(time.timestamp()), time);
            }
        }
    }

    #[test]
    fn date_header_is_rfc_1123_or_basic() {
        let table = [
            ("Sun, 30 Aug 2015 12:36:00 GMT", Some("20150830T123600Z")),
            ("Sun, 30 Aug 2015 14:36:00 +0200", Some("20150830T123600Z")),
            ("20150830T123600Z", Some("20150830T123600Z")),
            ("Mon, 30 Aug 2015 12:36:00 GMT", Some("20150830T123600Z")),
            ("Sun, 31 Feb 2015 12:36:00 GMT", None),
            ("2015-08-30T12:36:00Z", None),
            ("Sun, 30 Aug 1900 12:36:00 GMT", None),
            ("Sun, 30 Aug 2015 12:36:00 GMT (((((((((((((((((((((((((((", None),
            ("", None),
        ];
        for (text, expected) in table {
            let time = RequestTime::parse_date_header(text.as_bytes());
            assert_eq!(time.as_ref().map(RequestTime::as_str), expected, "{text}");
        }
    }

    #[test]
    fn fractions_belong_to_the_second_they_fall_in() {
        let at: Timestamp = "2015-08-30T12:36:00.999999999Z".parse().unwrap();
        assert_eq!(RequestTime::of(at).as_str(), "20150830T123600Z");
        let at: Timestamp = "1969-12-31T23:59:58.5Z".parse().unwrap();
        assert_eq!(RequestTime::of(at).as_str(), "19691231T235958Z");
        assert_eq!(RequestTime::of(Timestamp::MAX).day(), "99991230");
        assert_eq!(&RequestTime::of(Timestamp::MIN).as_str()[..4], "0000");
    }
}
