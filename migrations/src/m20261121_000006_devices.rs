//! `devices`: the known devices of users, with the failed attempts from each.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, integer},
};

use crate::create;

#[derive(DeriveIden)]
enum Devices {
    Table,
    TokenDigest,
    UserId,
    CreatedAt,
    ExpiresAt,
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
            .table(Devices::Table)
            .col(binary_len(Devices::TokenDigest, 32).primary_key())
            .col(big_integer(Devices::UserId))
            .col(big_integer(Devices::CreatedAt))
            .col(big_integer(Devices::ExpiresAt))
            .col(integer(Devices::Failures))
            .col(big_integer(Devices::BlockedUntil))
            .col(big_integer(Devices::LatestAt))
            .foreign_key(&mut create::user_key("devices_user_id_fk", Devices::Table, Devices::UserId))
            .take();
        let index = |name, column| create::index(name, Devices::Table, [column]);
        let indexes = vec![
            index("devices_user_id_index", Devices::UserId),
            index("devices_expires_at_index", Devices::ExpiresAt),
        ];
        create::table(manager, create::keyed_by_digest(manager, table), indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, Devices::Table).await
    }
}
