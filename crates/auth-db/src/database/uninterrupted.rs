//! Statements that run to their end.

use sea_orm::{DbErr, RuntimeErr};
use tracing::Instrument;

/// Runs a statement on a server in a task of its own, so that its response is read even if the caller is cancelled.
///
/// If a statement is cancelled while it is prepared, the driver of `MariaDB` loses track of what it has yet to read and
/// waits without end, and the pool loses a connection.
pub async fn uninterrupted<T: Send + 'static>(
    statement: impl Future<Output = Result<T, DbErr>> + Send + 'static,
) -> Result<T, DbErr> {
    let task = tokio::spawn(statement.in_current_span());
    task.await.unwrap_or_else(|_| Err(DbErr::Conn(RuntimeErr::Internal("the program ends".to_owned()))))
}
