//! The connections for reading.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    prelude::async_trait::async_trait,
};

use super::{pool::Pool, uninterrupted::uninterrupted};
use crate::dialect::Dialect;

/// The connections for functions that only read.
///
/// A query on a connection that broke is retried on another. On a server that does not respond, it fails when the timeout
/// ends.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: Pool,
    dialect: Dialect,
}

impl Reader {
    pub(crate) const fn new(pool: Pool, dialect: Dialect) -> Self {
        Self { pool, dialect }
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs a statement: directly on a file, whose connections neither break nor hang; on a server with retries.
    async fn run<T, F>(
        &self,
        statement: Statement,
        send: fn(DatabaseConnection, Statement) -> F,
    ) -> Result<T, DbErr>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, DbErr>> + Send + 'static,
    {
        match &self.pool {
            Pool::File(pool) => send(pool.connections().clone(), statement).await,
            Pool::Server(pool) => pool.run(|on| uninterrupted(send(on, statement.clone()))).await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.dialect.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(statement, |on, statement| async move { on.execute_raw(statement).await }).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.run(async |on: DatabaseConnection| on.execute_unprepared(sql).await).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(statement, |on, statement| async move { on.query_one_raw(statement).await }).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(statement, |on, statement| async move { on.query_all_raw(statement).await }).await
    }
}
