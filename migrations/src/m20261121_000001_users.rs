//! `users`: an address and the hash of a password.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string_len},
    sea_orm::DbBackend,
};

use crate::create;

/// Who registered.
#[derive(DeriveIden)]
pub enum Users {
    Table,
    Id,
    Email,
    EmailKey,
    HashedPassword,
    CredentialVersion,
    CreatedAt,
    UpdatedAt,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut key = string_len(Users::EmailKey, 254);
        if manager.get_database_backend() == DbBackend::Postgres {
            // Byte for byte: its index must not depend on the language rules of the operating system, which
            // change with it.
            key.extra("COLLATE \"C\"");
        }
        let table = Table::create()
            .table(Users::Table)
            // AUTOINCREMENT on SQLite: an id is never given to a second user.
            .col(ColumnDef::new(Users::Id).big_integer().not_null().auto_increment().primary_key())
            // 254 bytes are at most 254 characters.
            .col(string_len(Users::Email, 254))
            .col(key)
            .col(string_len(Users::HashedPassword, 512))
            .col(big_integer(Users::CredentialVersion))
            .col(big_integer(Users::CreatedAt))
            .col(big_integer(Users::UpdatedAt))
            .take();
        let unique_address =
            create::index("users_email_key_unique", Users::Table, [Users::EmailKey]).unique().take();
        create::table(manager, table, vec![unique_address]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, Users::Table).await
    }
}
