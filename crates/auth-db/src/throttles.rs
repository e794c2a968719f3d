//! Tries to log in that failed, by account: by a digest of the address, whether somebody has it or not.

use auth_model::Tries;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError,
    deletion::{delete_listed, delete_some},
    instant::Micros,
    table::throttle,
    tries::Columns,
};

const TABLE: &str = "throttles";

/// What stands for an account: 32 bytes that are the same for all spellings of its address.
pub type AccountDigest = [u8; 32];

/// The tries for an account, taken until the transaction ends; none if nothing is stored, which takes nothing.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn lock(tx: &impl ConnectionTrait, account: &AccountDigest) -> Result<Option<Tries>, DbError> {
    let row = throttle::Entity::find_by_id(account.to_vec()).lock_exclusive().all(tx).await?.pop();
    row.map(|row| columns(&row).read(TABLE)).transpose()
}

/// Stores the tries for an account that has none yet.
///
/// # Errors
///
/// [`DbError::Conflict`] if another process stored some at the same moment: then [`lock`] finds them.
pub async fn insert(
    tx: &impl ConnectionTrait,
    account: &AccountDigest,
    tries: &Tries,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = tries.into();
    let row = throttle::ActiveModel {
        account_digest: Set(account.to_vec()),
        failures: Set(failures),
        blocked_until: Set(blocked_until),
        latest_at: Set(latest_at),
    };
    throttle::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// Replaces the tries for an account that the caller holds.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn update(
    tx: &impl ConnectionTrait,
    account: &AccountDigest,
    tries: &Tries,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = tries.into();
    throttle::Entity::update_many()
        .filter(throttle::COLUMN.account_digest.eq(account.to_vec()))
        .col_expr(throttle::Column::Failures, Expr::val(failures))
        .col_expr(throttle::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(throttle::Column::LatestAt, Expr::val(latest_at))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets the tries for an account.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete(tx: &impl ConnectionTrait, account: &AccountDigest) -> Result<(), DbError> {
    throttle::Entity::delete_by_id(account.to_vec()).exec(tx).await?;
    Ok(())
}

/// Deletes at most `limit` of those whose latest try began at `forgotten` or earlier; answers how many there were.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn purge(tx: &impl ConnectionTrait, forgotten: OffsetDateTime, limit: u64) -> Result<u64, DbError> {
    let over = throttle::COLUMN.latest_at.lte(Micros::from(forgotten));
    delete_some::<throttle::Entity, Vec<u8>>(tx, throttle::Column::AccountDigest, over, limit).await
}

/// Deletes those with the fewest failures, the oldest first, if there are more than `capacity`; at most `limit`
/// of them. Answers how many it deleted.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn trim(tx: &impl ConnectionTrait, capacity: u64, limit: u64) -> Result<u64, DbError> {
    let surplus = throttle::Entity::find().count(tx).await?.saturating_sub(capacity);
    if surplus == 0 {
        return Ok(0);
    }
    let digests: Vec<Vec<u8>> = throttle::Entity::find()
        .select_only()
        .column(throttle::Column::AccountDigest)
        .order_by_asc(throttle::Column::Failures)
        .order_by_asc(throttle::Column::LatestAt)
        .limit(surplus.min(limit))
        .into_tuple()
        .all(tx)
        .await?;
    delete_listed::<throttle::Entity, Vec<u8>>(tx, throttle::Column::AccountDigest, digests).await
}

fn columns(row: &throttle::Model) -> Columns {
    Columns { failures: row.failures, blocked_until: row.blocked_until, latest_at: row.latest_at }
}
