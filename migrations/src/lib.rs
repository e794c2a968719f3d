//! The history of the schema that `auth-db` works on.
//!
//! Append-only: a migration that was released is never edited. Each names its constraints and indexes, has
//! a working `down`, and keeps the release before it working (expand, deploy, contract). A run applies all
//! pending migrations or none: it is one transaction that holds the database's write lock, so two processes
//! that start at once do not get in each other's way.
//!
//! ```
//! # use sea_orm_migration::sea_orm::Database;
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let db = Database::connect("sqlite::memory:").await?;
//! auth_migrations::up(&db).await?;
//! assert!(auth_migrations::status(&db).await?.is_current());
//! # Ok::<(), auth_migrations::MigrateError>(()) }).unwrap();
//! ```

mod m20261121_000001_users;
mod m20261121_000002_sessions;
mod m20261121_000003_reset_tokens;
mod m20261121_000004_server_keys;

use std::collections::HashSet;

use sea_orm_migration::{
    MigrationTrait, MigratorTrait,
    sea_orm::{
        DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
        TransactionTrait,
    },
    seaql_migrations,
};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_users::Migration),
            Box::new(m20261121_000002_sessions::Migration),
            Box::new(m20261121_000003_reset_tokens::Migration),
            Box::new(m20261121_000004_server_keys::Migration),
        ]
    }
}

/// How far a database's schema is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Migrations that were applied, oldest first.
    pub applied: Vec<String>,
    /// Migrations that wait for [`up`], oldest first.
    pub pending: Vec<String>,
    /// Migrations that were applied by a newer version and that this one does not know.
    pub unknown: Vec<String>,
}

impl Status {
    /// Whether the schema is the one that this version works on.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.unknown.is_empty()
    }
}

/// Why migrations did not run. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database is from a newer version.
    #[error(
        "the database is from a newer version: it has the migration `{0}`, which this version does not know"
    )]
    Newer(String),
    /// The database refused.
    #[error("the database refused to migrate")]
    Database(#[from] DbErr),
}

/// Tells how far the schema is, and changes nothing.
///
/// # Errors
///
/// [`MigrateError::Database`] if it can't be read.
pub async fn status(db: &DatabaseConnection) -> Result<Status, MigrateError> {
    let mut known: Vec<String> =
        Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let recorded = recorded(db).await?;
    let unknown = recorded.iter().filter(|name| !known.contains(name)).cloned().collect();
    let applied: HashSet<String> = recorded.into_iter().collect();
    let pending = known.extract_if(.., |name| !applied.contains(name)).collect();
    Ok(Status { applied: known, pending, unknown })
}

/// Applies every pending migration and tells how many there were.
///
/// # Errors
///
/// [`MigrateError`]; the schema is then as it was.
pub async fn up(db: &DatabaseConnection) -> Result<usize, MigrateError> {
    let tx = locked(db).await?;
    let before = known(&tx).await?;
    Migrator::up(&tx, None).await?;
    tx.commit().await?;
    Ok(Migrator::migrations().len() - before)
}

/// Takes back the newest `steps` migrations, with the data they hold, and tells how many there were.
///
/// # Errors
///
/// [`MigrateError`]; the schema is then as it was.
pub async fn down(db: &DatabaseConnection, steps: u32) -> Result<usize, MigrateError> {
    let tx = locked(db).await?;
    let before = known(&tx).await?;
    Migrator::down(&tx, Some(steps)).await?;
    let after = known(&tx).await?;
    tx.commit().await?;
    Ok(before - after)
}

/// Begins the one transaction of a run, and with it takes the database's write lock.
async fn locked(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    let tx = db.begin_with_options(options).await?;
    Migrator::install(&tx).await?;
    Ok(tx)
}

/// How many migrations were applied, all of them known.
async fn known(tx: &DatabaseTransaction) -> Result<usize, MigrateError> {
    let recorded = Migrator::get_migration_models(tx).await?;
    let names: Vec<String> = Migrator::migrations().iter().map(|m| m.name().to_owned()).collect();
    match recorded.into_iter().find(|row| !names.contains(&row.version)) {
        Some(seaql_migrations::Model { version, .. }) => Err(MigrateError::Newer(version)),
        None => Ok(Migrator::get_applied_migrations(tx).await?.len()),
    }
}

/// What the database says was applied; nothing, where the table that says so does not exist.
async fn recorded(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let manager = sea_orm_migration::SchemaManager::new(db);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    Ok(Migrator::get_migration_models(db).await?.into_iter().map(|row| row.version).collect())
}
