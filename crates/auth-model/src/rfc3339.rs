//! Instants as people and programs read them.

use time::OffsetDateTime;

/// An instant in UTC, to the second, as `2026-11-28T20:24:47Z` (RFC 3339 section 5.6).
#[must_use]
pub fn rfc3339(at: OffsetDateTime) -> String {
    let at = at.to_offset(time::UtcOffset::UTC);
    let time = at.time();
    format!("{}T{:02}:{:02}:{:02}Z", at.date(), time.hour(), time.minute(), time.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_in_utc_and_to_the_second() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_795_897_487_999_999_999).unwrap();
        let elsewhere = at.to_offset(time::UtcOffset::from_hms(2, 0, 0).unwrap());

        assert_eq!(rfc3339(at), "2026-11-28T20:24:47Z");
        assert_eq!(rfc3339(elsewhere), "2026-11-28T20:24:47Z");
    }
}
