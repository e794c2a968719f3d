//! Whether somebody else wrote to the database.

use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::DbError;

/// `data_version` is a number of the connection that asks, and changes for the writes of all others only.
/// The table beside it names the connection: another one counts differently.
const ASK: &str = "SELECT data_version, (SELECT name FROM temp.sqlite_schema WHERE name GLOB 'auth_connection_*') \
     FROM pragma_data_version";

/// Names connections.
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// A state of the database, as far as others than this [`Database`](crate::Database) made it.
///
/// As long as two of them are equal, nobody else wrote between them: no other process, and no other
/// `Database` of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataVersion {
    version: i64,
    connection: String,
}

/// Reads it on the one connection that our own writes use.
pub async fn read(writer: &DatabaseConnection) -> Result<DataVersion, DbError> {
    if let (version, Some(connection)) = ask(writer).await? {
        return Ok(DataVersion { version, connection });
    }
    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    writer.execute_unprepared(&format!("CREATE TEMP TABLE auth_connection_{number} (mark)")).await?;
    let (version, connection) = ask(writer).await?;
    Ok(DataVersion { version, connection: connection.unwrap_or_default() })
}

async fn ask(writer: &DatabaseConnection) -> Result<(i64, Option<String>), DbError> {
    let row = writer.query_one_raw(Statement::from_string(DbBackend::Sqlite, ASK)).await?;
    let row = row.ok_or(DbError::NoResultFound)?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}
