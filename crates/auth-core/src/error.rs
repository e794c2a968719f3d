//! The errors that every use case can have.

use std::time::Duration;

use auth_db::DbError;

use crate::{
    EntropyError,
    passwords::hasher::{HashError, Overloaded},
};

/// The delay before a retry while the database is unavailable.
const DATABASE_RETRY: Duration = Duration::from_secs(1);

/// The service could not process a valid request. The request had no effect.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The hasher is overloaded. Nothing was looked up.
    #[error("too many passwords wait to be hashed")]
    Overloaded {
        /// The time until a new attempt is likely to be admitted.
        retry_after: Duration,
    },
    /// The database is unavailable.
    #[error("the database is unavailable")]
    Database {
        /// The time until a retry.
        retry_after: Duration,
        /// The error of the database.
        #[source]
        cause: DbError,
    },
    /// An error in this program or its environment.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Overloaded> for ServiceError {
    fn from(overloaded: Overloaded) -> Self {
        Self::Overloaded { retry_after: overloaded.retry_after }
    }
}

impl From<DbError> for ServiceError {
    fn from(cause: DbError) -> Self {
        match cause {
            DbError::Unavailable(_) => Self::Database { retry_after: DATABASE_RETRY, cause },
            DbError::NoResultFound
            | DbError::InvalidRequest(_)
            | DbError::Conflict(_)
            | DbError::Corrupt { .. }
            | DbError::Rejected(_) => Self::Internal(Box::new(cause)),
        }
    }
}

impl From<HashError> for ServiceError {
    fn from(cause: HashError) -> Self {
        Self::Internal(Box::new(cause))
    }
}

impl From<EntropyError> for ServiceError {
    fn from(cause: EntropyError) -> Self {
        Self::Internal(Box::new(cause))
    }
}
