//! Random keys that all nodes share.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use time::OffsetDateTime;

use crate::{DbError, table::server_key};

const TABLE: &str = "server_keys";

/// The length of a key, in bytes.
pub const LENGTH: usize = 32;

/// The key of this name of at most 32 characters. If it does not exist, `new` is stored as the key.
///
/// # Errors
///
/// [`DbError::Conflict`] if another node stored a key at the same time, which the next call finds.
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_or_insert(
    tx: &impl ConnectionTrait,
    name: &str,
    new: [u8; LENGTH],
    now: OffsetDateTime,
) -> Result<[u8; LENGTH], DbError> {
    if let Some(known) = find(tx, name).await? {
        return Ok(known);
    }
    let row = server_key::ActiveModel {
        name: Set(name.to_owned()),
        bytes: Set(new.to_vec()),
        created_at: Set(now.into()),
    };
    server_key::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(new)
}

async fn find(db: &impl ConnectionTrait, name: &str) -> Result<Option<[u8; LENGTH]>, DbError> {
    let Some(row) = server_key::Entity::find_by_id(name.to_owned()).all(db).await?.pop() else {
        return Ok(None);
    };
    let corrupt = |_| DbError::Corrupt { table: TABLE, column: "bytes" };
    row.bytes.try_into().map(Some).map_err(corrupt)
}
