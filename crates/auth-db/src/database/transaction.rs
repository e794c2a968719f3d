//! A transaction, as the table functions see it.

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement, TransactionTrait, prelude::async_trait::async_trait,
};

use super::{ChangeFeed, uninterrupted::uninterrupted};
use crate::{DbError, Fault, dialect::Dialect};

/// An open transaction. Pass it to the table functions by reference, and do not keep it.
#[derive(Debug, Clone)]
pub struct Transaction {
    inner: Arc<DatabaseTransaction>,
    dialect: Dialect,
    change_feed: ChangeFeed,
}

impl Transaction {
    /// Begins a transaction that may write. Each of its statements sees what was committed before the statement, so a
    /// caller that locks a row sees the changes of the previous holder of the lock.
    pub(super) async fn begin(
        on: &DatabaseConnection,
        dialect: Dialect,
        change_feed: ChangeFeed,
    ) -> Result<Self, DbError> {
        // In a task of its own: if the caller were cancelled between the request and the response, the driver would assume
        // that the connection is in no transaction, and hand it to the next caller.
        let on = on.clone();
        let options = dialect.transaction_options();
        let begun = tokio::spawn(async move { on.begin_with_options(options).await }).await;
        let begun = begun.map_err(|_| DbError::Unavailable(Fault::STOPPED))?;
        Ok(Self { inner: Arc::new(begun?), dialect, change_feed })
    }

    /// How other processes learn of what is done in it.
    pub(crate) const fn change_feed(&self) -> ChangeFeed {
        self.change_feed
    }

    async fn run<T, F>(
        &self,
        statement: Statement,
        send: fn(Arc<DatabaseTransaction>, Statement) -> F,
    ) -> Result<T, DbErr>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        let statement = send(Arc::clone(&self.inner), statement);
        if self.dialect.is_embedded() { statement.await } else { uninterrupted(statement).await }
    }

    pub(super) async fn commit(self) -> Result<(), DbError> {
        // A transaction that is kept elsewhere is not committed. It rolls back when its last holder drops it.
        let only = Arc::try_unwrap(self.inner).map_err(|_| DbError::Rejected(Fault::KEPT))?;
        // If the connection breaks now, it is unknown whether the transaction committed, so it must not run again.
        only.commit().await.map_err(|error| DbError::from(error).of_commit())
    }

    pub(super) async fn roll_back(self) {
        if let Ok(only) = Arc::try_unwrap(self.inner)
            && let Err(cause) = only.rollback().await
        {
            tracing::debug!(cause = %DbError::from(cause), "a transaction ended without a rollback");
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.dialect.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(statement, |on, statement| async move { on.execute_raw(statement).await }).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(statement, |on, statement| async move { on.query_one_raw(statement).await }).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(statement, |on, statement| async move { on.query_all_raw(statement).await }).await
    }
}
