//! A row of `device_kinds`.

use sea_orm::entity::prelude::*;

use crate::instant::Micros;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "device_kinds")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind_digest: Vec<u8>,
    pub user_id: i64,
    pub noticed_at: Micros,
}

impl ActiveModelBehavior for ActiveModel {}
