//! What differs between the databases. Each has a file: how it is opened, its transaction options, the meaning of its
//! errors, its health check and its durability warnings.

pub mod data_version;
#[cfg(feature = "mariadb")]
mod mariadb;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "mariadb", feature = "postgres"))]
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;

use sea_orm::{DbBackend, TransactionOptions, sqlx::error::DatabaseError};

use crate::{
    Conflict, ConnectError, Database, DatabaseOptions, DbError,
    database::{Reader, Target},
    error::Retry,
};

/// A kind of database that this build supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    #[cfg(feature = "sqlite")]
    Sqlite,
    #[cfg(feature = "postgres")]
    Postgres,
    /// `MariaDB` and `MySQL`.
    #[cfg(feature = "mariadb")]
    MariaDb,
}

impl Dialect {
    pub const fn backend(self) -> DbBackend {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => DbBackend::Sqlite,
            #[cfg(feature = "postgres")]
            Self::Postgres => DbBackend::Postgres,
            #[cfg(feature = "mariadb")]
            Self::MariaDb => DbBackend::MySql,
        }
    }

    /// Whether the database runs in this process.
    pub const fn is_embedded(self) -> bool {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => true,
            #[cfg(feature = "postgres")]
            Self::Postgres => false,
            #[cfg(feature = "mariadb")]
            Self::MariaDb => false,
        }
    }

    /// How a transaction begins that may write. The isolation of servers is that of their sessions: READ COMMITTED.
    pub fn transaction_options(self) -> TransactionOptions {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => sqlite::transaction_options(),
            #[cfg(feature = "postgres")]
            Self::Postgres => TransactionOptions::default(),
            #[cfg(feature = "mariadb")]
            Self::MariaDb => TransactionOptions::default(),
        }
    }

    /// Checks that the database responds, and that a server is writable.
    pub async fn check_health(self, reader: &Reader) -> Result<(), DbError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite => sqlite::check_health(reader).await,
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::check_health(reader).await,
            #[cfg(feature = "mariadb")]
            Self::MariaDb => mariadb::check_health(reader).await,
        }
    }

    /// Which committed data the database may lose in a crash because of its settings, in words for a log.
    #[cfg_attr(
        not(any(feature = "postgres", feature = "mariadb")),
        expect(clippy::unused_async, unused_variables, reason = "only servers are asked")
    )]
    pub async fn durability_warnings(self, reader: &Reader) -> Result<Vec<String>, DbError> {
        match self {
            // This program sets the durability of a file itself.
            #[cfg(feature = "sqlite")]
            Self::Sqlite => Ok(Vec::new()),
            #[cfg(feature = "postgres")]
            Self::Postgres => postgres::durability_warnings(reader).await,
            #[cfg(feature = "mariadb")]
            Self::MariaDb => mariadb::durability_warnings(reader).await,
        }
    }
}

/// Opens the database of a URL.
pub async fn open(options: &DatabaseOptions, target: Target) -> Result<Database, ConnectError> {
    match target {
        #[cfg(feature = "sqlite")]
        Target::Sqlite => sqlite::open(options).await,
        #[cfg(feature = "postgres")]
        Target::Postgres { options: server, .. } => postgres::open(options, *server).await,
        #[cfg(feature = "mariadb")]
        Target::MariaDb { options: server, .. } => mariadb::open(options, *server).await,
    }
}

/// What a driver reported.
#[derive(Debug)]
pub struct Report {
    /// The code that the manual of the database explains.
    pub code: Option<String>,
    pub meaning: Meaning,
}

/// The meaning of a driver's error.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    Conflict(Conflict),
    /// The database is unavailable, with the reason in words.
    Unavailable(&'static str, Retry),
    /// An error in what this program sent.
    Rejected,
}

/// The schema was changed while the service runs.
const SCHEMA: Meaning = Meaning::Unavailable(
    "a table or column is missing: the schema is not that of this version, see `auth-server migrate status`",
    Retry::Never,
);

/// Reads an error of any driver, of an insertion into `table` if that is known.
pub fn report(error: &dyn DatabaseError, table: Option<&str>) -> Report {
    #[cfg(feature = "sqlite")]
    if let Some(error) = error.try_downcast_ref() {
        return sqlite::report(error);
    }
    #[cfg(feature = "postgres")]
    if let Some(error) = error.try_downcast_ref() {
        return postgres::report(error);
    }
    #[cfg(feature = "mariadb")]
    if let Some(error) = error.try_downcast_ref() {
        return mariadb::report(error, table);
    }
    let _ = table;
    Report { code: error.code().map(std::borrow::Cow::into_owned), meaning: Meaning::Rejected }
}
