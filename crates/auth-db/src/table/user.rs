//! A row of `users`.

use sea_orm::entity::prelude::*;

use crate::instant::Micros;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub email: String,
    #[sea_orm(unique)]
    pub email_key: String,
    pub hashed_password: String,
    pub credential_version: i64,
    pub disabled_at: Option<Micros>,
    pub email_verified_at: Option<Micros>,
    pub created_at: Micros,
    pub updated_at: Micros,
    #[sea_orm(has_many)]
    pub sessions: HasMany<super::session::Entity>,
    #[sea_orm(has_many)]
    pub devices: HasMany<super::device::Entity>,
    #[sea_orm(has_one)]
    pub reset_token: HasOne<super::reset_token::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
