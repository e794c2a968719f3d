//! Devices on which users logged in before, by the digests of their tokens.

use auth_model::{Device, DeviceTokenDigest, EmailKey, FailedAttempts, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError, current,
    deletion::{delete_listed, delete_some},
    failed_attempts::Columns,
    instant::Micros,
    table::{device, user},
};

const TABLE: &str = "devices";

/// Stores a device.
///
/// The caller holds the lock of the user's row ([`users::lock`](crate::users::lock)).
///
/// # Errors
///
/// [`DbError::Conflict`] if the token is taken, [`DbError::Unavailable`].
pub async fn insert(
    tx: &impl ConnectionTrait,
    device: &Device,
    digest: &DeviceTokenDigest,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = (&device.failed_attempts).into();
    let row = device::ActiveModel {
        token_digest: Set(digest.as_bytes().to_vec()),
        user_id: Set(device.user_id.as_i64()),
        created_at: Set(device.created_at.into()),
        expires_at: Set(device.expires_at.into()),
        failures: Set(failures),
        blocked_until: Set(blocked_until),
        latest_at: Set(latest_at),
        kind_digest: Set(device.kind.map(|kind| kind.to_vec())),
    };
    device::Entity::insert(row).exec_without_returning(tx).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// Stores a device if its user is enabled and still has this `credential_version`. Returns whether it did.
///
/// # Errors
///
/// [`DbError::Conflict`] if the token is taken, [`DbError::Unavailable`].
pub async fn insert_if_current(
    on: &impl ConnectionTrait,
    device: &Device,
    digest: &DeviceTokenDigest,
    credential_version: i64,
) -> Result<bool, DbError> {
    use device::Column;
    let Columns { failures, blocked_until, latest_at } = (&device.failed_attempts).into();
    let row = [
        (Column::TokenDigest, Expr::val(digest.as_bytes().to_vec())),
        (Column::UserId, Expr::val(device.user_id.as_i64())),
        (Column::CreatedAt, Expr::val(Micros::from(device.created_at))),
        (Column::ExpiresAt, Expr::val(Micros::from(device.expires_at))),
        (Column::Failures, Expr::val(failures)),
        (Column::BlockedUntil, Expr::val(blocked_until)),
        (Column::LatestAt, Expr::val(latest_at)),
        (Column::KindDigest, Expr::val(device.kind.map(|kind| kind.to_vec()))),
    ];
    current::insert_if_current::<device::Entity>(on, TABLE, device.user_id, credential_version, row).await
}

/// The device of a token, if it belongs to the user with this address.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_of_owner(
    db: &impl ConnectionTrait,
    digest: &DeviceTokenDigest,
    owner: &EmailKey,
) -> Result<Option<Device>, DbError> {
    let row = device::Entity::find_by_id(digest.as_bytes().to_vec())
        .find_also_related(user::Entity)
        .filter(user::COLUMN.email_key.eq(owner.as_str()))
        .all(db)
        .await?
        .pop();
    row.map(|(row, _)| from_row(&row)).transpose()
}

/// The device of a token.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find(db: &impl ConnectionTrait, digest: &DeviceTokenDigest) -> Result<Option<Device>, DbError> {
    let row = device::Entity::find_by_id(digest.as_bytes().to_vec()).all(db).await?.pop();
    row.as_ref().map(from_row).transpose()
}

/// Sets the failed attempts on a device.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn set_failed_attempts(
    tx: &impl ConnectionTrait,
    digest: &DeviceTokenDigest,
    attempts: &FailedAttempts,
) -> Result<(), DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    device::Entity::update_many()
        .filter(device::COLUMN.token_digest.eq(digest.as_bytes().to_vec()))
        .col_expr(device::Column::Failures, Expr::val(failures))
        .col_expr(device::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(device::Column::LatestAt, Expr::val(latest_at))
        .exec(tx)
        .await?;
    Ok(())
}

/// Replaces the failed attempts on a device if they are still those that were read. Returns whether it did.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn replace_failed_attempts(
    on: &impl ConnectionTrait,
    digest: &DeviceTokenDigest,
    read: &FailedAttempts,
    attempts: &FailedAttempts,
) -> Result<bool, DbError> {
    let Columns { failures, blocked_until, latest_at } = attempts.into();
    let read = Columns::from(read);
    let done = device::Entity::update_many()
        .filter(device::COLUMN.token_digest.eq(digest.as_bytes().to_vec()))
        .filter(device::COLUMN.failures.eq(read.failures))
        .filter(device::COLUMN.blocked_until.eq(read.blocked_until))
        .filter(device::COLUMN.latest_at.eq(read.latest_at))
        .col_expr(device::Column::Failures, Expr::val(failures))
        .col_expr(device::Column::BlockedUntil, Expr::val(blocked_until))
        .col_expr(device::Column::LatestAt, Expr::val(latest_at))
        .exec(on)
        .await?;
    Ok(done.rows_affected == 1)
}

/// All devices of a user with the digests of their tokens, newest first.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn all_of(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<(DeviceTokenDigest, Device)>, DbError> {
    let rows = device::Entity::find()
        .filter(device::COLUMN.user_id.eq(user.as_i64()))
        .order_by_desc(device::Column::CreatedAt)
        .all(db)
        .await?;
    let with_digest = |row: &device::Model| {
        let digest = <[u8; 32]>::try_from(row.token_digest.as_slice());
        let corrupt = |_| DbError::Corrupt { table: TABLE, column: "token_digest" };
        Ok((digest.map(DeviceTokenDigest::from_bytes).map_err(corrupt)?, from_row(row)?))
    };
    rows.iter().map(with_digest).collect()
}

/// Deletes devices by the digests of their tokens. Returns their number.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete(tx: &impl ConnectionTrait, digests: &[DeviceTokenDigest]) -> Result<u64, DbError> {
    let keys = digests.iter().map(|digest| digest.as_bytes().to_vec()).collect();
    delete_listed::<device::Entity, Vec<u8>>(tx, device::Column::TokenDigest, keys).await
}

/// Deletes all devices of a user. Returns their number.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_all_of(tx: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    let done =
        device::Entity::delete_many().filter(device::COLUMN.user_id.eq(user.as_i64())).exec(tx).await?;
    Ok(done.rows_affected)
}

/// Deletes at most `limit` devices that expired at `now` or earlier. Returns their number.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_expired(
    tx: &impl ConnectionTrait,
    now: OffsetDateTime,
    limit: u64,
) -> Result<u64, DbError> {
    let expired = device::COLUMN.expires_at.lte(Micros::from(now));
    delete_some::<device::Entity, Vec<u8>>(tx, device::Column::TokenDigest, expired, limit).await
}

fn from_row(row: &device::Model) -> Result<Device, DbError> {
    let attempts =
        Columns { failures: row.failures, blocked_until: row.blocked_until, latest_at: row.latest_at };
    let kind = row.kind_digest.as_deref().map(<[u8; 32]>::try_from).transpose();
    Ok(Device {
        user_id: UserId::from_i64(row.user_id),
        kind: kind.map_err(|_| DbError::Corrupt { table: TABLE, column: "kind_digest" })?,
        created_at: row.created_at.read(TABLE, "created_at")?,
        expires_at: row.expires_at.read(TABLE, "expires_at")?,
        failed_attempts: attempts.read(TABLE)?,
    })
}
