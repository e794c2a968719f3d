//! Arithmetic on instants with the durations of the standard library, and their textual form.

use std::time::Duration;

use time::OffsetDateTime;

/// The instant that is `duration` after `at`; the last instant of the calendar if it is later.
#[must_use]
pub fn after(at: OffsetDateTime, duration: Duration) -> OffsetDateTime {
    at.saturating_add(signed(duration))
}

/// The instant that is `duration` before `at`; the first instant of the calendar if it is earlier.
#[must_use]
pub fn before(at: OffsetDateTime, duration: Duration) -> OffsetDateTime {
    at.saturating_sub(signed(duration))
}

/// The time from `at` to `now`; none if `at` is in the future.
#[must_use]
pub fn elapsed(at: OffsetDateTime, now: OffsetDateTime) -> Option<Duration> {
    (now - at).try_into().ok()
}

/// The instant in UTC, to the second, as `2026-11-28T20:24:47Z` (RFC 3339 section 5.6).
#[must_use]
pub fn rfc3339(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let time = at.time();
    format!("{}T{:02}:{:02}:{:02}Z", at.date(), time.hour(), time.minute(), time.second())
}

fn signed(duration: Duration) -> time::Duration {
    duration.try_into().unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_utc_to_the_second() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_795_897_487_999_999_999).unwrap();
        let elsewhere = at.to_offset(time::UtcOffset::from_hms(2, 0, 0).unwrap());

        assert_eq!(rfc3339(at), "2026-11-28T20:24:47Z");
        assert_eq!(rfc3339(elsewhere), "2026-11-28T20:24:47Z");
    }

    #[test]
    fn arithmetic_saturates_and_the_future_has_no_elapsed_time() {
        let at = OffsetDateTime::UNIX_EPOCH;
        let hour = Duration::from_hours(1);

        assert_eq!(before(after(at, hour), hour), at);
        assert!(after(at, Duration::MAX) > at && before(at, Duration::MAX) < at);
        assert_eq!(elapsed(at, after(at, hour)), Some(hour));
        assert_eq!(elapsed(after(at, hour), at), None);
    }
}
