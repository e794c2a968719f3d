//! A transaction under way, as the table functions see it.

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    prelude::async_trait::async_trait,
};

use super::{Channel, uninterrupted::uninterrupted};
use crate::{DbError, Fault};

/// A transaction under way: pass it on to the table functions by reference, and do not keep it.
#[derive(Debug, Clone)]
pub struct Transaction {
    inner: Arc<DatabaseTransaction>,
    channel: Channel,
}

impl Transaction {
    /// Begins one that may write; on `SQLite` that takes the write lock at once, so that it can't fail later
    /// for want of it.
    ///
    /// Elsewhere each statement sees what was committed before it: who locks a row sees what the last holder
    /// made of it.
    pub(super) async fn begin(on: &DatabaseConnection, channel: Channel) -> Result<Self, DbError> {
        let mode =
            (on.get_database_backend() == DbBackend::Sqlite).then_some(SqliteTransactionMode::Immediate);
        // The isolation of servers is that of their sessions: READ COMMITTED.
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..TransactionOptions::default() };
        // In a task of its own: were it given up after the question and before the answer, the driver would take
        // the connection for one that is in no transaction, and hand it to the next.
        let on = on.clone();
        let begun = tokio::spawn(async move { on.begin_with_options(options).await }).await;
        let begun = begun.map_err(|_| DbError::Unavailable(Fault::STOPPED))?;
        Ok(Self { inner: Arc::new(begun?), channel })
    }

    /// How others hear of what is done in it.
    pub(crate) const fn channel(&self) -> Channel {
        self.channel
    }

    async fn uninterrupted<T: Send + 'static>(
        &self,
        statement: impl Future<Output = Result<T, DbErr>> + Send + 'static,
    ) -> Result<T, DbErr> {
        uninterrupted(self.inner.get_database_backend(), statement).await
    }

    pub(super) async fn commit(self) -> Result<(), DbError> {
        // One that is kept elsewhere is not committed: it ends with its last holder, and rolls back.
        let only = Arc::try_unwrap(self.inner).map_err(|_| DbError::Refused(Fault::KEPT))?;
        // Where the connection breaks now, nobody knows whether it was committed: it must not run again.
        only.commit().await.map_err(|error| DbError::from(error).uncertain())
    }

    pub(super) async fn roll_back(self) {
        if let Ok(only) = Arc::try_unwrap(self.inner)
            && let Err(cause) = only.rollback().await
        {
            tracing::debug!(cause = %DbError::from(cause), "a transaction ended without a roll-back");
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let inner = Arc::clone(&self.inner);
        self.uninterrupted(async move { inner.execute_raw(statement).await }).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let inner = Arc::clone(&self.inner);
        self.uninterrupted(async move { inner.query_one_raw(statement).await }).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let inner = Arc::clone(&self.inner);
        self.uninterrupted(async move { inner.query_all_raw(statement).await }).await
    }
}
