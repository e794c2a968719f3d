//! How a database is opened, and why that may fail.

use std::{fmt, path::PathBuf, time::Duration};

use auth_model::SecretString;

use crate::DbError;

/// How a database is opened.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// The URL: `sqlite:PATH`, `sqlite::memory:`, `postgres://…` or `mysql://…`. It is a secret, because it may contain a
    /// password.
    pub url: SecretString,
    /// Whether a missing database file is created, with its parent folders.
    pub create: bool,
    /// The maximum number of connections; for a file, of those that read. At least 1.
    pub max_connections: u32,
    /// The timeout for a free connection, and for a new connection to a server.
    pub connect_timeout: Duration,
    /// The timeout for a lock that another process holds. `MariaDB` supports whole seconds only.
    pub lock_timeout: Duration,
    /// The timeout for the response of a database server, including all retries of a transaction; after it, the database
    /// is unavailable. At least twenty times the round-trip time to the server. A file has no such timeout.
    pub timeout: Duration,
}

impl DatabaseOptions {
    /// The defaults for a URL: the file is created, 16 connections, 2 s for a connection, 0.7 s for a lock and 2.5 s for
    /// all attempts at a server. A client therefore waits for at most 3 s.
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
    /// The URL is malformed, or of an unknown kind of database.
    #[error("unsupported database URL; accepted: sqlite:PATH, postgres://…, mysql://…")]
    Url,
    /// This build has no driver for the URL's kind of database.
    #[error("this build has no driver for the database of the URL: build it with the Cargo feature `{0}`")]
    NoDriver(&'static str),
    /// The URL has a parameter that the driver does not know. The driver would log its value, which may be a secret.
    #[error("the database URL has an unknown parameter `{0}`; accepted: {accepted}", accepted = accepted_parameters())]
    Parameter(String),
    /// The URL has unencoded delimiters in the user or password. The rest would be read as a host or a database, and shown.
    #[error(
        "characters such as @ / # ? in the user or password of the database URL must be percent-encoded: %40 %2F %23 %3F"
    )]
    Encoding,
    /// The file does not exist, and was not to be created.
    #[error("the database file {} does not exist: is it the right path (AUTH_DATABASE_URL, AUTH_DATA_DIR)? `auth-server migrate up` creates a new database there", .0.display())]
    Missing(PathBuf),
    /// The file or its folder can't be created or opened.
    #[error("the database file {} can't be opened: {cause}{}", path.display(), remedy(cause))]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The file is not a database.
    #[error("{} is not a database; name another file, or move this one", .0.display())]
    NotADatabase(PathBuf),
    /// The server can't be reached, or denied access.
    #[error("can't connect to the database server at {place}: {cause}")]
    Unreachable {
        /// Its address.
        place: String,
        /// The error of the driver; it contains no password.
        cause: String,
    },
    /// Opening the database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

fn remedy(cause: &std::io::Error) -> &'static str {
    match cause.kind() {
        std::io::ErrorKind::PermissionDenied => {
            "; the file and its folder must belong to the user that the service runs as"
        }
        std::io::ErrorKind::ReadOnlyFilesystem => "; name a writable folder (AUTH_DATA_DIR)",
        _ => "",
    }
}

fn accepted_parameters() -> String {
    super::url::POSTGRES_PARAMETERS.join(", ")
        + " (PostgreSQL); "
        + &super::url::MYSQL_PARAMETERS.join(", ")
        + " (MariaDB)"
}
