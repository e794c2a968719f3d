//! Sessions: an ended session is a deleted row.

use auth_model::{Client, Email, Session, SessionId, SessionTokenDigest, User, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError, Writer, current, deletion::delete_listed, instant::Micros, revocations, table::session, users,
};

const TABLE: &str = "sessions";

/// Stores a new session; its token is kept only as a digest.
///
/// # Errors
///
/// [`DbError::Conflict`] if the id or the token is taken, [`DbError::Unavailable`].
pub async fn insert(
    db: &impl ConnectionTrait,
    session: &Session,
    token: &SessionTokenDigest,
) -> Result<(), DbError> {
    let row = session::ActiveModel {
        token_digest: Set(token.as_bytes().to_vec()),
        id: Set(session.id.as_uuid()),
        user_id: Set(session.user_id.as_i64()),
        created_at: Set(session.created_at.into()),
        last_seen_at: Set(session.last_seen_at.into()),
        expires_at: Set(session.expires_at.into()),
        user_agent: Set(session.client.user_agent().map(str::to_owned)),
        client_ip: Set(session.client.address.map(|address| address.to_string())),
    };
    session::Entity::insert(row).exec_without_returning(db).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// Stores a new session if its user is enabled and still has this `credential_version`; returns whether it did.
///
/// # Errors
///
/// [`DbError::Conflict`] if the id or the token is taken, [`DbError::Unavailable`].
pub async fn insert_if_current(
    on: &impl ConnectionTrait,
    session: &Session,
    token: &SessionTokenDigest,
    credential_version: i64,
) -> Result<bool, DbError> {
    use session::Column;
    let micros = |at: OffsetDateTime| Expr::val(Micros::from(at));
    let row = [
        (Column::TokenDigest, Expr::val(token.as_bytes().to_vec())),
        (Column::Id, Expr::val(session.id.as_uuid())),
        (Column::UserId, Expr::val(session.user_id.as_i64())),
        (Column::CreatedAt, micros(session.created_at)),
        (Column::LastSeenAt, micros(session.last_seen_at)),
        (Column::ExpiresAt, micros(session.expires_at)),
        (Column::UserAgent, Expr::val(session.client.user_agent().map(str::to_owned))),
        (Column::ClientIp, Expr::val(session.client.address.map(|address| address.to_string()))),
    ];
    current::insert_if_current::<session::Entity>(on, TABLE, session.user_id, credential_version, row).await
}

/// The session behind a token, with its user.
///
/// Whether it still counts is for the caller to say: the row is there until somebody ends it.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_with_user(
    db: &impl ConnectionTrait,
    token: &SessionTokenDigest,
) -> Result<Option<(Session, User)>, DbError> {
    let found = session::Entity::find_by_id(token.as_bytes().to_vec())
        .find_also_related(crate::table::user::Entity)
        .all(db)
        .await?
        .pop();
    match found {
        Some((session, Some(user))) => Ok(Some((from_row(session)?, users::from_row(user)?))),
        Some((_, None)) | None => Ok(None),
    }
}

/// The sessions behind several tokens, with their users; in no order, and without those that are not there.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`] if one of them is.
pub async fn find_many_with_users(
    db: &impl ConnectionTrait,
    tokens: &[SessionTokenDigest],
) -> Result<Vec<(SessionTokenDigest, Session, User)>, DbError> {
    let Some(last) = tokens.last() else { return Ok(Vec::new()) };
    // Filled up to a power of two, so that there are few different statements to compile and keep.
    let filled = tokens.iter().chain(std::iter::repeat(last)).take(tokens.len().next_power_of_two());
    let found = session::Entity::find()
        .filter(session::Column::TokenDigest.is_in(filled.map(|token| token.as_bytes().to_vec())))
        .find_also_related(crate::table::user::Entity)
        .all(db)
        .await?;
    let mut read = Vec::with_capacity(found.len());
    for (session, user) in found {
        if let Some(user) = user {
            read.push((digest(&session.token_digest)?, from_row(session)?, users::from_row(user)?));
        }
    }
    Ok(read)
}

/// The session behind a token.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find(db: &impl ConnectionTrait, token: &SessionTokenDigest) -> Result<Option<Session>, DbError> {
    let row = session::Entity::find_by_id(token.as_bytes().to_vec()).all(db).await?.pop();
    row.map(from_row).transpose()
}

/// One session of a user, by its id.
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

/// A session by its id.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn find_by_id(db: &impl ConnectionTrait, id: SessionId) -> Result<Option<Session>, DbError> {
    let row = session::Entity::find().filter(session::COLUMN.id.eq(id.as_uuid())).all(db).await?.pop();
    row.map(from_row).transpose()
}

/// Ends at most `limit` sessions, whosever they are, and answers with the digests.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn end_any(tx: &impl ConnectionTrait, limit: u64) -> Result<Vec<SessionTokenDigest>, DbError> {
    let any = session::Entity::find().limit(limit);
    end_listed(tx, digests_of(tx, any).await?).await
}

/// All stored sessions of a user, with the digests of their tokens; in no order.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn all_of(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<(SessionTokenDigest, Session)>, DbError> {
    let rows = of_user(user).all(db).await?;
    rows.into_iter().map(|row| Ok((digest(&row.token_digest)?, from_row(row)?))).collect()
}

/// Ends one session of a user by its id, and answers with the digest, if there was one.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn end_named(
    tx: &impl ConnectionTrait,
    user: UserId,
    id: SessionId,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let named = of_user(user).filter(session::COLUMN.id.eq(id.as_uuid()));
    end_listed(tx, digests_of(tx, named).await?).await
}

