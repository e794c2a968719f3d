//! The database: one place to read, one way to write.

mod autocommit;
mod connect;
mod data_version;
mod durability;
mod pool;
mod reader;
mod server;
#[cfg(feature = "sqlite")]
mod sqlite;
mod sqlite_url;
mod transaction;
mod transport;
mod uninterrupted;
mod unreachable;
mod usability;

use std::{fmt, pin::Pin};

use auth_model::ExposeSecret;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

pub use self::{
    autocommit::{Autocommit, Writer},
    connect::{ConnectError, DatabaseOptions},
    data_version::DataVersion,
    reader::Reader,
    sqlite_url::sqlite_url,
    transaction::Transaction,
    transport::{Transport, transport},
};
use self::{pool::Pool, transport::Target};
use crate::{DbError, revocations::ListenerOptions};

/// An open database. Cheap to clone; all clones share its connections.
#[derive(Clone)]
pub struct Database {
    reader: Reader,
    /// The one connection to a file that writes; to a server all of them do.
    writer: Option<Pool>,
    migrations: DatabaseConnection,
    channel: Channel,
    /// Where to listen for what other nodes say.
    listening: Option<Box<ListenerOptions>>,
}

/// How to hear of what other processes do to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// There is nobody else: it is in memory.
    Private,
    /// It is a file: [`Database::data_version`] tells whether somebody wrote.
    DataVersion,
    /// By [`Revocations`](crate::revocations::Revocations).
    Revocations,
    /// Not at all.
    None,
}

impl Database {
    /// Opens a database; what it takes to do so is in [`DatabaseOptions`].
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which says what to do about it.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, ConnectError> {
        match Target::parse(options.url.expose_secret())? {
            #[cfg(feature = "sqlite")]
            Target::Sqlite => sqlite::open(options).await,
            #[cfg(feature = "postgres")]
            Target::Postgres { options: server, .. } => server::postgres::open(options, *server).await,
            #[cfg(feature = "mariadb")]
            Target::MySql { options: server, .. } => server::mysql::open(options, *server).await,
        }
    }

    /// What to pass to a function that only looks something up.
    #[must_use]
    pub const fn read(&self) -> &Reader {
        &self.reader
    }

    /// Where a statement is a transaction of its own: fewer messages than [`Database::write`] takes, where one statement is
    /// enough.
    #[must_use]
    pub fn autocommit(&self) -> Autocommit {
        let on = match &self.writer {
            Some(writer) => Reader::new(writer.clone(), DbBackend::Sqlite),
            None => self.reader.clone(),
        };
        Autocommit::new(on, self.channel)
    }

    /// Whether the database is in this process: then a statement costs no message, and a commit what it takes to write to
    /// the disk. Elsewhere it is the messages that cost.
    #[must_use]
    pub const fn is_embedded(&self) -> bool {
        self.writer.is_some()
    }

    /// The connection that may change the schema: for migrations only.
    #[must_use]
    pub const fn for_migrations(&self) -> &DatabaseConnection {
        &self.migrations
    }

    /// Runs `work` in one transaction, which commits if the answer is `Ok` and rolls back otherwise.
    ///
    /// Isolation is what the table functions need: while `work` runs, nobody else changes the rows it
    /// locked. A passing trouble (a lock held too long, a deadlock, a connection that broke before the
    /// commit) makes it run again, a bounded number of times: so `work` must be free of effects outside of
    /// the transaction. To refuse something without an error, answer before the first write.
    ///
    /// If the caller goes away while it runs, the transaction is rolled back or was committed, as any
    /// other. If the connection breaks during the commit, the error does not tell which.
    ///
    /// # Errors
    ///
    /// What `work` answers, and [`DbError::Unavailable`].
    pub fn write<'w, T, R>(
        &'w self,
        work: impl Fn(Transaction) -> R + Send + Sync + 'w,
    ) -> Pin<Box<dyn Future<Output = Result<T, DbError>> + Send + 'w>>
    where
        T: Send + 'w,
        R: Future<Output = Result<T, DbError>> + Send + 'w,
    {
        // Boxed, and the transaction handed over by value: for a closure that is lent one, the compiler
        // can't yet see that its future may move between threads.
        Box::pin(async move {
            let pool = self.writer.as_ref().unwrap_or_else(|| self.reader.pool());
            pool.run(|connections| self.attempt(connections, &work)).await
        })
    }

    async fn attempt<T, R>(
        &self,
        connections: DatabaseConnection,
        work: &(impl Fn(Transaction) -> R + Sync),
    ) -> Result<T, DbError>
    where
        R: Future<Output = Result<T, DbError>>,
    {
        let tx = Transaction::begin(&connections, self.channel).await?;
        match work(tx.clone()).await {
            Ok(answer) => {
                tx.commit().await?;
                Ok(answer)
            }
            Err(error) => {
                tx.roll_back().await;
                Err(error)
            }
        }
    }

    /// How to hear of what other processes do to it.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// The state of a database file as far as others made it: what [`Database::write`] does here leaves it as
    /// it is.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`]; [`DbError::Refused`] if it is no file.
    pub async fn data_version(&self) -> Result<DataVersion, DbError> {
        data_version::read(&self.migrations).await
    }

    /// Where to listen for what other nodes say.
    pub(crate) fn listening(&self) -> Option<&ListenerOptions> {
        self.listening.as_deref()
    }

    /// What the database may lose although it was acknowledged, by its own settings, when it or its machine
    /// crashes; in words for a log. Nothing is best.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn lost_at_a_crash(&self) -> Result<Vec<String>, DbError> {
        durability::lost_at_a_crash(&self.reader).await
    }

    /// Asks the database for a sign of life, and a server whether it takes writes: a standby or a read-only server is not
    /// healthy.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`] if it gives none, or takes none.
    pub async fn ping(&self) -> Result<(), DbError> {
        server::check(&self.reader).await
    }

    /// Asks the database whether it has the tables of this version: somebody may have taken migrations back.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`] if it has not.
    pub async fn check_schema(&self) -> Result<(), DbError> {
        // Each table, and the latest column of each that got some; no row is looked at.
        let question = "SELECT u.disabled_at, u.email_verified_at, d.kind_digest FROM users u, sessions s, reset_tokens r, server_keys k, \
                        throttles t, devices d, device_kinds n, outbox o WHERE 1 = 0";
        let statement = Statement::from_string(self.reader.get_database_backend(), question);
        self.reader.query_one_raw(statement).await?;
        Ok(())
    }

    /// Closes all connections, once they are free.
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
        f.debug_struct("Database").field("channel", &self.channel).finish_non_exhaustive()
    }
}
