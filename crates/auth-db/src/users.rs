//! Users.

use auth_model::{Email, EmailKey, PasswordHash, User, UserChanges, UserFilter, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{DbError, instant::Micros, table::user, text::InvalidRequest};

const TABLE: &str = "users";

/// Adds a user, and returns it.
///
/// # Errors
///
/// [`DbError::Conflict`] with [`Conflict::Email`](crate::Conflict::Email) if the address is taken in any spelling,
/// according to the unique index of the database.
pub async fn add_user(
    db: &impl ConnectionTrait,
    email: Email,
    hashed_password: PasswordHash,
    now: OffsetDateTime,
) -> Result<User, DbError> {
    let row = user::ActiveModel {
        email: Set(email.as_str().to_owned()),
        email_key: Set(email.key().as_str().to_owned()),
        hashed_password: Set(hashed_password.expose().to_owned()),
        credential_version: Set(0),
        created_at: Set(now.into()),
        updated_at: Set(now.into()),
        ..Default::default()
    };
    let added = user::Entity::insert(row).exec(db).await.map_err(DbError::of_insertion(TABLE))?;
    let id = UserId::from_i64(added.last_insert_id);
    Ok(User {
        id,
        email,
        hashed_password,
        credential_version: 0,
        disabled_at: None,
        email_verified_at: None,
        created_at: now,
        updated_at: now,
    })
}

/// Finds the user that matches every field of the filter; of several, the one with the lowest id.
///
/// # Errors
///
/// [`DbError::NoResultFound`] if no user does, [`DbError::InvalidRequest`] if the filter is empty.
pub async fn find_user_by(db: &impl ConnectionTrait, filter: &UserFilter) -> Result<User, DbError> {
    if filter.is_empty() {
        return Err(InvalidRequest::Empty.into());
    }
    let mut query = user::Entity::find();
    if let Some(id) = filter.id {
        query = query.filter(user::COLUMN.id.eq(id.as_i64()));
    }
    if let Some(email) = &filter.email {
        query = query.filter(user::COLUMN.email_key.eq(email.key().as_str()));
    }
    if let Some(hash) = &filter.hashed_password {
        query = query.filter(user::COLUMN.hashed_password.eq(hash.expose()));
    }
    let row = query.order_by_asc(user::Column::Id).one(db).await?;
    from_row(row.ok_or(DbError::NoResultFound)?)
}

/// The user with this address, if it exists.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_by_email(db: &impl ConnectionTrait, email: &EmailKey) -> Result<Option<User>, DbError> {
    let row = user::Entity::find().filter(user::COLUMN.email_key.eq(email.as_str())).all(db).await?.pop();
    row.map(from_row).transpose()
}

/// The ids and stored hashes of at most `limit` users with ids above `after`, in ascending order. A malformed hash is
/// returned as none.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn hashes_after(
    db: &impl ConnectionTrait,
    after: UserId,
    limit: u64,
) -> Result<Vec<(UserId, Option<PasswordHash>)>, DbError> {
    let rows: Vec<(i64, String)> = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::HashedPassword])
        .filter(user::COLUMN.id.gt(after.as_i64()))
        .order_by_asc(user::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, hash)| (UserId::from_i64(id), PasswordHash::parse(hash).ok())).collect())
}

/// The highest id of all users, if there are any.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn newest_id(db: &impl ConnectionTrait) -> Result<Option<UserId>, DbError> {
    let newest: Vec<Option<i64>> =
        user::Entity::find().select_only().expr(user::Column::Id.max()).into_tuple().all(db).await?;
    Ok(newest.first().copied().flatten().map(UserId::from_i64))
}

/// Locks the user's row until the transaction ends, and returns it; none if the user does not exist.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn lock(tx: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, DbError> {
    let row = user::Entity::find_by_id(id.as_i64()).lock_exclusive().all(tx).await?.pop();
    row.map(from_row).transpose()
}

