//! The database: one place to read, one way to write.

mod connect;
mod data_version;
mod sqlite;
mod transaction;

use std::{pin::Pin, time::Duration};

use sea_orm::DatabaseConnection;

pub use self::{
    connect::{ConnectError, DatabaseOptions},
    data_version::DataVersion,
    sqlite::sqlite_url,
    transaction::Transaction,
};
use crate::DbError;

/// How often a transaction is tried before a passing trouble (a lock, a deadlock) is reported.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// An open database. Cheap to clone; all clones share its connections.
#[derive(Debug, Clone)]
pub struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
    in_memory: bool,
}

impl Database {
    /// Opens a database; what it takes to do so is in [`DatabaseOptions`].
    ///
    /// # Errors
    ///
    /// [`ConnectError`], which says what to do about it.
    pub async fn connect(options: &DatabaseOptions) -> Result<Self, ConnectError> {
        sqlite::open(options).await
    }

    /// What to pass to a function that only looks something up.
    #[must_use]
    pub const fn read(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// The connection that may change the schema: for migrations only.
    #[must_use]
    pub const fn for_migrations(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Runs `work` in one transaction, which commits if the answer is `Ok` and rolls back otherwise.
    ///
    /// Isolation is what the table functions need: while `work` runs, nobody else changes the rows it
    /// locked. A passing trouble (a lock held too long, a deadlock) makes it run again, three times at the
    /// most: so `work` must be free of effects outside of the transaction. To refuse something without an
    /// error, answer before the first write.
    ///
    /// If the caller goes away while it runs, the transaction is rolled back or was committed, as any
    /// other.
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
            let mut pause = FIRST_PAUSE;
            for _ in 1..ATTEMPTS {
                match self.attempt(&work).await {
                    Err(error) if error.is_transient() => tokio::time::sleep(pause).await,
                    answer => return answer,
                }
                pause *= 2;
            }
            self.attempt(&work).await
        })
    }

    async fn attempt<T, R>(&self, work: &(impl Fn(Transaction) -> R + Sync)) -> Result<T, DbError>
    where
        R: Future<Output = Result<T, DbError>>,
    {
        let tx = Transaction::begin(&self.writer).await?;
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

    /// Whether it is in memory, where nobody else can write to it.
    #[must_use]
    pub const fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    /// The state of the database as far as others made it: what [`Database::write`] does here leaves it as
    /// it is.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn data_version(&self) -> Result<DataVersion, DbError> {
        data_version::read(&self.writer).await
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`] if it gives none.
    pub async fn ping(&self) -> Result<(), DbError> {
        Ok(self.reader.ping().await?)
    }

    /// Closes all connections, once they are free.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn close(self) -> Result<(), DbError> {
        self.reader.close().await?;
        self.writer.close().await?;
        Ok(())
    }
}
