//! `devices`: where users logged in before, with the tries that failed there.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, integer},
    sea_orm::DbBackend,
};

use crate::{create, m20261121_000001_users::Users};

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
        let mut table = Table::create()
            .table(Devices::Table)
            .col(binary_len(Devices::TokenDigest, 32).primary_key())
            .col(big_integer(Devices::UserId))
            .col(big_integer(Devices::CreatedAt))
            .col(big_integer(Devices::ExpiresAt))
            .col(integer(Devices::Failures))
            .col(big_integer(Devices::BlockedUntil))
            .col(big_integer(Devices::LatestAt))
            .foreign_key(
                ForeignKey::create()
                    .name("devices_user_id_fk")
                    .from(Devices::Table, Devices::UserId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        if manager.get_database_backend() == DbBackend::Sqlite {
            table.extra("WITHOUT ROWID");
        }
        let index = |name, column| Index::create().name(name).table(Devices::Table).col(column).take();
        let indexes = vec![
            index("devices_user_id_index", Devices::UserId),
            index("devices_expires_at_index", Devices::ExpiresAt),
        ];
        create::table(manager, table, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Devices::Table).take()).await
    }
}
