//! What every use case can meet.

use std::time::Duration;

use auth_db::DbError;

use crate::{Busy, EntropyFailed, HashFailed};

/// When to come back while the database is away.
const DATABASE_RETRY: Duration = Duration::from_secs(1);

/// A use case could not be carried out, through no fault of who asked. Nothing is half done.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// Too many passwords wait to be hashed. Nothing was looked up.
    #[error("too many passwords wait to be hashed")]
    Busy {
        /// When a new attempt is likely to be taken.
        retry_after: Duration,
    },
    /// The database is away, busy or full.
    #[error("the database is unavailable")]
    Database {
        /// When to try again.
        retry_after: Duration,
        /// What it said.
        #[source]
        cause: DbError,
    },
    /// A fault of ours.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Busy> for Unavailable {
    fn from(busy: Busy) -> Self {
        Self::Busy { retry_after: busy.retry_after }
    }
}

impl From<DbError> for Unavailable {
    fn from(cause: DbError) -> Self {
        match cause {
            DbError::Unavailable(_) => Self::Database { retry_after: DATABASE_RETRY, cause },
            DbError::NoResultFound
            | DbError::InvalidRequest(_)
            | DbError::Conflict(_)
            | DbError::Corrupt { .. }
            | DbError::Refused(_) => Self::Internal(Box::new(cause)),
        }
    }
}

impl From<HashFailed> for Unavailable {
    fn from(cause: HashFailed) -> Self {
        Self::Internal(Box::new(cause))
    }
}

impl From<EntropyFailed> for Unavailable {
    fn from(cause: EntropyFailed) -> Self {
        Self::Internal(Box::new(cause))
    }
}
