//! Pools of connections, and retries on them.

mod file;
mod server;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

#[cfg(any(feature = "postgres", feature = "mariadb"))]
pub use self::server::Timeouts;
pub use self::{file::FilePool, server::ServerPool};
use super::Usability;
use crate::{DbError, Fault, error::Retry};

/// The connections to one database. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub enum Pool {
    File(FilePool),
    Server(ServerPool),
}

/// An error that knows whether a retry may help.
pub trait Retryable {
    /// Makes the error for a timeout.
    const TIMEOUT: fn() -> Self;
    fn retry(&self) -> Retry;
    fn from_db(error: DbError) -> Self;
}

impl Retryable for DbError {
    const TIMEOUT: fn() -> Self = || Self::Unavailable(Fault::TIMEOUT);

    fn retry(&self) -> Retry {
        Self::retry(self)
    }

    fn from_db(error: DbError) -> Self {
        error
    }
}

impl Retryable for DbErr {
    const TIMEOUT: fn() -> Self = || Self::Conn(RuntimeErr::Internal("no response".to_owned()));

    fn retry(&self) -> Retry {
        DbError::from(self.clone()).retry()
    }

    fn from_db(error: DbError) -> Self {
        // `DbError::from` reads every internal error of a connection as an unavailable database.
        Self::Conn(RuntimeErr::Internal(error.to_string()))
    }
}

impl Pool {
    /// Runs `work` on a connection, and retries it where that may help.
    pub async fn run<T, E: Retryable, F>(&self, work: impl Fn(DatabaseConnection) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        match self {
            Self::File(pool) => pool.run(work).await,
            Self::Server(pool) => pool.run(work).await,
        }
    }

    /// The current connections.
    pub fn connections(&self) -> DatabaseConnection {
        match self {
            Self::File(pool) => pool.connections().clone(),
            Self::Server(pool) => pool.connections(),
        }
    }

    /// Whether the database can be used. A file always can.
    pub fn usability(&self) -> Usability {
        match self {
            Self::File(_) => Usability::default(),
            Self::Server(pool) => pool.usability(),
        }
    }
}
