//! A row of `outbox`.

use sea_orm::entity::prelude::*;

use crate::instant::Micros;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub kind: String,
    pub email_key: String,
    pub language: String,
    pub detail: Option<String>,
    pub created_at: Micros,
    pub due_at: Micros,
    pub sent_at: Option<Micros>,
    pub tries: i32,
}

impl ActiveModelBehavior for ActiveModel {}
