//! The database: one handle to read, one way to write.

mod autocommit;
mod options;
mod pool;
mod reader;
mod transaction;
mod uninterrupted;
mod unreachable;
mod url;
mod usability;

use std::{fmt, pin::Pin};

use auth_model::ExposeSecret;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

#[cfg(feature = "sqlite")]
pub(crate) use self::pool::FilePool;
pub use self::{
    autocommit::{Autocommit, Writer},
    options::{ConnectError, DatabaseOptions},
    reader::Reader,
    transaction::Transaction,
    url::{Transport, sqlite_url, transport},
};
pub(crate) use self::{pool::Pool, url::Target, usability::Usability};
#[cfg(any(feature = "postgres", feature = "mariadb"))]
pub(crate) use self::{
    pool::{ServerPool, Timeouts},
    unreachable::explain,
    usability::Obstacle,
};
use crate::{
    DataVersion, DbError,
    dialect::{self, data_version},
    notify::ListenerOptions,
};

/// An open database. Cheap to clone; all clones share its connections.
#[derive(Clone)]
pub struct Database {
    pub(crate) reader: Reader,
    /// The one connection that writes to a file; the pool of the reader for a server.
    pub(crate) writer: Pool,
    pub(crate) migrations: DatabaseConnection,
    pub(crate) change_feed: ChangeFeed,
    /// How to connect to the server to receive the notifications of other nodes.
    pub(crate) listener: Option<Box<ListenerOptions>>,
}

/// How this process learns of what other processes do to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeFeed {
    /// The database is in memory, so no other process uses it.
    NotNeeded,
    /// The database is a file: [`Database::data_version`] changes when another process writes.
    DataVersion,
    /// By [`Notifications`](crate::notify::Notifications).
    Notifications,
    /// The database has none.
    None,
}

impl Database {
    /// Opens a database.
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which names the remedy.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, ConnectError> {
        let target = Target::parse(options.url.expose_secret())?;
        dialect::open(options, target).await
    }

    /// The connections for functions that only read.
    #[must_use]
    pub const fn read(&self) -> &Reader {
        &self.reader
    }

    /// The connections on which each statement is a transaction of its own. That takes fewer messages than
    /// [`Database::write`], where one statement is enough.
    #[must_use]
    pub fn autocommit(&self) -> Autocommit {
        let on = Reader::new(self.writer.clone(), self.reader.dialect());
        Autocommit::new(on, self.change_feed)
    }

    /// Whether the database runs in this process. A statement then costs no message, and a commit costs a write to the
    /// disk. On a server, the messages are what costs.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        self.reader.dialect().is_embedded()
    }

    /// The connection that may change the schema, for migrations only.
    #[must_use]
    pub const fn for_migrations(&self) -> &DatabaseConnection {
        &self.migrations
    }

    /// Runs `work` in a transaction, which commits if the result is `Ok` and rolls back otherwise.
    ///
    /// While `work` runs, no other transaction changes the rows that it locked. After a transient error (a lock timeout, a
    /// deadlock, a connection that broke before the commit) `work` runs again, a bounded number of times. It must
    /// therefore have no effects outside of the transaction. To reject a request without an error, return before the
    /// first write.
    ///
    /// If the caller is cancelled, the transaction is rolled back or committed as any other. If the connection breaks
    /// during the commit, it is unknown whether it committed.
    ///
    /// # Errors
    ///
    /// The error of `work`, or [`DbError::Unavailable`].
    pub fn write<'w, T, R>(
        &'w self,
        work: impl Fn(Transaction) -> R + Send + Sync + 'w,
    ) -> Pin<Box<dyn Future<Output = Result<T, DbError>> + Send + 'w>>
    where
        T: Send + 'w,
        R: Future<Output = Result<T, DbError>> + Send + 'w,
    {
        // Boxed, and with the transaction passed by value: for a closure that borrows it, the compiler can't yet prove that
        // its future is `Send` (docs/adr/0002).
        Box::pin(async move { self.writer.run(|connections| self.attempt(connections, &work)).await })
    }

    async fn attempt<T, R>(
        &self,
        connections: DatabaseConnection,
        work: &(impl Fn(Transaction) -> R + Sync),
    ) -> Result<T, DbError>
    where
        R: Future<Output = Result<T, DbError>>,
    {
        let tx = Transaction::begin(&connections, self.reader.dialect(), self.change_feed).await?;
        match work(tx.clone()).await {
            Ok(result) => {
                tx.commit().await?;
                Ok(result)
            }
            Err(error) => {
                tx.roll_back().await;
                Err(error)
            }
        }
    }

    /// How this process learns of what other processes do to the database.
    #[must_use]
    pub const fn change_feed(&self) -> ChangeFeed {
        self.change_feed
    }

    /// The version of a database file, which changes when another process writes. Writes by [`Database::write`] do not
    /// change it.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`]; [`DbError::Rejected`] if the database is not a file.
    pub async fn data_version(&self) -> Result<DataVersion, DbError> {
        data_version::read(&self.migrations).await
    }

    pub(crate) fn listener(&self) -> Option<&ListenerOptions> {
        self.listener.as_deref()
    }

    /// Which committed data the database may lose if it or its machine crashes, because of its settings. Each is a
    /// sentence for a log; an empty list is best.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn durability_warnings(&self) -> Result<Vec<String>, DbError> {
        self.reader.dialect().durability_warnings(&self.reader).await
    }

    /// Checks that the database responds, and that a server is writable: a standby or a read-only server is not healthy.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn ping(&self) -> Result<(), DbError> {
        self.reader.dialect().check_health(&self.reader).await
    }

    /// Checks that the database has the tables of this version: an operator may have reverted migrations.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`] if it does not.
    pub async fn check_schema(&self) -> Result<(), DbError> {
        // Each table, and the latest column of each table that was changed; no row is read.
        let query = "SELECT u.disabled_at, u.email_verified_at, s.authenticated_at, s.methods, d.kind_digest \
                     FROM users u, sessions s, reset_tokens r, server_keys k, throttles t, devices d, device_kinds n, \
                     outbox o WHERE 1 = 0";
        let statement = Statement::from_string(self.reader.get_database_backend(), query);
        self.reader.query_one_raw(statement).await?;
        Ok(())
    }

    /// Closes all connections as soon as they are free.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn close(self) -> Result<(), DbError> {
        self.reader.pool().connections().close().await?;
        self.migrations.close().await?;
        Ok(())
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("change_feed", &self.change_feed).finish_non_exhaustive()
    }
}
