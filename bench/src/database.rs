//! The service's own tables, from outside: to fill them faster than by asking for it.

use std::path::Path;

use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::runtime::Builder;

/// Runs statements on the database file in a service's data folder, while no service does.
pub fn execute(folder: &Path, statements: &[&str]) -> anyhow::Result<()> {
    Builder::new_current_thread().build()?.block_on(async {
        let mut database = open(folder).await?;
        for statement in statements {
            sqlx::raw_sql(sqlx::AssertSqlSafe(*statement)).execute(&mut database).await?;
        }
        Ok(database.close().await?)
    })
}

/// The texts that a query returns.
pub fn texts(folder: &Path, query: &'static str) -> anyhow::Result<Vec<String>> {
    Builder::new_current_thread().build()?.block_on(async {
        let mut database = open(folder).await?;
        let texts = sqlx::query_scalar(query).fetch_all(&mut database).await?;
        database.close().await?;
        Ok(texts)
    })
}

async fn open(folder: &Path) -> sqlx::Result<SqliteConnection> {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(folder.join("auth.db"))).await
}
