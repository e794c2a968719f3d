//! Instants as columns: `BIGINT` microseconds since 1970 UTC.

use sea_orm::DeriveValueType;
use time::OffsetDateTime;

use crate::DbError;

/// Microseconds since 1970 UTC: exact, ordered, valid beyond 2038, and the same type on every database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, DeriveValueType)]
pub struct Micros(i64);

impl Micros {
    /// The instant, or [`DbError::Corrupt`] for a number outside of the calendar.
    pub fn read(self, table: &'static str, column: &'static str) -> Result<OffsetDateTime, DbError> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .map_err(|_| DbError::Corrupt { table, column })
    }
}

impl From<OffsetDateTime> for Micros {
    fn from(instant: OffsetDateTime) -> Self {
        let micros = instant.unix_timestamp_nanos().div_euclid(1000);
        Self(i64::try_from(micros).unwrap_or(if micros < 0 { i64::MIN } else { i64::MAX }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_to_the_microsecond_before_1970_and_past_2038() {
        for seconds in [-62_135_596_800, -1, 0, 2_147_483_648, 253_402_300_799] {
            let instant =
                OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_microsecond(7).unwrap();

            assert_eq!(Micros::from(instant).read("t", "c").unwrap(), instant);
        }
        assert!(matches!(Micros(i64::MAX).read("t", "c"), Err(DbError::Corrupt { .. })));
    }
}
