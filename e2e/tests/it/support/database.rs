//! The database of a server, looked at from outside.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use test_servers::{Kind, kind, shared};

use super::Server;

/// Opens the database file.
pub async fn open(file: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

/// Does something to the database of a server that it would never do.
pub async fn execute(server: &Server, sql: &str) {
    if kind() != Kind::Sqlite {
        return shared(kind()).execute_in(&server.url(), sql).await;
    }
    let mut database = open(&server.database()).await;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}
