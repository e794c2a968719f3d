//! `users.email_verified_at`: when the owner first proved to receive mail at the address. Null before that.

use sea_orm_migration::{prelude::*, schema::big_integer_null};

use crate::m20261121_000001_users::Users;

#[derive(DeriveIden)]
enum Added {
    EmailVerifiedAt,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Where each change is committed by itself, the run before may have been cut off after this one.
        if manager.has_column("users", "email_verified_at").await? {
            return Ok(());
        }
        let column = big_integer_null(Added::EmailVerifiedAt);
        manager.alter_table(Table::alter().table(Users::Table).add_column(column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter().table(Users::Table).drop_column(Added::EmailVerifiedAt).take();
        manager.alter_table(table).await
    }
}
