//! Looking things up.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement,
    prelude::async_trait::async_trait,
};

use super::{pool::Pool, uninterrupted::uninterrupted};

/// What to pass to a function that only looks something up.
///
/// A look-up on a connection that broke is made again on another; where a database server does not answer, it
/// fails in time.
#[derive(Debug, Clone)]
pub struct Reader {
    pool: Pool,
    backend: DbBackend,
}

impl Reader {
    pub(super) const fn new(pool: Pool, backend: DbBackend) -> Self {
        Self { pool, backend }
    }

    pub(super) const fn pool(&self) -> &Pool {
        &self.pool
    }
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        if let Some(file) = self.pool.file() {
            return file.execute_raw(statement).await;
        }
        let run = async |on: DatabaseConnection| {
            let statement = statement.clone();
            uninterrupted(self.backend, async move { on.execute_raw(statement).await }).await
        };
        self.pool.run(run).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.pool.run(async |on: DatabaseConnection| on.execute_unprepared(sql).await).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        if let Some(file) = self.pool.file() {
            return file.query_one_raw(statement).await;
        }
        let run = async |on: DatabaseConnection| {
            let statement = statement.clone();
            uninterrupted(self.backend, async move { on.query_one_raw(statement).await }).await
        };
        self.pool.run(run).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        if let Some(file) = self.pool.file() {
            return file.query_all_raw(statement).await;
        }
        let run = async |on: DatabaseConnection| {
            let statement = statement.clone();
            uninterrupted(self.backend, async move { on.query_all_raw(statement).await }).await
        };
        self.pool.run(run).await
    }
}
