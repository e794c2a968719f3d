//! Devices: where users logged in before, by the digest of the token that each keeps.

use auth_model::{Device, DeviceTokenDigest, Email, Tries, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError,
    deletion::{delete_listed, delete_some},
    instant::Micros,
    table::{device, user},
    tries::Columns,
};

const TABLE: &str = "devices";

/// Stores a device.
///
/// The caller holds the user's row ([`users::lock`](crate::users::lock)).
///
/// # Errors
///
/// [`DbError::Conflict`] if the token is taken, [`DbError::Unavailable`].
pub async fn insert(
    tx: &impl ConnectionTrait,
    device: &Device,
    token: &DeviceTokenDigest,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = (&device.tries).into();
    let row = device::ActiveModel {
        token_digest: Set(token.as_bytes().to_vec()),
        user_id: Set(device.user_id.as_i64()),
        created_at: Set(device.created_at.into()),
        expires_at: Set(device.expires_at.into()),
        failures: Set(failures),
        blocked_until: Set(blocked_until),
        latest_at: Set(latest_at),
    };
    device::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// The device behind a token, if it is one of the user with this address.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_of_owner(
    db: &impl ConnectionTrait,
    token: &DeviceTokenDigest,
    owner: &Email,
) -> Result<Option<Device>, DbError> {
    let row = device::Entity::find_by_id(token.as_bytes().to_vec())
        .find_also_related(user::Entity)
        .filter(user::COLUMN.email_key.eq(owner.key()))
        .all(db)
        .await?
        .pop();
    row.map(|(row, _)| from_row(&row)).transpose()
}

/// The device behind a token, taken until the transaction ends.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn lock(tx: &impl ConnectionTrait, token: &DeviceTokenDigest) -> Result<Option<Device>, DbError> {
    let row = device::Entity::find_by_id(token.as_bytes().to_vec()).lock_exclusive().all(tx).await?.pop();
    row.as_ref().map(from_row).transpose()
}

/// Replaces the tries on a device that the caller holds.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn set_tries(
    tx: &impl ConnectionTrait,
    token: &DeviceTokenDigest,
    tries: &Tries,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = tries.into();
    device::Entity::update_many()
        .filter(device::COLUMN.token_digest.eq(token.as_bytes().to_vec()))
        .col_expr(device::Column::Failures, Expr::val(failures))
        .col_expr(device::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(device::Column::LatestAt, Expr::val(latest_at))
        .exec(tx)
        .await?;
    Ok(())
}

/// How many devices a user has.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn count_of(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    Ok(device::Entity::find().filter(device::COLUMN.user_id.eq(user.as_i64())).count(db).await?)
}

/// Forgets all devices of a user but the newest `keep`; answers how many it forgot.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn end_all_but_newest(tx: &impl ConnectionTrait, user: UserId, keep: u64) -> Result<u64, DbError> {
    let newest_first: Vec<Vec<u8>> = device::Entity::find()
        .select_only()
        .column(device::Column::TokenDigest)
        .filter(device::COLUMN.user_id.eq(user.as_i64()))
        .order_by_desc(device::Column::CreatedAt)
        .into_tuple()
        .all(tx)
        .await?;
    let surplus = newest_first.into_iter().skip(usize::try_from(keep).unwrap_or(usize::MAX)).collect();
    delete_listed::<device::Entity, Vec<u8>>(tx, device::Column::TokenDigest, surplus).await
}

/// Deletes at most `limit` devices that expired at `now` or earlier; answers how many there were.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn purge(tx: &impl ConnectionTrait, now: OffsetDateTime, limit: u64) -> Result<u64, DbError> {
    let expired = device::COLUMN.expires_at.lte(Micros::from(now));
    delete_some::<device::Entity, Vec<u8>>(tx, device::Column::TokenDigest, expired, limit).await
}

fn from_row(row: &device::Model) -> Result<Device, DbError> {
    let tries =
        Columns { failures: row.failures, blocked_until: row.blocked_until, latest_at: row.latest_at };
    Ok(Device {
        user_id: UserId::from_i64(row.user_id),
        created_at: row.created_at.read(TABLE, "created_at")?,
        expires_at: row.expires_at.read(TABLE, "expires_at")?,
        tries: tries.read(TABLE)?,
    })
}
