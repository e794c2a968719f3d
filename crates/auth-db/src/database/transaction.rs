//! A transaction under way, as the table functions see it.

use std::sync::Arc;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
    prelude::async_trait::async_trait,
};

use crate::{DbError, Fault};

/// A transaction under way: pass it on to the table functions by reference, and do not keep it.
#[derive(Debug, Clone)]
pub struct Transaction(Arc<DatabaseTransaction>);

impl Transaction {
    /// Begins one that may write; on `SQLite` that takes the write lock at once, so that it can't fail later
    /// for want of it.
    pub(super) async fn begin(writer: &DatabaseConnection) -> Result<Self, DbError> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(Self(Arc::new(writer.begin_with_options(options).await?)))
    }

    pub(super) async fn commit(self) -> Result<(), DbError> {
        // One that is kept elsewhere is not committed: it ends with its last holder, and rolls back.
        let only = Arc::try_unwrap(self.0).map_err(|_| DbError::Refused(Fault::KEPT))?;
        Ok(only.commit().await?)
    }

    pub(super) async fn roll_back(self) {
        if let Ok(only) = Arc::try_unwrap(self.0)
            && let Err(cause) = only.rollback().await
        {
            tracing::debug!(cause = %DbError::from(cause), "a transaction ended without a roll-back");
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.0.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.0.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.0.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.0.query_all_raw(statement).await
    }
}
