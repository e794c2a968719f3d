//! What can go wrong with a database, in the words of its callers.

use std::fmt;

use auth_model::InvalidRequest;
use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::constraints;

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// There is no such row.
    #[error("no result found")]
    NoResultFound,
    /// A textual request names a field that does not exist or a value it can't have; nothing was written.
    #[error("invalid request: {0}")]
    InvalidRequest(#[from] InvalidRequest),
    /// A value that must be unique is taken: raised by the database's own index.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// A stored value is one that we never write.
    #[error("impossible value in {table}.{column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database can't be reached, is busy, full or read-only: a later try may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(Fault),
    /// The database refused what we asked: a fault of ours.
    #[error("the database refused a statement: {0}")]
    Refused(Fault),
}

/// Which unique value is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The canonical address of a user.
    Email,
    /// The id of a session.
    SessionId,
    /// The digest of a session's token.
    SessionToken,
    /// The digest of a reset token.
    ResetToken,
    /// A reset is outstanding for the user.
    Reset,
    /// The name of a server key.
    ServerKey,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "the e-mail address is taken",
            Self::SessionId => "the session id is taken",
            Self::SessionToken => "the session token is taken",
            Self::ResetToken => "the reset token is taken",
            Self::Reset => "the user has an outstanding reset",
            Self::ServerKey => "the server has a key of this name",
        })
    }
}

/// What the driver told, less its message: messages carry values, and values do not belong in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    code: Option<String>,
    kind: &'static str,
    transient: bool,
}

impl Fault {
    /// Work kept its transaction beyond its end.
    pub(crate) const KEPT: Self = Self::of("a transaction was kept beyond the end of its work");

    const fn of(kind: &'static str) -> Self {
        Self { code: None, kind, transient: false }
    }

    /// Whether the file that was opened is something else: `SQLITE_NOTADB`.
    pub(crate) fn is_not_a_database(&self) -> bool {
        self.code.as_deref() == Some("26")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} (code {code})", self.kind),
            None => f.write_str(self.kind),
        }
    }
}

impl DbError {
    /// Whether the same transaction, tried again at once, may well succeed.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(fault) if fault.transient)
    }
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => from_driver(&cause),
            DbErr::ConnectionAcquire(_) => Self::Unavailable(Fault::of("no connection was free in time")),
            DbErr::Conn(_) => Self::Unavailable(Fault::of("no connection")),
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => Self::NoResultFound,
            _ => Self::Refused(Fault::of("the object-relational mapper failed")),
        }
    }
}

fn from_driver(error: &sqlx::Error) -> DbError {
    match error {
        sqlx::Error::Database(database) => from_database(database.as_ref()),
        sqlx::Error::PoolTimedOut => DbError::Unavailable(Fault::of("no connection was free in time")),
        sqlx::Error::PoolClosed => DbError::Unavailable(Fault::of("the pool is closed")),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
            DbError::Unavailable(Fault::of("the connection broke"))
        }
        _ => DbError::Refused(Fault::of("the driver failed")),
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError) -> DbError {
    if let Some(conflict) = constraints::violated(error) {
        return DbError::Conflict(conflict);
    }
    let code = error.code().map(std::borrow::Cow::into_owned);
    let sqlite = error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .and(code.as_ref())
        .and_then(|code| code.parse::<i32>().ok());
    match sqlite.and_then(sqlite_trouble) {
        Some((kind, transient)) => DbError::Unavailable(Fault { code, kind, transient }),
        None => DbError::Refused(Fault { code, kind: "an error of the database", transient: false }),
    }
}

/// What ails `SQLite`, by its primary result code (<https://www.sqlite.org/rescode.html>), and whether it
/// passes by itself within moments.
fn sqlite_trouble(extended_code: i32) -> Option<(&'static str, bool)> {
    match extended_code & 0xff {
        5 | 6 => Some(("the database is locked", true)),
        7 => Some(("out of memory", false)),
        8 => Some(("the database is read-only", false)),
        10 => Some(("disk I/O error", false)),
        11 => Some(("the database file is malformed", false)),
        13 => Some(("the disk is full", false)),
        14 => Some(("the database file can't be opened", false)),
        15 => Some(("locking protocol", true)),
        26 => Some(("the file is not a database", false)),
        _ => None,
    }
}
