//! The history of the schema that `auth-db` works on.
//!
//! Append-only: a migration that was released is never edited. Each names its constraints and indexes, has
//! a working `down`, and keeps the release before it working (expand, deploy, contract). A run holds a lock
//! of the database, so two processes that start at once do not get in each other's way. On `SQLite` and
//! `PostgreSQL` it applies all pending migrations or none; `MariaDB` commits each change by itself, so there
//! each migration can be run again where one was cut off.
//!
//! ```
//! # use sea_orm_migration::sea_orm::Database;
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let db = Database::connect("sqlite::memory:").await?;
//! auth_migrations::up(&db).await?;
//! assert!(auth_migrations::status(&db).await?.is_current());
//! # Ok::<(), auth_migrations::MigrateError>(()) }).unwrap();
//! ```

mod create;
mod lock;
mod m20261121_000001_users;
mod m20261121_000002_sessions;
mod m20261121_000003_reset_tokens;
mod m20261121_000004_server_keys;
mod m20261121_000005_throttles;
mod m20261121_000006_devices;
mod m20261121_000007_outbox;
mod m20261121_000008_disabled_users;
mod m20261128_000009_device_kinds;
mod m20261128_000010_verified_emails;
mod m20261129_000011_authentication;

use std::collections::HashSet;

use sea_orm_migration::{
    MigrationTrait, MigratorTrait, SchemaManager,
    sea_orm::{DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, QueryOrder},
    seaql_migrations,
};

use self::lock::Run;

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_users::Migration),
            Box::new(m20261121_000002_sessions::Migration),
            Box::new(m20261121_000003_reset_tokens::Migration),
            Box::new(m20261121_000004_server_keys::Migration),
            Box::new(m20261121_000005_throttles::Migration),
            Box::new(m20261121_000006_devices::Migration),
            Box::new(m20261121_000007_outbox::Migration),
            Box::new(m20261121_000008_disabled_users::Migration),
            Box::new(m20261128_000009_device_kinds::Migration),
            Box::new(m20261128_000010_verified_emails::Migration),
            Box::new(m20261129_000011_authentication::Migration),
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

/// Why migrations did not run. Nothing was changed; on `MariaDB`, [`status`] shows what was.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database is from a newer version.
    #[error(
        "the database is from a newer version: it has the migration `{0}`, which this version does not know; use that version \
         or a newer one"
    )]
    Newer(String),
    /// The database has a table that another program made.
    #[error(
        "the database has a table `{0}` of another program: give this one a database of its own, or on PostgreSQL a \
         schema (CREATE SCHEMA auth, and ?options=-csearch_path%3Dauth in the URL)"
    )]
    Foreign(&'static str),
    /// Another process has been migrating this database for a long time.
    #[error(
        "another process has been migrating the database for ten minutes; wait for it, or end it and migrate again"
    )]
    Busy,
    /// The database refused.
    #[error("the database refused to migrate: is its role the owner of the schema and of all tables?")]
    Database(#[from] DbErr),
}

/// Returns the applied and pending migrations. Changes nothing.
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

/// Applies all pending migrations and returns their number.
///
/// # Errors
///
/// [`MigrateError`].
pub async fn up(db: &DatabaseConnection) -> Result<usize, MigrateError> {
    let run = Run::begin(db).await?;
    let done = apply(&run.tx).await;
    run.end(done).await
}

async fn apply(tx: &DatabaseTransaction) -> Result<usize, MigrateError> {
    let before = known(tx).await?;
    if before == 0 {
        refuse_foreign(tx).await?;
    }
    Migrator::up(tx, None).await?;
    Ok(Migrator::migrations().len() - before)
}

/// Reverts the newest `steps` migrations with their data, and returns their number.
///
/// # Errors
///
/// [`MigrateError`].
pub async fn down(db: &DatabaseConnection, steps: u32) -> Result<usize, MigrateError> {
    let run = Run::begin(db).await?;
    let done = take_back(&run.tx, steps).await;
    run.end(done).await
}

async fn take_back(tx: &DatabaseTransaction, steps: u32) -> Result<usize, MigrateError> {
    let before = known(tx).await?;
    Migrator::down(tx, Some(steps)).await?;
    Ok(before - known(tx).await?)
}

/// Tables of ours, each with a column that no other program's would have.
const TABLES: [(&str, &str); 8] = [
    ("users", "credential_version"),
    ("sessions", "token_digest"),
    ("reset_tokens", "token_digest"),
    ("server_keys", "bytes"),
    ("throttles", "account_digest"),
    ("devices", "token_digest"),
    ("device_kinds", "kind_digest"),
    ("outbox", "email_key"),
];

/// Before the first migration: a table of one of our names is another program's, unless a run before was cut off.
async fn refuse_foreign(tx: &DatabaseTransaction) -> Result<(), MigrateError> {
    let manager = SchemaManager::new(tx);
    for (table, column) in TABLES {
        if manager.has_table(table).await? && !manager.has_column(table, column).await? {
            return Err(MigrateError::Foreign(table));
        }
    }
    Ok(())
}

/// How many migrations were applied, all of them known.
async fn known(tx: &DatabaseTransaction) -> Result<usize, MigrateError> {
    let recorded = Migrator::get_migration_models(tx).await?;
    let names: Vec<String> = Migrator::migrations().iter().map(|m| m.name().to_owned()).collect();
    let is_ours = |row: &seaql_migrations::Model| names.contains(&row.version);
    if !recorded.is_empty() && !recorded.iter().any(is_ours) {
        return Err(MigrateError::Foreign("seaql_migrations"));
    }
    match recorded.into_iter().find(|row| !is_ours(row)) {
        Some(seaql_migrations::Model { version, .. }) => Err(MigrateError::Newer(version)),
        None => Ok(Migrator::get_applied_migrations(tx).await?.len()),
    }
}

/// The applied migrations; none if the table of migrations does not exist.
async fn recorded(db: &DatabaseConnection) -> Result<Vec<String>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    // Not by the migrator, which would create the table: the database user may only be allowed to read.
    let rows =
        seaql_migrations::Entity::find().order_by_asc(seaql_migrations::Column::Version).all(db).await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}
