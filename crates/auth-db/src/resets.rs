//! Outstanding password resets: at most one per user. A spent reset is a deleted row.

use auth_model::{PasswordReset, ResetTokenDigest, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use time::OffsetDateTime;

use crate::{DbError, deletion::delete_some, instant::Micros, table::reset_token};

const TABLE: &str = "reset_tokens";

/// Stores the user's outstanding reset, and deletes an earlier one.
///
/// The caller holds the lock of the user's row ([`users::lock`](crate::users::lock)).
///
/// # Errors
///
/// [`DbError::Conflict`] if the token is taken, [`DbError::Unavailable`].
pub async fn put(
    tx: &impl ConnectionTrait,
    reset: &PasswordReset,
    digest: &ResetTokenDigest,
) -> Result<(), DbError> {
    reset_token::Entity::delete_by_id(reset.user_id.as_i64()).exec(tx).await?;
    let row = reset_token::ActiveModel {
        user_id: Set(reset.user_id.as_i64()),
        token_digest: Set(digest.as_bytes().to_vec()),
        created_at: Set(reset.created_at.into()),
        expires_at: Set(reset.expires_at.into()),
    };
    reset_token::Entity::insert(row)
        .exec_without_returning(tx)
        .await
        .map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// The outstanding reset of a token. The caller checks whether it is valid.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find(
    db: &impl ConnectionTrait,
    digest: &ResetTokenDigest,
) -> Result<Option<PasswordReset>, DbError> {
    let row = reset_token::Entity::find()
        .filter(reset_token::COLUMN.token_digest.eq(digest.as_bytes().to_vec()))
        .all(db)
        .await?
        .pop();
    row.as_ref().map(from_row).transpose()
}

/// The outstanding reset of a user. The caller checks whether it is valid.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_of(db: &impl ConnectionTrait, user: UserId) -> Result<Option<PasswordReset>, DbError> {
    let row = reset_token::Entity::find_by_id(user.as_i64()).all(db).await?.pop();
    row.as_ref().map(from_row).transpose()
}

/// Spends a user's token. Returns whether it was the outstanding one.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn spend(
    tx: &impl ConnectionTrait,
    user: UserId,
    digest: &ResetTokenDigest,
) -> Result<bool, DbError> {
    let done = reset_token::Entity::delete_many()
        .filter(reset_token::COLUMN.user_id.eq(user.as_i64()))
        .filter(reset_token::COLUMN.token_digest.eq(digest.as_bytes().to_vec()))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Revokes a user's outstanding reset, if there is one.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn revoke(tx: &impl ConnectionTrait, user: UserId) -> Result<(), DbError> {
    reset_token::Entity::delete_by_id(user.as_i64()).exec(tx).await?;
    Ok(())
}

/// Deletes at most `limit` resets that expired at `now` or earlier. Returns their number.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_expired(
    tx: &impl ConnectionTrait,
    now: OffsetDateTime,
    limit: u64,
) -> Result<u64, DbError> {
    let expired = reset_token::COLUMN.expires_at.lte(Micros::from(now));
    delete_some::<reset_token::Entity, i64>(tx, reset_token::Column::UserId, expired, limit).await
}

fn from_row(row: &reset_token::Model) -> Result<PasswordReset, DbError> {
    Ok(PasswordReset {
        user_id: UserId::from_i64(row.user_id),
        created_at: row.created_at.read(TABLE, "created_at")?,
        expires_at: row.expires_at.read(TABLE, "expires_at")?,
    })
}
