//! `reset_tokens`: one outstanding reset per user. A spent token is a deleted row.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, binary_len},
};

use crate::create;

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
            .foreign_key(&mut create::user_key(
                "reset_tokens_user_id_fk",
                ResetTokens::Table,
                ResetTokens::UserId,
            ))
            .take();
        let unique_digest =
            create::index("reset_tokens_token_digest_unique", ResetTokens::Table, [ResetTokens::TokenDigest])
                .unique()
                .take();
        let by_expiry =
            create::index("reset_tokens_expires_at_index", ResetTokens::Table, [ResetTokens::ExpiresAt]);
        create::table(manager, table, vec![unique_digest, by_expiry]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, ResetTokens::Table).await
    }
}
