//! Users: added, found, changed.

use auth_model::{Email, PasswordHash, User, UserChanges, UserFilter, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{DbError, table::user};

const TABLE: &str = "users";

/// Adds a user and answers with it.
///
/// # Errors
///
/// [`DbError::Conflict`] with [`Conflict::Email`](crate::Conflict::Email) if the address is taken, in
/// whatever spelling: it is the database's unique index that says so, and nobody looked first.
pub async fn add_user(
    db: &impl ConnectionTrait,
    email: Email,
    hashed_password: PasswordHash,
    now: OffsetDateTime,
) -> Result<User, DbError> {
    let row = user::ActiveModel {
        email: Set(email.as_str().to_owned()),
        email_key: Set(email.key().to_owned()),
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
/// [`DbError::NoResultFound`] if nobody does, [`DbError::InvalidRequest`] if the filter is empty.
pub async fn find_user_by(db: &impl ConnectionTrait, filter: &UserFilter) -> Result<User, DbError> {
    if filter.is_empty() {
        return Err(auth_model::InvalidRequest::Empty.into());
    }
    let mut query = user::Entity::find();
    if let Some(id) = filter.id {
        query = query.filter(user::COLUMN.id.eq(id.as_i64()));
    }
    if let Some(email) = &filter.email {
        query = query.filter(user::COLUMN.email_key.eq(email.key()));
    }
    if let Some(hash) = &filter.hashed_password {
        query = query.filter(user::COLUMN.hashed_password.eq(hash.expose()));
    }
    let row = query.order_by_asc(user::Column::Id).one(db).await?;
    from_row(row.ok_or(DbError::NoResultFound)?)
}

/// [`find_user_by`] with its filter in textual form: `["email=ada@example.org"]`.
///
/// # Errors
///
/// [`DbError::InvalidRequest`] for an unknown field; otherwise as [`find_user_by`].
pub async fn find_user_by_text<'a>(
    db: &impl ConnectionTrait,
    pairs: impl IntoIterator<Item = &'a str>,
) -> Result<User, DbError> {
    let filter = UserFilter::from_pairs(pairs)?;
    find_user_by(db, &filter).await
}

/// The user with this address, if there is one.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_by_email(db: &impl ConnectionTrait, email: &Email) -> Result<Option<User>, DbError> {
    let row = user::Entity::find().filter(user::COLUMN.email_key.eq(email.key())).all(db).await?.pop();
    row.map(from_row).transpose()
}

/// The stored hashes of at most `limit` users with ids above `after`, in their order, with the ids; none
/// where what is stored is no hash.
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

/// The highest id that a user has, if there are any.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn newest_id(db: &impl ConnectionTrait) -> Result<Option<UserId>, DbError> {
    let newest: Vec<Option<i64>> =
        user::Entity::find().select_only().expr(user::Column::Id.max()).into_tuple().all(db).await?;
    Ok(newest.first().copied().flatten().map(UserId::from_i64))
}

/// Takes the user's row until the transaction ends, and answers with it; none if the user is gone.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn lock(tx: &impl ConnectionTrait, id: UserId) -> Result<Option<User>, DbError> {
    let row = user::Entity::find_by_id(id.as_i64()).lock_exclusive().all(tx).await?.pop();
    row.map(from_row).transpose()
}

/// Changes a user: all that is given, or nothing.
///
/// A new `hashed_password` counts as a new password: the user's `credential_version` goes up by one, so
/// that a login which verified the old one opens nothing. **It ends no sessions** and spends no reset
/// token; the use case that sets a password and does both is `complete_reset` in `auth-core`.
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
        .col_expr(user::Column::UpdatedAt, Expr::val(crate::instant::Micros::from(now)));
    if let Some(email) = &changes.email {
        update = update
            .col_expr(user::Column::Email, Expr::val(email.as_str()))
            .col_expr(user::Column::EmailKey, Expr::val(email.key()));
    }
    if let Some(hash) = &changes.hashed_password {
        update = update
            .col_expr(user::Column::HashedPassword, Expr::val(hash.expose()))
            .col_expr(user::Column::CredentialVersion, Expr::col(user::Column::CredentialVersion).add(1));
    }
    if update.exec(db).await?.rows_affected == 1 { Ok(()) } else { Err(DbError::NoResultFound) }
}

/// [`update_user`] with its changes in textual form: `["hashed_password=…"]`.
///
/// # Errors
///
/// [`DbError::InvalidRequest`] for an unknown field, before anything is written; otherwise as
/// [`update_user`].
pub async fn update_user_by_text<'a>(
    db: &impl ConnectionTrait,
    id: UserId,
    pairs: impl IntoIterator<Item = &'a str>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    let changes = UserChanges::from_pairs(pairs)?;
    update_user(db, id, &changes, now).await
}

/// Replaces a hash by a better one of the same password, if it is still the stored one.
///
/// Compare-and-set, so that it can't bring back a password that was changed meanwhile; the
/// `credential_version` stays, because the password does. Answers whether it did.
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
        .col_expr(user::Column::UpdatedAt, Expr::val(crate::instant::Micros::from(now)))
        .exec(db)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Says since when a user is disabled, or that it is not; answers whether there is such a user. **It ends no
/// sessions**: the use case that does is `disable_user` in `auth-core`.
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
        .col_expr(user::Column::DisabledAt, Expr::val(disabled_at.map(crate::instant::Micros::from)))
        .col_expr(user::Column::UpdatedAt, Expr::val(crate::instant::Micros::from(now)))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Notes that the owner proved to receive mail at the address, unless that is known already.
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
        .col_expr(user::Column::EmailVerifiedAt, Expr::val(crate::instant::Micros::from(now)))
        .exec(tx)
        .await?;
    Ok(())
}

/// Deletes a user, with all sessions and the outstanding reset; answers whether there was one.
///
/// The id is never given to anybody else. **What is remembered of the sessions elsewhere it does not
/// know**: the use case that does is `delete_user` in `auth-core`.
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
    // Earlier versions took addresses with longer local parts.
    let email = Email::parse_stored(&row.email).map_err(|_| corrupt("email"))?;
    if email.key() != row.email_key {
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
