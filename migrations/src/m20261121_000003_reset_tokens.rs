//! `reset_tokens`: one outstanding reset per user. A spent token is a deleted row.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len},
};

use crate::{create, m20261121_000001_users::Users};

#[derive(DeriveIden)]
enum ResetTokens {
    Table,
    UserId,
    TokenDigest,
    CreatedAt,
    ExpiresAt,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(ResetTokens::Table)
            .col(big_integer(ResetTokens::UserId).primary_key())
            .col(binary_len(ResetTokens::TokenDigest, 32))
            .col(big_integer(ResetTokens::CreatedAt))
            .col(big_integer(ResetTokens::ExpiresAt))
            .foreign_key(
                ForeignKey::create()
                    .name("reset_tokens_user_id_fk")
                    .from(ResetTokens::Table, ResetTokens::UserId)
                    .to(Users::Table, Users::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .take();
        let unique_digest = Index::create()
            .name("reset_tokens_token_digest_unique")
            .table(ResetTokens::Table)
            .col(ResetTokens::TokenDigest)
            .unique()
            .take();
        let by_expiry = Index::create()
            .name("reset_tokens_expires_at_index")
            .table(ResetTokens::Table)
            .col(ResetTokens::ExpiresAt)
            .take();
        create::table(manager, table, vec![unique_digest, by_expiry]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(ResetTokens::Table).take()).await
    }
}
