//! Reading sessions.

use auth_model::{EmailKey, Session, SessionId, SessionTokenDigest, User, UserId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{digest_of, digests, from_row, of_user};
use crate::{DbError, table::session, users};

/// The session of a token, with its user.
///
/// The caller checks whether the session is active: the row exists until it is deleted.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_with_user(
    db: &impl ConnectionTrait,
    digest: &SessionTokenDigest,
) -> Result<Option<(Session, User)>, DbError> {
    let found = session::Entity::find_by_id(digest.as_bytes().to_vec())
        .find_also_related(crate::table::user::Entity)
        .all(db)
        .await?
        .pop();
    match found {
        Some((session, Some(user))) => Ok(Some((from_row(session)?, users::from_row(user)?))),
        Some((_, None)) | None => Ok(None),
    }
}

/// The sessions of several tokens, with their users, in no particular order and without those that do not exist.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`] if one of the rows is.
pub async fn find_many_with_users(
    db: &impl ConnectionTrait,
    digests: &[SessionTokenDigest],
) -> Result<Vec<(SessionTokenDigest, Session, User)>, DbError> {
    let Some(last) = digests.last() else { return Ok(Vec::new()) };
    // Padded to a power of two, so that the database compiles and caches few different statements.
    let padded = digests.iter().chain(std::iter::repeat(last)).take(digests.len().next_power_of_two());
    let found = session::Entity::find()
        .filter(session::Column::TokenDigest.is_in(padded.map(|digest| digest.as_bytes().to_vec())))
        .find_also_related(crate::table::user::Entity)
        .all(db)
        .await?;
    let mut read = Vec::with_capacity(found.len());
    for (session, user) in found {
        if let Some(user) = user {
            read.push((digest_of(&session.token_digest)?, from_row(session)?, users::from_row(user)?));
        }
    }
    Ok(read)
}

/// The session of a token.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find(
    db: &impl ConnectionTrait,
    digest: &SessionTokenDigest,
) -> Result<Option<Session>, DbError> {
    let row = session::Entity::find_by_id(digest.as_bytes().to_vec()).all(db).await?.pop();
    row.map(from_row).transpose()
}

/// The session of a user with this id.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    id: SessionId,
) -> Result<Option<Session>, DbError> {
    let row = of_user(user).filter(session::COLUMN.id.eq(id.as_uuid())).all(db).await?.pop();
    row.map(from_row).transpose()
}

/// The session with this id.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_by_id(db: &impl ConnectionTrait, id: SessionId) -> Result<Option<Session>, DbError> {
    let row = session::Entity::find().filter(session::COLUMN.id.eq(id.as_uuid())).all(db).await?.pop();
    row.map(from_row).transpose()
}

/// All stored sessions of a user, with the digests of their tokens, in no particular order.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn all_of(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<(SessionTokenDigest, Session)>, DbError> {
    let rows = of_user(user).all(db).await?;
    rows.into_iter().map(|row| Ok((digest_of(&row.token_digest)?, from_row(row)?))).collect()
}

/// The token digests of a user's sessions, newest session first.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn digests_newest_first(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let newest_first =
        of_user(user).order_by_desc(session::Column::CreatedAt).order_by_desc(session::Column::Id);
    digests(db, newest_first).await
}

/// The token digests of the sessions of the user with this address, in no particular order.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn digests_of_owner(
    db: &impl ConnectionTrait,
    owner: &EmailKey,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let sessions = session::Entity::find()
        .inner_join(crate::table::user::Entity)
        .filter(crate::table::user::COLUMN.email_key.eq(owner.as_str()));
    digests(db, sessions).await
}
