//! What it takes to open a database, and what can keep it from opening.

use std::{fmt, path::PathBuf, time::Duration};

use auth_model::SecretString;

use crate::DbError;

/// What it takes to open a database.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// Where it is: `sqlite:PATH`, `sqlite::memory:`, `postgres://…` or `mysql://…`. A secret, because it may
    /// hold a password.
    pub url: SecretString,
    /// Whether a database file that does not exist is made, with the folders above it.
    pub create: bool,
    /// Connections at the most; to a file, those that look things up. At least 1.
    pub max_connections: u32,
    /// Longest wait for a free connection, and for a new one to a server.
    pub connect_timeout: Duration,
    /// Longest wait for a lock that another process holds. `MariaDB` knows whole seconds only.
    pub lock_timeout: Duration,
    /// Longest wait for the answer of a database server, all attempts of a transaction included: after it, the database
    /// is unavailable. Some twenty times as long as a message to the server and back takes, at least. A file always
    /// answers.
    pub timeout: Duration,
}

impl DatabaseOptions {
    /// The defaults for a URL: makes the file, 16 connections, 2 s for a connection, 0.7 s for a lock and
    /// 2.5 s for all attempts at a server, so that everything stays within the 3 s that a client waits at
    /// the most.
    #[must_use]
    pub fn new(url: impl Into<SecretString>) -> Self {
        Self {
            url: url.into(),
            create: true,
            max_connections: 16,
            connect_timeout: Duration::from_secs(2),
            lock_timeout: Duration::from_millis(700),
            timeout: Duration::from_millis(2500),
        }
    }
}

impl fmt::Debug for DatabaseOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseOptions")
            .field("create", &self.create)
            .field("max_connections", &self.max_connections)
            .finish_non_exhaustive()
    }
}

/// Why a database did not open.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL names a kind of database that this build does not know, or can't be read.
    #[error("unsupported database URL; accepted: sqlite:PATH, postgres://…, mysql://…")]
    Url,
    /// This build has no driver for the URL's kind of database.
    #[error("this build has no driver for the database of the URL: build it with the Cargo feature `{0}`")]
    NoDriver(&'static str),
    /// The URL has a parameter that the driver does not know; it would log its value, which may be a secret.
    #[error("the database URL has an unknown parameter `{0}`; accepted: {accepted}", accepted = accepted_parameters())]
    Parameter(String),
    /// The URL has characters in the user or password that end them: what follows would be taken for a host or a database,
    /// and shown.
    #[error(
        "characters such as @ / # ? in the user or password of the database URL must be percent-encoded: %40 %2F %23 %3F"
    )]
    Encoding,
    /// There is no such file, and it was not to be made.
    #[error("the database file {} does not exist: is it the right path (AUTH_DATABASE_URL, AUTH_DATA_DIR)? `auth-server migrate up` makes a new database there", .0.display())]
    Missing(PathBuf),
    /// The file or its folder can't be made or opened.
    #[error("the database file {} can't be opened: {cause}{}", path.display(), remedy(cause))]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is something else.
    #[error("{} is not a database; name another file, or move this one away", .0.display())]
    NotADatabase(PathBuf),
    /// The server can't be reached, or does not let us in.
    #[error("the database server at {place} can't be connected to: {cause}")]
    Unreachable {
        /// Its address.
        place: String,
        /// What the driver said; it holds no password.
        cause: String,
    },
    /// The database did not open.
    #[error(transparent)]
    Database(#[from] DbError),
}

fn remedy(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "; the file and its folder must belong to the user that the service runs as"
        }
        std::io::ErrorKind::ReadOnlyFilesystem => "; name a folder that can be written (AUTH_DATA_DIR)",
        _ => "",
    }
}

fn accepted_parameters() -> String {
    super::transport::POSTGRES_PARAMETERS.join(", ")
        + " (PostgreSQL); "
        + &super::transport::MYSQL_PARAMETERS.join(", ")
        + " (MariaDB)"
}
