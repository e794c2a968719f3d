//! `users.disabled_at`: since when an account can't be used. Null while it can.

use sea_orm_migration::{prelude::*, schema::big_integer_null};

use crate::m20261121_000001_users::Users;

#[derive(DeriveIden)]
enum Added {
    DisabledAt,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Where each change is committed by itself, the run before may have been cut off after this one.
        if manager.has_column("users", "disabled_at").await? {
            return Ok(());
        }
        let table = Table::alter().table(Users::Table).add_column(big_integer_null(Added::DisabledAt)).take();
        manager.alter_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table(Users::Table).drop_column(Added::DisabledAt).take()).await
    }
}
