//! Statements that run to their end.

use sea_orm::{DbBackend, DbErr, RuntimeErr};
use tracing::Instrument;

/// Waits for the answer of a database server in a task of its own, so that it is read even if the caller goes away.
///
/// The driver of `MariaDB` does not stand it if a statement is given up while it is prepared: it loses track of what it has
/// yet to read, waits for more without end, and the pool has a connection less. An embedded database has no such answers.
pub async fn uninterrupted<T: Send + 'static>(
    backend: DbBackend,
    statement: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbErr> {
    if backend == DbBackend::Sqlite {
        return statement.await;
    }
    let task = tokio::spawn(statement.in_current_span());
    task.await.unwrap_or_else(|_| Err(DbErr::Conn(RuntimeErr::Internal("the program ends".to_owned()))))
}
