//! `sessions.authenticated_at` and `sessions.methods`: when and how the user last proved who they are. Null in sessions
//! of earlier versions, which had passwords only.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, string_len_null},
};

use crate::m20261121_000002_sessions::Sessions;

#[derive(DeriveIden)]
enum Added {
    AuthenticatedAt,
    Methods,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, column) in [
            ("authenticated_at", big_integer_null(Added::AuthenticatedAt)),
            ("methods", string_len_null(Added::Methods, 64)),
        ] {
            // MariaDB commits each change by itself, so an interrupted run may have left this one.
            if !manager.has_column("sessions", name).await? {
                manager.alter_table(Table::alter().table(Sessions::Table).add_column(column).take()).await?;
            }
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [Added::AuthenticatedAt, Added::Methods] {
            manager.alter_table(Table::alter().table(Sessions::Table).drop_column(column).take()).await?;
        }
        Ok(())
    }
}
