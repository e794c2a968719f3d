//! `SQLite`: one connection that writes, and a pool of connections that read.
#![expect(clippy::disallowed_methods, reason = "other processes hold locks in real time")]

use std::{
    fs::{self, OpenOptions},
    future, io,
    path::Path,
    str::FromStr,
    time::{Duration, Instant},
};

use auth_model::ExposeSecret;
use sea_orm::{
    ConnectOptions, DatabaseConnection, DbErr, SqliteTransactionMode, TransactionOptions,
    sqlx::{
        Connection,
        error::DatabaseError,
        sqlite::{SqliteConnectOptions, SqliteConnection, SqliteError, SqliteJournalMode, SqliteSynchronous},
    },
};

use super::{
    Dialect,
    Meaning::{self, Rejected, Unavailable},
    Report, SCHEMA,
};
use crate::{
    ChangeFeed, ConnectError, Database, DatabaseOptions, DbError,
    constraints::{self, Unique},
    database::{FilePool, Pool, Reader},
    error::Retry,
};

/// The delay before a locked file is opened again.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// A transaction takes the write lock when it begins, so that it can't fail later because another process has it.
pub fn transaction_options() -> TransactionOptions {
    let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
    TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() }
}

/// Checks that the file can be read.
pub async fn check_health(reader: &Reader) -> Result<(), DbError> {
    let ping = async |on: DatabaseConnection| on.ping().await;
    reader.pool().run(ping).await.map_err(DbError::from)
}

/// Reads an error of the driver.
pub fn report(error: &SqliteError) -> Report {
    let code = error.code();
    let extended = code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(0);
    let conflict = || constraints::find(|unique| is_violated(extended, error.message(), unique));
    let meaning = conflict().map_or_else(|| meaning(extended, error.message()), Meaning::Conflict);
    Report { code: code.map(std::borrow::Cow::into_owned), meaning }
}

/// By extended result code: `SQLITE_CONSTRAINT_UNIQUE` and `SQLITE_CONSTRAINT_PRIMARYKEY`.
fn is_violated(extended: i32, message: &str, unique: &Unique) -> bool {
    matches!(extended, 2067 | 1555)
        && message
            .strip_prefix("UNIQUE constraint failed: ")
            .and_then(|column| column.split_once('.'))
            .is_some_and(|column| column == (unique.table, unique.column))
}

/// By primary result code (<https://www.sqlite.org/rescode.html>).
fn meaning(extended: i32, message: &str) -> Meaning {
    match extended & 0xff {
        // The general error has no code of its own for this.
        1 if ["no such table", "no such column"].iter().any(|text| message.starts_with(text)) => SCHEMA,
        5 | 6 => Unavailable("the database is locked", Retry::Immediately),
        7 => Unavailable("out of memory", Retry::Never),
        8 => Unavailable("the database is read-only", Retry::Never),
        10 => Unavailable("disk I/O error", Retry::Never),
        11 => Unavailable("the database file is malformed", Retry::Never),
        13 => Unavailable("the disk is full", Retry::Never),
        14 => Unavailable("the database file can't be opened", Retry::Never),
        15 => Unavailable("locking protocol", Retry::Immediately),
        26 => Unavailable("the file is not a database", Retry::Never),
        _ => Rejected,
    }
}

/// Opens the pool of readers and the writer. For a database in memory they are the same connection.
pub async fn open(options: &DatabaseOptions) -> Result<Database, ConnectError> {
    let url = options.url.expose_secret();
    let parsed = SqliteConnectOptions::from_str(url).map_err(|_| ConnectError::Url)?;
    if url.contains(":memory:") {
        let only = pool(options, 1, |sqlite| sqlite).await.map_err(DbError::from)?;
        return Ok(database(only.clone(), only, ChangeFeed::NotNeeded));
    }

    let file = parsed.get_filename().to_owned();
    prepare_file(&file, options.create)?;
    let explain = |error: DbErr| match DbError::from(error) {
        DbError::Unavailable(fault) if fault.is_not_a_database() => ConnectError::NotADatabase(file.clone()),
        other => ConnectError::Database(other),
    };
    // The writer first: it may have to turn on write-ahead logging.
    let writer = first(options).await.map_err(explain)?;
    let reader = pool(options, options.max_connections.max(1), |sqlite| sqlite.pragma("query_only", "ON"))
        .await
        .map_err(explain)?;
    Ok(database(reader, writer, ChangeFeed::DataVersion))
}

