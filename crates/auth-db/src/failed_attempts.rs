//! Failed attempts as columns.

use auth_model::FailedAttempts;

use crate::{DbError, instant::Micros};

/// The three columns of failed attempts.
#[derive(Clone, Copy)]
pub struct Columns {
    pub failures: i32,
    pub blocked_until: Micros,
    pub latest_at: Micros,
}

impl From<&FailedAttempts> for Columns {
    fn from(attempts: &FailedAttempts) -> Self {
        Self {
            failures: i32::try_from(attempts.failures).unwrap_or(i32::MAX),
            blocked_until: attempts.blocked_until.into(),
            latest_at: attempts.latest_at.into(),
        }
    }
}

impl Columns {
    pub fn read(self, table: &'static str) -> Result<FailedAttempts, DbError> {
        let failures =
            u32::try_from(self.failures).map_err(|_| DbError::Corrupt { table, column: "failures" })?;
        Ok(FailedAttempts {
            failures,
            blocked_until: self.blocked_until.read(table, "blocked_until")?,
            latest_at: self.latest_at.read(table, "latest_at")?,
        })
    }
}
