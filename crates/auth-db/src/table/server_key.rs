//! A row of `server_keys`.

use sea_orm::entity::prelude::*;

use crate::instant::Micros;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub bytes: Vec<u8>,
    pub created_at: Micros,
}

impl ActiveModelBehavior for ActiveModel {}
