//! A row of `throttles`.

use sea_orm::entity::prelude::*;

use crate::instant::Micros;

#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "throttles")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_digest: Vec<u8>,
    pub failures: i32,
    pub blocked_until: Micros,
    pub latest_at: Micros,
}

impl ActiveModelBehavior for ActiveModel {}