fn database(reader: DatabaseConnection, writer: DatabaseConnection, change_feed: ChangeFeed) -> Database {
    let pool = |connections| Pool::File(FilePool::new(connections));
    Database {
        reader: Reader::new(pool(reader), Dialect::Sqlite),
        writer: pool(writer.clone()),
        migrations: writer,
        change_feed,
        listener: None,
    }
}

/// The first connection to a file, which turns on write-ahead logging if necessary.
///
/// That takes a lock for which `SQLite` does not wait. If two processes open a new file at the same time, one of them
/// gets the error that it is locked.
async fn first(options: &DatabaseOptions) -> Result<DatabaseConnection, DbErr> {
    let began = Instant::now();
    loop {
        match pool(options, 1, |sqlite| sqlite).await {
            Err(error)
                if DbError::from(error.clone()).retry() == Retry::Immediately
                    && began.elapsed() < options.connect_timeout =>
            {
                tokio::time::sleep(RETRY_DELAY).await;
            }
            opened => return opened,
        }
    }
}

async fn pool(
    options: &DatabaseOptions,
    connections: u32,
    adjust: impl Fn(SqliteConnectOptions) -> SqliteConnectOptions + Send + Sync + 'static,
) -> Result<DatabaseConnection, DbErr> {
    let lock_timeout = options.lock_timeout;
    let mut connect = ConnectOptions::new(options.url.expose_secret());
    connect
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(options.connect_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        // A file does not disconnect, and the ping would cost a third of a look-up.
        .test_before_acquire(false)
        // Statements carry values, which do not belong in logs.
        .sqlx_logging(false)
        .map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(future::ready(Ok(is_idle(connection)))))
        .map_sqlx_sqlite_opts(move |sqlite| {
            adjust(
                sqlite
                    .create_if_missing(false)
                    .foreign_keys(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(lock_timeout),
            )
        });
    sea_orm::Database::connect(connect).await
}

/// Whether a connection is in no transaction. A connection that is in one gets closed.
///
/// On a full disk `SQLite` rolls back by itself. The driver's rollback then fails, and the driver treats the transaction
/// as open. Later statements would become part of it: acknowledged, and never committed.
fn is_idle(connection: &mut SqliteConnection) -> bool {
    !connection.is_in_transaction()
}

/// Ensures that the file exists, accessible to its owner only.
fn prepare_file(file: &Path, create: bool) -> Result<(), ConnectError> {
    let unusable = |cause| ConnectError::Unusable { path: file.to_owned(), cause };
    match fs::metadata(file) {
        Ok(found) if found.is_file() => warn_of_readers(file, &found),
        Ok(_) => return Err(unusable(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound && !create => {
            return Err(ConnectError::Missing(file.to_owned()));
        }
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            if let Some(folder) = file.parent() {
                private_folder(folder).map_err(unusable)?;
            }
        }
        Err(cause) => return Err(unusable(cause)),
    }
    let mut open = OpenOptions::new();
    open.read(true).write(true).create(create);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
    open.open(file).map(drop).map_err(unusable)
}

/// Warns of a file that other users can read: it contains all addresses and hashes, and its two companion files get the
/// same mode.
fn warn_of_readers(file: &Path, found: &fs::Metadata) {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            tracing::warn!(
                "the database file {0} has mode {mode:o}, so other users can access it: chmod 600 {0}*",
                file.display()
            );
        }
    }
    #[cfg(not(unix))]
    let _ = (file, found);
}

/// Creates a folder and its parents, accessible to their owner only. Existing folders keep their mode.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_retried_and_errors_of_this_program_are_not() {
        for (code, retry) in [
            (5, Some(Retry::Immediately)),
            (517, Some(Retry::Immediately)),
            (13, Some(Retry::Never)),
            (1, None),
        ] {
            let expected = |meaning| match meaning {
                Unavailable(_, retry) => Some(retry),
                _ => None,
            };
            assert_eq!(expected(meaning(code, "")), retry, "{code}");
        }
        assert_eq!(meaning(1, "no such table: users"), SCHEMA);
    }
}
