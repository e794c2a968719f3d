//! Tries as rows keep them.

use auth_model::Tries;

use crate::{DbError, instant::Micros};

/// The three columns of a row that holds tries.
#[derive(Clone, Copy)]
pub struct Columns {
    pub failures: i32,
    pub blocked_until: Micros,
    pub latest_at: Micros,
}

impl From<&Tries> for Columns {
    fn from(tries: &Tries) -> Self {
        Self {
            failures: i32::try_from(tries.failures).unwrap_or(i32::MAX),
            blocked_until: tries.blocked_until.into(),
            latest_at: tries.latest_at.into(),
        }
    }
}

impl Columns {
    pub fn read(self, table: &'static str) -> Result<Tries, DbError> {
        let failures =
            u32::try_from(self.failures).map_err(|_| DbError::Corrupt { table, column: "failures" })?;
        Ok(Tries {
            failures,
            blocked_until: self.blocked_until.read(table, "blocked_until")?,
            latest_at: self.latest_at.read(table, "latest_at")?,
        })
    }
}
