//! The change feed of a file: whether another process wrote to it.

use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::DbError;

/// `data_version` is a number of this connection, which changes when any other connection writes. The temporary table
/// identifies the connection, because other connections have other numbers.
const QUERY: &str = "SELECT data_version, (SELECT name FROM temp.sqlite_schema WHERE name GLOB 'auth_connection_*') \
     FROM pragma_data_version";

/// Numbers the connections.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// A version of a database file that changes with every write outside of this [`Database`](crate::Database).
///
/// If two versions are equal, no other process wrote between them, and no other `Database` of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataVersion {
    version: i64,
    connection: String,
}

/// Reads the version on the connection that this process writes with.
pub async fn read(writer: &DatabaseConnection) -> Result<DataVersion, DbError> {
    if let (version, Some(connection)) = query(writer).await? {
        return Ok(DataVersion { version, connection });
    }
    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    writer.execute_unprepared(&format!("CREATE TEMP TABLE auth_connection_{number} (mark)")).await?;
    let (version, connection) = query(writer).await?;
    Ok(DataVersion { version, connection: connection.unwrap_or_default() })
}

async fn query(writer: &DatabaseConnection) -> Result<(i64, Option<String>), DbError> {
    let row = writer.query_one_raw(Statement::from_string(DbBackend::Sqlite, QUERY)).await?;
    let row = row.ok_or(DbError::NoResultFound)?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}
