//! What can go wrong with a database, in the words of its callers.

use std::fmt;

use auth_model::InvalidRequest;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};

use crate::{constraints, trouble};

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
    /// The database can't be reached, is busy, full or read-only: a later attempt may succeed.
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
    /// The digest of a device's token.
    DeviceToken,
    /// Attempts are stored for the account.
    Throttle,
    /// The digest of a kind of device.
    DeviceKind,
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
            Self::DeviceToken => "the device token is taken",
            Self::Throttle => "attempts are stored for the account",
            Self::DeviceKind => "the kind of device is known",
        })
    }
}

/// What the driver told, less its message: messages carry values, and values do not belong in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    code: Option<String>,
    kind: &'static str,
    passing: Passing,
}

/// Whether a trouble passes, and what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// Not within moments.
    No,
    /// The same, tried again at once, may well succeed: a lock, a deadlock.
    AtOnce,
    /// On another connection it may succeed: this one is broken, and its transaction gone.
    Reconnected,
    /// The connection is broken, and what was done on it may have been done.
    Broken,
    /// Nothing was heard in time.
    Silent,
}

impl Fault {
    /// Work kept its transaction beyond its end.
    pub(crate) const KEPT: Self = Self::of("a transaction was kept beyond the end of its work", Passing::No);
    /// The program ends.
    pub(crate) const STOPPED: Self = Self::of("the program ends", Passing::No);
    /// No answer within our patience.
    pub(crate) const SILENT: Self = Self::of("the database does not answer", Passing::Silent);

    /// The server replays what another one writes.
    pub(crate) const STANDBY: Self =
        Self::of("the server is a standby: name the primary, or promote it", Passing::No);
    /// The server takes no writes.
    pub(crate) const READ_ONLY: Self = Self::of("the server is read-only", Passing::No);
    /// `MariaDB` refuses our transactions.
    pub(crate) const STATEMENT_BINLOG: Self =
        Self::of("binlog_format is STATEMENT on the server: set MIXED or ROW", Passing::No);
    /// A connection that waited for words broke.
    pub(crate) const BROKEN: Self = Self::of("the connection broke", Passing::Reconnected);
    /// There is nothing to listen to.
    pub(crate) const NO_CHANNEL: Self = Self::of("the database has no channel between nodes", Passing::No);

    const NO_CONNECTION: Self = Self::of("no connection was free in time", Passing::Silent);
    const POOL_CLOSED: Self = Self::of("the pool is closed", Passing::Reconnected);

    const fn of(kind: &'static str, passing: Passing) -> Self {
        Self { code: None, kind, passing }
    }

    /// One of ours that went through an error of the object-relational mapper, which has room for a text only.
    fn named(told: &str) -> Self {
        let known = [Self::STANDBY, Self::READ_ONLY, Self::STATEMENT_BINLOG];
        known.into_iter().find(|fault| told.ends_with(fault.kind)).unwrap_or(Self::SILENT)
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
    /// Whether it passes, and what it takes.
    pub(crate) const fn passing(&self) -> Passing {
        match self {
            Self::Unavailable(fault) => fault.passing,
            _ => Passing::No,
        }
    }

    /// The same of a commit that may have succeeded: that the connection broke is no reason to do it again.
    pub(crate) fn uncertain(self) -> Self {
        match self {
            Self::Unavailable(fault) if fault.passing == Passing::Reconnected => {
                Self::Unavailable(Fault { passing: Passing::Broken, ..fault })
            }
            other => other,
        }
    }

    /// What the driver says of an insertion into a table.
    pub(crate) fn of_insertion(table: &'static str) -> impl Fn(DbErr) -> Self {
        move |error| Self::from_orm(error, Some(table))
    }

    fn from_orm(error: DbErr, table: Option<&str>) -> Self {
        match error {
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => from_driver(&cause, table),
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => Self::Unavailable(Fault::NO_CONNECTION),
            DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed) => {
                Self::Unavailable(Fault::POOL_CLOSED)
            }
            DbErr::Conn(RuntimeErr::Internal(told)) => Self::Unavailable(Fault::named(&told)),
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => Self::NoResultFound,
            _ => Self::Refused(Fault::of("the object-relational mapper failed", Passing::No)),
        }
    }
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        Self::from_orm(error, None)
    }
}

fn from_driver(error: &sqlx::Error, table: Option<&str>) -> DbError {
    match error {
        sqlx::Error::Database(database) => from_database(database.as_ref(), table),
        sqlx::Error::PoolTimedOut => DbError::Unavailable(Fault::NO_CONNECTION),
        sqlx::Error::PoolClosed => DbError::Unavailable(Fault::POOL_CLOSED),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
            DbError::Unavailable(Fault::BROKEN)
        }
        _ => DbError::Refused(Fault::of("the driver failed", Passing::No)),
    }
}

fn from_database(error: &dyn sqlx::error::DatabaseError, table: Option<&str>) -> DbError {
    if let Some(conflict) = constraints::violated(error, table) {
        return DbError::Conflict(conflict);
    }
    let code = trouble::code(error);
    match trouble::of(error) {
        Some((kind, passing)) => DbError::Unavailable(Fault { code, kind, passing }),
        None => DbError::Refused(Fault { code, kind: "an error of the database", passing: Passing::No }),
    }
}
