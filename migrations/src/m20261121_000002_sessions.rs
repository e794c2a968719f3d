//! `sessions`: who is logged in. An ended session is a deleted row.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, string_len_null, uuid},
    sea_orm::DbBackend,
};

use crate::{create, m20261121_000001_users::Users};

#[derive(DeriveIden)]
enum Sessions {
    Table,
    TokenDigest,
    Id,
    UserId,
    CreatedAt,
    LastSeenAt,
    ExpiresAt,
    UserAgent,
    ClientIp,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut table = Table::create()
            .table(Sessions::Table)
            .col(binary_len(Sessions::TokenDigest, 32).primary_key())
            .col(uuid(Sessions::Id))
            .col(big_integer(Sessions::UserId))
            .col(big_integer(Sessions::CreatedAt))
            .col(big_integer(Sessions::LastSeenAt))
            .col(big_integer(Sessions::ExpiresAt))
            .col(string_len_null(Sessions::UserAgent, 256))
            .col(string_len_null(Sessions::ClientIp, 45))
            .foreign_key(
                ForeignKey::create()
                    .name("sessions_user_id_fk")
                    .from(Sessions::Table, Sessions::UserId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        if manager.get_database_backend() == DbBackend::Sqlite {
            // The look-up by digest is the frequent thing: one tree to walk instead of two.
            table.extra("WITHOUT ROWID");
        }
        let index = |name, column| Index::create().name(name).table(Sessions::Table).col(column).take();
        let indexes = vec![
            index("sessions_id_unique", Sessions::Id).unique().take(),
            index("sessions_user_id_index", Sessions::UserId),
            index("sessions_expires_at_index", Sessions::ExpiresAt),
            index("sessions_last_seen_at_index", Sessions::LastSeenAt),
        ];
        create::table(manager, table, indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(Sessions::Table).take()).await
    }
}
