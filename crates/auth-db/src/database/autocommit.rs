//! Statements that are transactions of their own.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, prelude::async_trait::async_trait,
};

use super::{ChangeFeed, Reader, Transaction};

/// A target for writes: a [`Transaction`] or [`Autocommit`].
pub trait Writer: ConnectionTrait {
    /// How other processes learn of what is written.
    fn change_feed(&self) -> ChangeFeed;
}

/// Connections on which each statement is a transaction of its own, which is committed when the statement returns.
///
/// If the connection breaks, the statement runs again although it may have committed. It must therefore be idempotent, or
/// detect that it ran before.
#[derive(Debug, Clone)]
pub struct Autocommit {
    on: Reader,
    change_feed: ChangeFeed,
}

impl Autocommit {
    pub(super) const fn new(on: Reader, change_feed: ChangeFeed) -> Self {
        Self { on, change_feed }
    }
}

impl Writer for Autocommit {
    fn change_feed(&self) -> ChangeFeed {
        self.change_feed
    }
}

impl Writer for Transaction {
    fn change_feed(&self) -> ChangeFeed {
        Self::change_feed(self)
    }
}

#[async_trait]
impl ConnectionTrait for Autocommit {
    fn get_database_backend(&self) -> DbBackend {
        self.on.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.on.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.on.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.on.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.on.query_all_raw(statement).await
    }
}
