//! `outbox`: mails that are wanted. It never holds a token or a link.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, integer, string_len, string_len_null},
};

use crate::create;

#[derive(DeriveIden)]
enum Outbox {
    Table,
    Id,
    Kind,
    EmailKey,
    Language,
    Detail,
    CreatedAt,
    DueAt,
    SentAt,
    Tries,
}

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Outbox::Table)
            .col(ColumnDef::new(Outbox::Id).big_integer().not_null().auto_increment().primary_key())
            .col(string_len(Outbox::Kind, 32))
            .col(string_len(Outbox::EmailKey, 254))
            .col(string_len(Outbox::Language, 8))
            .col(string_len_null(Outbox::Detail, 256))
            .col(big_integer(Outbox::CreatedAt))
            .col(big_integer(Outbox::DueAt))
            .col(big_integer_null(Outbox::SentAt))
            .col(integer(Outbox::Tries))
            .take();
        let due =
            create::index("outbox_sent_at_due_at_index", Outbox::Table, [Outbox::SentAt, Outbox::DueAt]);
        let recipient = create::index("outbox_email_key_index", Outbox::Table, [Outbox::EmailKey]);
        create::table(manager, table, vec![due, recipient]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create::undone(manager, Outbox::Table).await
    }
}
