//! `throttles`: tries to log in that failed, by account; for addresses that nobody has, too.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, integer},
    sea_orm::DbBackend,
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
        let mut table = Table::create()
            .table(Throttles::Table)
            .col(binary_len(Throttles::AccountDigest, 32).primary_key())
            .col(integer(Throttles::Failures))
            .col(big_integer(Throttles::BlockedUntil))
            .col(big_integer(Throttles::LatestAt))
            .take();
        if manager.get_database_backend() == DbBackend::Sqlite {
            table.extra("WITHOUT ROWID");
        }
        let latest = Index::create()
            .name("throttles_latest_at_index")
            .table(Throttles::Table)
            .col(Throttles::LatestAt)
            .take();
        let fewest = Index::create()
            .name("throttles_failures_latest_at_index")
            .table(Throttles::Table)
            .col(Throttles::Failures)
            .col(Throttles::LatestAt)
            .take();
        create::table(manager, table, vec![latest, fewest]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Throttles::Table).take()).await
    }
}
