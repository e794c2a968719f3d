//! A row of `devices`.

use sea_orm::entity::prelude::*;

use crate::instant::Micros;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "devices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_digest: Vec<u8>,
    pub user_id: i64,
    pub created_at: Micros,
    pub expires_at: Micros,
    pub failures: i32,
    pub blocked_until: Micros,
    pub latest_at: Micros,
    pub kind_digest: Option<Vec<u8>>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
