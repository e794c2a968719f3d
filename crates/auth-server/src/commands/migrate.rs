//! `auth-server migrate`: the schema of the database.

use anyhow::{Context, bail};

use super::open_database;
use crate::{cli::MigrateCommand, output::say, settings::Settings};

/// Runs a command about the schema.
pub async fn run(settings: &Settings, command: MigrateCommand) -> anyhow::Result<()> {
    match command {
        MigrateCommand::Up => up(settings).await,
        MigrateCommand::Down { steps, yes } => down(settings, steps, yes).await,
        MigrateCommand::Status => status(settings).await,
    }
}

/// Applies all pending migrations. Creates the database file if it does not exist.
async fn up(settings: &Settings) -> anyhow::Result<()> {
    let db = open_database(settings, true).await?;
    let applied = auth_migrations::up(db.for_migrations()).await?;
    say!("applied {applied} migrations");
    Ok(db.close().await?)
}

/// Reverts the newest migrations.
async fn down(settings: &Settings, steps: u32, yes: bool) -> anyhow::Result<()> {
    if !yes {
        bail!(
            "this deletes the tables and columns of {steps} migrations with their data; the first migration has all \
             users; make a backup, and confirm with --yes"
        );
    }
    let db = open_database(settings, false).await?;
    let reverted = auth_migrations::down(db.for_migrations(), steps).await?;
    say!("reverted {reverted} migrations");
    Ok(db.close().await?)
}

/// Lists applied and pending migrations.
async fn status(settings: &Settings) -> anyhow::Result<()> {
    let db = open_database(settings, false).await?;
    let status = auth_migrations::status(db.for_migrations()).await.context("could not read the schema")?;
    for (state, names) in
        [("applied", &status.applied), ("unknown", &status.unknown), ("pending", &status.pending)]
    {
        for name in names {
            say!("{state}  {name}");
        }
    }
    Ok(db.close().await?)
}