/// Ends all sessions of a user but one, and answers with the digests of those it ended.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn end_all_but(
    tx: &impl ConnectionTrait,
    user: UserId,
    id: SessionId,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let others = of_user(user).filter(session::COLUMN.id.ne(id.as_uuid()));
    end_listed(tx, digests_of(tx, others).await?).await
}

fn of_user(user: UserId) -> Select<session::Entity> {
    session::Entity::find().filter(session::COLUMN.user_id.eq(user.as_i64()))
}

async fn digests_of(
    tx: &impl ConnectionTrait,
    sessions: Select<session::Entity>,
) -> Result<Vec<Vec<u8>>, DbError> {
    Ok(sessions.select_only().column(session::Column::TokenDigest).into_tuple().all(tx).await?)
}

/// Notes that a session was seen at `at`, unless a later instant is noted already.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn touch(
    db: &impl ConnectionTrait,
    token: &SessionTokenDigest,
    at: OffsetDateTime,
) -> Result<(), DbError> {
    session::Entity::update_many()
        .filter(session::COLUMN.token_digest.eq(token.as_bytes().to_vec()))
        .filter(session::COLUMN.last_seen_at.lt(Micros::from(at)))
        .col_expr(session::Column::LastSeenAt, Expr::val(Micros::from(at)))
        .exec(db)
        .await?;
    Ok(())
}

/// Ends all sessions of a user but the newest `keep`, and answers with the digests of those it ended.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn end_all_but_newest(
    tx: &impl ConnectionTrait,
    user: UserId,
    keep: u64,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let newest_first = digests_of(tx, newest_first(user)).await?;
    let surplus = newest_first.into_iter().skip(usize::try_from(keep).unwrap_or(usize::MAX)).collect();
    end_listed(tx, surplus).await
}

/// The digests of the tokens of a user's sessions, the newest session first.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn digests_newest_first(
    db: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    digests_of(db, newest_first(user)).await?.iter().map(|bytes| digest(bytes)).collect()
}

/// The digests of the tokens of the sessions of the user with this address; in no order.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn digests_of_owner(
    db: &impl ConnectionTrait,
    owner: &Email,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let sessions = session::Entity::find()
        .inner_join(crate::table::user::Entity)
        .filter(crate::table::user::COLUMN.email_key.eq(owner.key()));
    digests_of(db, sessions).await?.iter().map(|bytes| digest(bytes)).collect()
}

fn newest_first(user: UserId) -> Select<session::Entity> {
    of_user(user).order_by_desc(session::Column::CreatedAt).order_by_desc(session::Column::Id)
}

/// Ends sessions, and announces it to the other nodes, in as few statements as the database takes.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn end_and_announce(on: &impl Writer, sessions: &[SessionTokenDigest]) -> Result<(), DbError> {
    for some in sessions.chunks(revocations::DIGESTS) {
        let listed = some.iter().map(|session| session.as_bytes().to_vec());
        let delete = session::Entity::delete_many().filter(session::Column::TokenDigest.is_in(listed));
        revocations::announcing(on, delete.into_query(), some).await?;
    }
    Ok(())
}

/// Ends one session; answers whether it was there.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn end(db: &impl ConnectionTrait, token: &SessionTokenDigest) -> Result<bool, DbError> {
    let done = session::Entity::delete_by_id(token.as_bytes().to_vec()).exec(db).await?;
    Ok(done.rows_affected == 1)
}

/// Ends all sessions of a user, and answers with the digests of those it ended.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn end_all_of(tx: &impl ConnectionTrait, user: UserId) -> Result<Vec<SessionTokenDigest>, DbError> {
    end_all_but_newest(tx, user, 0).await
}

/// Deletes at most `limit` sessions that expired at `now` or were last seen at `idle_since` or earlier;
/// answers with their digests.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn purge(
    tx: &impl ConnectionTrait,
    now: OffsetDateTime,
    idle_since: OffsetDateTime,
    limit: u64,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let over = Condition::any()
        .add(session::COLUMN.expires_at.lte(Micros::from(now)))
        .add(session::COLUMN.last_seen_at.lte(Micros::from(idle_since)));
    let over = session::Entity::find().filter(over).limit(limit);
    end_listed(tx, digests_of(tx, over).await?).await
}

async fn end_listed(
    tx: &impl ConnectionTrait,
    digests: Vec<Vec<u8>>,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let ended = digests.iter().map(|bytes| digest(bytes)).collect::<Result<_, _>>()?;
    delete_listed::<session::Entity, Vec<u8>>(tx, session::Column::TokenDigest, digests).await?;
    Ok(ended)
}

fn digest(bytes: &[u8]) -> Result<SessionTokenDigest, DbError> {
    let bits = <[u8; 32]>::try_from(bytes);
    bits.map(SessionTokenDigest::from_bytes)
        .map_err(|_| DbError::Corrupt { table: TABLE, column: "token_digest" })
}

fn from_row(row: session::Model) -> Result<Session, DbError> {
    let address = match row.client_ip {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| DbError::Corrupt { table: TABLE, column: "client_ip" })?),
    };
    Ok(Session {
        id: SessionId::from_uuid(row.id),
        user_id: UserId::from_i64(row.user_id),
        created_at: row.created_at.read(TABLE, "created_at")?,
        last_seen_at: row.last_seen_at.read(TABLE, "last_seen_at")?,
        expires_at: row.expires_at.read(TABLE, "expires_at")?,
        client: Client::new(address, row.user_agent.as_deref()),
    })
}
