//! A row of `sessions`.

use sea_orm::entity::prelude::*;

use crate::instant::Micros;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_digest: Vec<u8>,
    // Also unique, but an attribute for that would generate a second `find_by_id`.
    pub id: Uuid,
    pub user_id: i64,
    pub created_at: Micros,
    pub last_seen_at: Micros,
    pub expires_at: Micros,
    pub user_agent: Option<String>,
    pub client_ip: Option<String>,
    /// Null in rows of versions that had passwords only: then `created_at`.
    pub authenticated_at: Option<Micros>,
    /// Null in rows of versions that had passwords only.
    pub methods: Option<String>,
    #[sea_orm(belongs_to, from = "user_id", to = "id")]
    pub user: BelongsTo<super::user::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