/// Changes a user: all given fields or none.
///
/// A new `hashed_password` is treated as a new password: it increments `credential_version`, so that a login which
/// verified the old password opens no session. **It revokes no sessions** and spends no reset token. The use case that sets
/// a password and does both is `complete_reset` in `auth-core`.
///
/// # Errors
///
/// [`DbError::NoResultFound`] for an unknown id, [`DbError::Conflict`] if the new address is taken.
pub async fn update_user(
    db: &impl ConnectionTrait,
    id: UserId,
    changes: &UserChanges,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let mut update = user::Entity::update_many()
        .filter(user::COLUMN.id.eq(id.as_i64()))
        .col_expr(user::Column::UpdatedAt, Expr::val(Micros::from(now)));
    if let Some(email) = &changes.email {
        update = update
            .col_expr(user::Column::Email, Expr::val(email.as_str()))
            .col_expr(user::Column::EmailKey, Expr::val(email.key().as_str()));
    }
    if let Some(hash) = &changes.hashed_password {
        update = update
            .col_expr(user::Column::HashedPassword, Expr::val(hash.expose()))
            .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1));
    }
    if update.exec(db).await?.rows_affected == 1 { Ok(()) } else { Err(DbError::NoResultFound) }
}

/// Replaces a hash by a new one of the same password, if it is still the stored one. Returns whether it did.
///
/// A compare-and-set, so that it can't restore a password that was changed meanwhile. The `credential_version` is
/// unchanged, because the password is.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn replace_hash(
    db: &impl ConnectionTrait,
    id: UserId,
    old: &PasswordHash,
    new: &PasswordHash,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let done = user::Entity::update_many()
        .filter(user::COLUMN.id.eq(id.as_i64()))
        .filter(user::COLUMN.hashed_password.eq(old.expose()))
        .col_expr(user::Column::HashedPassword, Expr::val(new.expose()))
        .col_expr(user::Column::UpdatedAt, Expr::val(Micros::from(now)))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Sets or clears the instant at which a user was disabled. Returns whether the user exists. **It revokes no sessions**:
/// the use case that does is `disable_user` in `auth-core`.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn set_disabled(
    tx: &impl ConnectionTrait,
    id: UserId,
    disabled_at: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<bool, DbError> {
    let done = user::Entity::update_many()
        .filter(user::COLUMN.id.eq(id.as_i64()))
        .col_expr(user::Column::DisabledAt, Expr::val(disabled_at.map(Micros::from)))
        .col_expr(user::Column::UpdatedAt, Expr::val(Micros::from(now)))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Stores that the owner proved to receive emails at the address, unless that is stored already.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn set_email_verified(
    tx: &impl ConnectionTrait,
    id: UserId,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    user::Entity::update_many()
        .filter(user::COLUMN.id.eq(id.as_i64()))
        .filter(user::COLUMN.email_verified_at.is_null())
        .col_expr(user::Column::EmailVerifiedAt, Expr::val(Micros::from(now)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Deletes a user, with all sessions and the outstanding reset. Returns whether the user existed.
///
/// The id is never reused. **It does not remove the sessions from caches**: the use case that does is `delete_user` in
/// `auth-core`.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_user(db: &impl ConnectionTrait, id: UserId) -> Result<bool, DbError> {
    let done = user::Entity::delete_by_id(id.as_i64()).exec(db).await?;
    Ok(done.rows_affected == 1)
}

const fn corrupt(column: &'static str) -> DbError {
    DbError::Corrupt { table: TABLE, column }
}

pub(crate) fn from_row(row: user::Model) -> Result<User, DbError> {
    // Earlier versions accepted addresses with longer local parts.
    let email = Email::parse_stored(&row.email).map_err(|_| corrupt("email"))?;
    if email.key().as_str() != row.email_key {
        return Err(corrupt("email_key"));
    }
    Ok(User {
        id: UserId::from_i64(row.id),
        email,
        hashed_password: PasswordHash::parse(row.hashed_password).map_err(|_| corrupt("hashed_password"))?,
        credential_version: row.credential_version,
        disabled_at: row.disabled_at.map(|at| at.read(TABLE, "disabled_at")).transpose()?,
        email_verified_at: row.email_verified_at.map(|at| at.read(TABLE, "email_verified_at")).transpose()?,
        created_at: row.created_at.read(TABLE, "created_at")?,
        updated_at: row.updated_at.read(TABLE, "updated_at")?,
    })
}
