//! `server_keys`: random keys that all processes on a database share.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len, string_len},
};

use crate::create;

#[derive(DeriveIden)]
enum ServerKeys {
    Table,
    Name,
    Bytes,
    CreatedAt,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(ServerKeys::Table)
            .col(string_len(ServerKeys::Name, 32).primary_key())
            .col(binary_len(ServerKeys::Bytes, 32))
            .col(big_integer(ServerKeys::CreatedAt))
            .take();
        create::table(manager, table, Vec::new()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, ServerKeys::Table).await
    }
}
