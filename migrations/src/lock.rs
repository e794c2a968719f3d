//! One run at a time, on every database.

use sea_orm_migration::{
    MigratorTrait,
    sea_orm::{
        AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
        IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    },
};

use crate::{MigrateError, Migrator};

/// How long to wait for another run on `MariaDB`, in seconds. The others wait for as long as it takes.
const TIMEOUT: i64 = 600;

/// Names the lock on `PostgreSQL`: a number that no other program uses.
const NUMBER: i64 = 0x6175_7468_6d69_6772;

/// Names the lock on `MariaDB`, where names are the server's: one for each database.
const NAME: &str = "CONCAT('auth-migrations:', MD5(DATABASE()))";

/// A run in progress. No other process migrates this database until it ends.
///
/// It is one transaction, so that all is applied or nothing; but for `MariaDB`, which commits each change of
/// the schema by itself.
pub struct Run {
    pub tx: DatabaseTransaction,
}

impl Run {
    pub async fn begin(db: &DatabaseConnection) -> Result<Self, MigrateError> {
        let options = match db.get_database_backend() {
            DbBackend::Sqlite => TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            },
            // Who waited for the lock must see what the other run did.
            _ => TransactionOptions {
                isolation_level: Some(IsolationLevel::ReadCommitted),
                access_mode: Some(AccessMode::ReadWrite),
                ..TransactionOptions::default()
            },
        };
        let tx = db.begin_with_options(options).await?;
        lock(&tx).await?;
        let run = Self { tx };
        match Migrator::install(&run.tx).await {
            Ok(()) => Ok(run),
            Err(error) => Err(run.give_up(error.into()).await),
        }
    }

    /// Ends the run with what came of it: keeps what was done, or takes it back.
    pub async fn end<T>(self, done: Result<T, MigrateError>) -> Result<T, MigrateError> {
        match done {
            Ok(answer) => {
                unlock(&self.tx, "COMMIT").await?;
                self.tx.commit().await?;
                Ok(answer)
            }
            Err(error) => Err(self.give_up(error).await),
        }
    }

    async fn give_up(self, error: MigrateError) -> MigrateError {
        // The first error is reported; the lock ends with its connection.
        let _ = unlock(&self.tx, "ROLLBACK").await;
        let _ = self.tx.rollback().await;
        error
    }
}

/// On `SQLite` the transaction is the lock.
async fn lock(tx: &DatabaseTransaction) -> Result<(), MigrateError> {
    let backend = tx.get_database_backend();
    match backend {
        DbBackend::Postgres => {
            // That a table exists already is no news.
            tx.execute_unprepared("SET LOCAL client_min_messages = warning").await?;
            let lock = format!("SELECT pg_advisory_xact_lock({NUMBER})");
            tx.query_one_raw(Statement::from_string(backend, lock)).await?;
        }
        DbBackend::MySql => {
            let lock = format!("SELECT CAST(GET_LOCK({NAME}, {TIMEOUT}) AS SIGNED)");
            let row = tx.query_one_raw(Statement::from_string(backend, lock)).await?;
            let locked = row.map(|row| row.try_get_by_index::<Option<i64>>(0)).transpose()?;
            if locked.flatten() != Some(1) {
                return Err(MigrateError::Busy);
            }
        }
        _ => {}
    }
    Ok(())
}

/// On `MariaDB` the lock is the connection's, and must not end before the transaction does.
async fn unlock(tx: &DatabaseTransaction, end: &str) -> Result<(), DbErr> {
    if tx.get_database_backend() == DbBackend::MySql {
        tx.execute_unprepared(end).await?;
        tx.execute_unprepared(&format!("DO RELEASE_LOCK({NAME})")).await?;
    }
    Ok(())
}
