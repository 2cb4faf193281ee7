//! The one place where the time is read.

use linkway_domain::Time;

/// The time of this machine.
#[must_use]
pub fn now() -> Time {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// A moment as others write it.
#[must_use]
pub fn timestamp(time: Time) -> jiff::Timestamp {
    i64::try_from(time.millis())
        .ok()
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}
