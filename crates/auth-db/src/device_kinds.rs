//! Kinds of devices of which owners were notified, by a digest of user, network and program.

use auth_model::UserId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError,
    deletion::{delete_listed, delete_some},
    instant::Micros,
    table::device_kind,
};

const TABLE: &str = "device_kinds";

/// The digest of a kind of device of one user.
pub type DeviceKindDigest = [u8; 32];

/// The kinds of a user with the instants of their latest notices, latest first.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn all_of(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<(DeviceKindDigest, OffsetDateTime)>, DbError> {
    let rows = device_kind::Entity::find()
        .filter(device_kind::COLUMN.user_id.eq(user.as_i64()))
        .order_by_desc(device_kind::Column::NoticedAt)
        .all(db)
        .await?;
    let read = |row: &device_kind::Model| {
        let digest = DeviceKindDigest::try_from(row.kind_digest.as_slice());
        let corrupt = |_| DbError::Corrupt { table: TABLE, column: "kind_digest" };
        Ok((digest.map_err(corrupt)?, row.noticed_at.read(TABLE, "noticed_at")?))
    };
    rows.iter().map(read).collect()
}

/// Stores that the owner is notified of a kind at `now`, if its latest notice is still the one that was read. Returns
/// whether it did. Of concurrent calls, one does.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn record_notice(
    on: &impl ConnectionTrait,
    kind: &DeviceKindDigest,
    user: UserId,
    read: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    if let Some(read) = read {
        let updated = device_kind::Entity::update_many()
            .filter(device_kind::COLUMN.kind_digest.eq(kind.to_vec()))
            .filter(device_kind::COLUMN.noticed_at.eq(Micros::from(read)))
            .col_expr(device_kind::Column::NoticedAt, Expr::val(Micros::from(now)))
            .exec(on)
            .await?;
        return Ok(updated.rows_affected == 1);
    }
    let row = device_kind::ActiveModel {
        kind_digest: Set(kind.to_vec()),
        user_id: Set(user.as_i64()),
        noticed_at: Set(now.into()),
    };
    let inserted = device_kind::Entity::insert(row).exec_without_returning(on).await;
    match inserted.map_err(DbError::of_insertion(TABLE)) {
        Ok(_) => Ok(true),
        Err(DbError::Conflict(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes kinds.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete(on: &impl ConnectionTrait, kinds: &[DeviceKindDigest]) -> Result<(), DbError> {
    let kinds = kinds.iter().map(|kind| kind.to_vec()).collect();
    delete_listed::<device_kind::Entity, Vec<u8>>(on, device_kind::Column::KindDigest, kinds).await?;
    Ok(())
}

/// Deletes at most `limit` kinds of which owners were notified at `before` or earlier. Returns their number.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_expired(
    tx: &impl ConnectionTrait,
    before: OffsetDateTime,
    limit: u64,
) -> Result<u64, DbError> {
    let expired = device_kind::COLUMN.noticed_at.lte(Micros::from(before));
    delete_some::<device_kind::Entity, Vec<u8>>(tx, device_kind::Column::KindDigest, expired, limit).await
}
