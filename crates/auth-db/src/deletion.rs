//! Deletion in batches, so that no transaction takes long. Not every database can limit a deletion, so the rows are listed
//! first.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, TryGetable, Value,
    sea_query::IntoCondition,
};

use crate::DbError;

/// Deletes at most `limit` of the rows that meet a condition. Returns their number.
///
/// The condition is checked again when they are deleted, because a row may have changed since it was listed.
pub async fn delete_some<E: EntityTrait, K: TryGetable + Into<Value>>(
    tx: &impl ConnectionTrait,
    key: E::Column,
    condition: impl IntoCondition,
    limit: u64,
) -> Result<u64, DbError> {
    let condition = condition.into_condition();
    let listed = E::find().select_only().column(key).filter(condition.clone()).limit(limit);
    delete::<E, K>(tx, key, listed.into_tuple().all(tx).await?, condition).await
}

/// Deletes the rows with these keys. Returns their number.
pub async fn delete_listed<E: EntityTrait, K: Into<Value>>(
    tx: &impl ConnectionTrait,
    key: E::Column,
    keys: Vec<K>,
) -> Result<u64, DbError> {
    delete::<E, K>(tx, key, keys, Condition::all()).await
}

async fn delete<E: EntityTrait, K: Into<Value>>(
    tx: &impl ConnectionTrait,
    key: E::Column,
    keys: Vec<K>,
    condition: Condition,
) -> Result<u64, DbError> {
    if keys.is_empty() {
        return Ok(0);
    }
    let done = E::delete_many().filter(key.is_in(keys)).filter(condition).exec(tx).await?;
    Ok(done.rows_affected)
}
