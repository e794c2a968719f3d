//! `SQLite`: one connection that writes, several that read.

use std::{
    fs::{self, OpenOptions},
    future, io,
    path::Path,
    str::FromStr,
    time::{Duration, Instant},
};

use auth_model::ExposeSecret;
use sea_orm::{
    ConnectOptions, DatabaseConnection, DbBackend, DbErr,
    sqlx::{
        Connection,
        sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous},
    },
};

use super::{
    Channel, Database,
    connect::{ConnectError, DatabaseOptions},
    pool::Pool,
    reader::Reader,
};
use crate::{DbError, error::Passing};

/// The pause before a locked file is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Opens the pool of readers and the one writer; for a database in memory they are the same connection.
pub async fn open(options: &DatabaseOptions) -> Result<Database, ConnectError> {
    let url = options.url.expose_secret();
    let parsed = SqliteConnectOptions::from_str(url).map_err(|_| ConnectError::Url)?;
    if url.contains(":memory:") {
        let only = pool(options, 1, |sqlite| sqlite).await.map_err(DbError::from)?;
        return Ok(database(only.clone(), only, Channel::Private));
    }

    let file = parsed.get_filename().to_owned();
    prepare_file(&file, options.create)?;
    let told = |error: DbErr| match DbError::from(error) {
        DbError::Unavailable(fault) if fault.is_not_a_database() => ConnectError::NotADatabase(file.clone()),
        other => ConnectError::Database(other),
    };
    // The writer first: it is the one that may have to turn on write-ahead logging.
    let writer = first(options).await.map_err(told)?;
    let reader = pool(options, options.max_connections.max(1), |sqlite| sqlite.pragma("query_only", "ON"))
        .await
        .map_err(told)?;
    Ok(database(reader, writer, Channel::DataVersion))
}

fn database(reader: DatabaseConnection, writer: DatabaseConnection, channel: Channel) -> Database {
    Database {
        reader: Reader::new(Pool::of_file(reader), DbBackend::Sqlite),
        writer: Some(Pool::of_file(writer.clone())),
        migrations: writer,
        channel,
        listening: None,
    }
}

/// The first connection to a file, which turns on write-ahead logging if need be.
///
/// That takes a lock that `SQLite` does not wait for: where two processes begin on a new file at once, one of
/// them is told that it is locked.
async fn first(options: &DatabaseOptions) -> Result<DatabaseConnection, DbErr> {
    let began = Instant::now();
    loop {
        match pool(options, 1, |sqlite| sqlite).await {
            Err(error)
                if DbError::from(error.clone()).passing() == Passing::AtOnce
                    && began.elapsed() < options.connect_timeout =>
            {
                tokio::time::sleep(PAUSE).await;
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
        // A file does not go away; the ping would cost a third of a look-up.
        .test_before_acquire(false)
        // Statements carry values, which do not belong in logs.
        .sqlx_logging(false)
        .map_sqlx_sqlite_before_acquire(|connection, _| Box::pin(future::ready(Ok(is_at_rest(connection)))))
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

/// Whether a connection is in no transaction. One that is gets closed.
///
/// On a full disk `SQLite` rolls back by itself; then the driver fails to, and believes that the transaction goes on.
/// What came next would be a part of it, would be acknowledged, and never committed.
fn is_at_rest(connection: &mut SqliteConnection) -> bool {
    !connection.is_in_transaction()
}

/// Sees to it that the file is there, readable and writable for its owner only.
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

/// A file that others may read shows them every address and hash, and so do the two beside it, which get its mode.
fn warn_of_readers(file: &Path, found: &fs::Metadata) {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            tracing::warn!(
                "the database file {0} has mode {mode:o}, so others than its owner can use it: chmod 600 {0}*",
                file.display()
            );
        }
    }
    #[cfg(not(unix))]
    let _ = (file, found);
}

/// Makes a folder, and those above it, for its owner only. One that exists stays as it is.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
