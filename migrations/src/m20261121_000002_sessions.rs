//! `sessions`: who is logged in. An ended session is a deleted row.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, string_len_null, uuid},
};

use crate::create;

#[derive(DeriveIden)]
pub enum Sessions {
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
        let table = Table::create()
            .table(Sessions::Table)
            .col(binary_len(Sessions::TokenDigest, 32).primary_key())
            .col(uuid(Sessions::Id))
            .col(big_integer(Sessions::UserId))
            .col(big_integer(Sessions::CreatedAt))
            .col(big_integer(Sessions::LastSeenAt))
            .col(big_integer(Sessions::ExpiresAt))
            .col(string_len_null(Sessions::UserAgent, 256))
            .col(string_len_null(Sessions::ClientIp, 45))
            .foreign_key(&mut create::user_key("sessions_user_id_fk", Sessions::Table, Sessions::UserId))
            .take();
        let index = |name, column| create::index(name, Sessions::Table, [column]);
        let indexes = vec![
            index("sessions_id_unique", Sessions::Id).unique().take(),
            index("sessions_user_id_index", Sessions::UserId),
            index("sessions_expires_at_index", Sessions::ExpiresAt),
            index("sessions_last_seen_at_index", Sessions::LastSeenAt),
        ];
        create::table(manager, create::keyed_by_digest(manager, table), indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, Sessions::Table).await
    }
}
