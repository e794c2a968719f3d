//! The errors of the database, in terms of its callers.

use std::fmt;

use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, sqlx};

use crate::{
    dialect::{self, Meaning, Report},
    text::InvalidRequest,
};

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No row matches.
    #[error("no result found")]
    NoResultFound,
    /// A textual request names an unknown field or an invalid value. Nothing was written.
    #[error("invalid request: {0}")]
    InvalidRequest(#[from] InvalidRequest),
    /// A value that must be unique is taken, according to a unique index of the database.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// A stored value is invalid: this program never writes it.
    #[error("impossible value in {table}.{column}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// The database can't be reached, is busy, full or read-only. A later attempt may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(Fault),
    /// The database rejected a statement: an error in this program.
    #[error("the database rejected a statement: {0}")]
    Rejected(Fault),
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
    /// The user of an outstanding reset.
    Reset,
    /// The name of a server key.
    ServerKey,
    /// The digest of a device's token.
    DeviceToken,
    /// The account of stored attempts.
    Throttle,
    /// The digest of a kind of device.
    DeviceKind,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "the email address is taken",
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

/// What the driver reported, without its message: messages contain values, which do not belong in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    code: Option<String>,
    reason: &'static str,
    retry: Retry,
}

/// Whether a retry may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Not soon.
    Never,
    /// At once, on the same connection: after a lock timeout or a deadlock.
    Immediately,
    /// On a new connection. This one is broken, and its transaction is rolled back.
    Reconnect,
    /// The connection broke during a commit, which may have succeeded.
    CommitUnknown,
    /// The timeout ended without a response.
    Timeout,
}

impl Fault {
    /// A closure kept its transaction.
    pub(crate) const KEPT: Self =
        Self::new("a transaction was kept beyond the end of its work", Retry::Never);
    pub(crate) const STOPPED: Self = Self::new("the program ends", Retry::Never);
    pub(crate) const TIMEOUT: Self = Self::new("the database does not respond", Retry::Timeout);
    pub(crate) const STANDBY: Self =
        Self::new("the server is a standby: name the primary, or promote it", Retry::Never);
    pub(crate) const READ_ONLY: Self = Self::new("the server is read-only", Retry::Never);
    pub(crate) const STATEMENT_BINLOG: Self =
        Self::new("binlog_format is STATEMENT on the server: set MIXED or ROW", Retry::Never);
    pub(crate) const BROKEN: Self = Self::new("the connection broke", Retry::Reconnect);
    pub(crate) const NO_NOTIFICATIONS: Self = Self::new("the database has no notifications", Retry::Never);

    const NO_CONNECTION: Self = Self::new("no connection was free in time", Retry::Timeout);
    const POOL_CLOSED: Self = Self::new("the pool is closed", Retry::Reconnect);

    const fn new(reason: &'static str, retry: Retry) -> Self {
        Self { code: None, reason, retry }
    }

    /// Restores a fault of this crate from an error of the object-relational mapper, which carries a text only.
    fn from_text(text: &str) -> Self {
        let known = [Self::STANDBY, Self::READ_ONLY, Self::STATEMENT_BINLOG];
        known.into_iter().find(|fault| text.ends_with(fault.reason)).unwrap_or(Self::TIMEOUT)
    }

    /// Whether the file is not a database: `SQLITE_NOTADB`.
    pub(crate) fn is_not_a_database(&self) -> bool {
        self.code.as_deref() == Some("26")
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "{} (code {code})", self.reason),
            None => f.write_str(self.reason),
        }
    }
}

impl DbError {
    /// Whether a retry may help.
    pub(crate) const fn retry(&self) -> Retry {
        match self {
            Self::Unavailable(fault) => fault.retry,
            _ => Retry::Never,
        }
    }

    /// The error of a commit. A broken connection is no reason to run the transaction again: it may have committed.
    pub(crate) fn of_commit(self) -> Self {
        match self {
            Self::Unavailable(fault) if fault.retry == Retry::Reconnect => {
                Self::Unavailable(Fault { retry: Retry::CommitUnknown, ..fault })
            }
            other => other,
        }
    }

    /// Reads the error of an insertion into a table.
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
            DbErr::Conn(RuntimeErr::Internal(text)) => Self::Unavailable(Fault::from_text(&text)),
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => Self::NoResultFound,
            _ => Self::Rejected(Fault::new("the object-relational mapper failed", Retry::Never)),
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
        sqlx::Error::Database(error) => from_report(dialect::report(error.as_ref(), table)),
        sqlx::Error::PoolTimedOut => DbError::Unavailable(Fault::NO_CONNECTION),
        sqlx::Error::PoolClosed => DbError::Unavailable(Fault::POOL_CLOSED),
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_) => {
            DbError::Unavailable(Fault::BROKEN)
        }
        _ => DbError::Rejected(Fault::new("the driver failed", Retry::Never)),
    }
}

fn from_report(Report { code, meaning }: Report) -> DbError {
    match meaning {
        Meaning::Conflict(conflict) => DbError::Conflict(conflict),
        Meaning::Unavailable(reason, retry) => DbError::Unavailable(Fault { code, reason, retry }),
        Meaning::Rejected => {
            DbError::Rejected(Fault { code, reason: "an error of the database", retry: Retry::Never })
        }
    }
}
