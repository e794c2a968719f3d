//! Kinds of devices about which owners were notified, by a digest that the caller makes of user, network and program.

use auth_model::UserId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError,
    deletion::{delete_listed, delete_some},
    instant::Micros,
    table::device_kind,
};

const TABLE: &str = "device_kinds";

/// What stands for a kind of device of one user: 32 bytes.
pub type DeviceKindDigest = [u8; 32];

/// When the owner was last notified of a kind; none if never.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn noticed_at(
    db: &impl ConnectionTrait,
    kind: &DeviceKindDigest,
) -> Result<Option<OffsetDateTime>, DbError> {
    let row = device_kind::Entity::find_by_id(kind.to_vec()).all(db).await?.pop();
    row.map(|row| row.noticed_at.read(TABLE, "noticed_at")).transpose()
}

/// Notes that the owner is notified of a kind now. Of the user's other kinds the `keep` noticed last stay.
///
/// The caller holds the user's row ([`users::lock`](crate::users::lock)).
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn put(
    tx: &impl ConnectionTrait,
    kind: &DeviceKindDigest,
    user: UserId,
    now: OffsetDateTime,
    keep: u64,
) -> Result<(), DbError> {
    let updated = device_kind::Entity::update_many()
        .filter(device_kind::COLUMN.kind_digest.eq(kind.to_vec()))
        .col_expr(device_kind::Column::NoticedAt, Expr::val(Micros::from(now)))
        .exec(tx)
        .await?;
    if updated.rows_affected > 0 {
        return Ok(());
    }
    let latest_first: Vec<Vec<u8>> = device_kind::Entity::find()
        .select_only()
        .column(device_kind::Column::KindDigest)
        .filter(device_kind::COLUMN.user_id.eq(user.as_i64()))
        .order_by_desc(device_kind::Column::NoticedAt)
        .into_tuple()
        .all(tx)
        .await?;
    let surplus = latest_first.into_iter().skip(usize::try_from(keep).unwrap_or(usize::MAX)).collect();
    delete_listed::<device_kind::Entity, Vec<u8>>(tx, device_kind::Column::KindDigest, surplus).await?;
    let row = device_kind::ActiveModel {
        kind_digest: Set(kind.to_vec()),
        user_id: Set(user.as_i64()),
        noticed_at: Set(now.into()),
    };
    device_kind::Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// Deletes at most `limit` kinds of which owners were notified at `before` or earlier; returns how many there were.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn purge(tx: &impl ConnectionTrait, before: OffsetDateTime, limit: u64) -> Result<u64, DbError> {
    let over = device_kind::COLUMN.noticed_at.lte(Micros::from(before));
    delete_some::<device_kind::Entity, Vec<u8>>(tx, device_kind::Column::KindDigest, over, limit).await
}
