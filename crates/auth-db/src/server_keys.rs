//! Random keys that all processes on a database share.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use time::OffsetDateTime;

use crate::{DbError, table::server_key};

const TABLE: &str = "server_keys";

/// Bytes of a key.
pub const LENGTH: usize = 32;

/// The key of this name, of at most 32 characters; `fresh` becomes it if there is none yet.
///
/// # Errors
///
/// [`DbError::Conflict`] if another process brought one at the same moment: then it is found by the next
/// try. [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_or_put(
    tx: &impl ConnectionTrait,
    name: &str,
    fresh: [u8; LENGTH],
    now: OffsetDateTime,
) -> Result<[u8; LENGTH], DbError> {
    if let Some(known) = find(tx, name).await? {
        return Ok(known);
    }
    let row = server_key::ActiveModel {
        name: Set(name.to_owned()),
        bytes: Set(fresh.to_vec()),
        created_at: Set(now.into()),
    };
    server_key::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(fresh)
}

async fn find(db: &impl ConnectionTrait, name: &str) -> Result<Option<[u8; LENGTH]>, DbError> {
    let Some(row) = server_key::Entity::find_by_id(name.to_owned()).all(db).await?.pop() else {
        return Ok(None);
    };
    let corrupt = |_| DbError::Corrupt { table: TABLE, column: "bytes" };
    row.bytes.try_into().map(Some).map_err(corrupt)
}
