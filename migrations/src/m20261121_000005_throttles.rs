//! `throttles`: failed attempts to log in by account, also for addresses without an account.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, integer},
};

use crate::create;

#[derive(DeriveIden)]
enum Throttles {
    Table,
    AccountDigest,
    Failures,
    BlockedUntil,
    LatestAt,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Throttles::Table)
            .col(binary_len(Throttles::AccountDigest, 32).primary_key())
            .col(integer(Throttles::Failures))
            .col(big_integer(Throttles::BlockedUntil))
            .col(big_integer(Throttles::LatestAt))
            .take();
        let latest = create::index("throttles_latest_at_index", Throttles::Table, [Throttles::LatestAt]);
        let fewest = create::index(
            "throttles_failures_latest_at_index",
            Throttles::Table,
            [Throttles::Failures, Throttles::LatestAt],
        );
        create::table(manager, create::keyed_by_digest(manager, table), vec![latest, fewest]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, Throttles::Table).await
    }
}
