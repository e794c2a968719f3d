//! Statements that are transactions of their own.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, prelude::async_trait::async_trait,
};

use super::{Channel, Reader, Transaction};

/// Where a use case writes: a [`Transaction`], or [`Autocommit`].
pub trait Writer: ConnectionTrait {
    /// How other processes hear of what is done here.
    fn channel(&self) -> Channel;
}

/// Each statement is a transaction of its own, which has committed when its answer comes.
///
/// If the connection breaks, a statement runs again, although it may have been committed: so it must be one that has the
/// same effect if it runs twice, or that finds out that it ran.
#[derive(Debug, Clone)]
pub struct Autocommit {
    on: Reader,
    channel: Channel,
}

impl Autocommit {
    pub(super) const fn new(on: Reader, channel: Channel) -> Self {
        Self { on, channel }
    }
}

impl Writer for Autocommit {
    fn channel(&self) -> Channel {
        self.channel
    }
}

impl Writer for Transaction {
    fn channel(&self) -> Channel {
        Self::channel(self)
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
