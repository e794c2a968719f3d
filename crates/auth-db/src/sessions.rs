//! Sessions. A revoked session is a deleted row.

use auth_model::{ClientInfo, EmailKey, Methods, Session, SessionId, SessionTokenDigest, User, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, sea_query::Expr,
};
use time::OffsetDateTime;

use crate::{
    DbError, Writer, current, deletion::delete_listed, instant::Micros, notify, table::session, users,
};

const TABLE: &str = "sessions";

/// Stores a new session. Of its token, only the digest is stored.
///
/// # Errors
///
/// [`DbError::Conflict`] if the id or the token is taken, [`DbError::Unavailable`].
pub async fn insert(
    db: &impl ConnectionTrait,
    session: &Session,
    digest: &SessionTokenDigest,
) -> Result<(), DbError> {
    let row = session::ActiveModel {
        token_digest: Set(digest.as_bytes().to_vec()),
        id: Set(session.id.as_uuid()),
        user_id: Set(session.user_id.as_i64()),
        created_at: Set(session.created_at.into()),
        last_seen_at: Set(session.last_seen_at.into()),
        expires_at: Set(session.expires_at.into()),
        user_agent: Set(session.client.user_agent().map(str::to_owned)),
        client_ip: Set(session.client.address.map(|address| address.to_string())),
        authenticated_at: Set(Some(session.authenticated_at.into())),
        methods: Set(Some(session.methods.to_string())),
    };
    session::Entity::insert(row).exec_without_returning(db).await.map_err(DbError::of_insertion(TABLE))?;
    Ok(())
}

/// Stores a new session if its user is enabled and still has this `credential_version`. Returns whether it did.
///
/// # Errors
///
/// [`DbError::Conflict`] if the id or the token is taken, [`DbError::Unavailable`].
pub async fn insert_if_current(
    on: &impl ConnectionTrait,
    session: &Session,
    digest: &SessionTokenDigest,
    credential_version: i64,
) -> Result<bool, DbError> {
    use session::Column;
    let micros = |at: OffsetDateTime| Expr::val(Micros::from(at));
    let row = [
        (Column::TokenDigest, Expr::val(digest.as_bytes().to_vec())),
        (Column::Id, Expr::val(session.id.as_uuid())),
        (Column::UserId, Expr::val(session.user_id.as_i64())),
        (Column::CreatedAt, micros(session.created_at)),
        (Column::LastSeenAt, micros(session.last_seen_at)),
        (Column::ExpiresAt, micros(session.expires_at)),
        (Column::UserAgent, Expr::val(session.client.user_agent().map(str::to_owned))),
        (Column::ClientIp, Expr::val(session.client.address.map(|address| address.to_string()))),
        (Column::AuthenticatedAt, micros(session.authenticated_at)),
        (Column::Methods, Expr::val(session.methods.to_string())),
    ];
    current::insert_if_current::<session::Entity>(on, TABLE, session.user_id, credential_version, row).await
}

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

/// Stores that a session was used at `at`, unless a later use is stored already.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn touch(
    db: &impl ConnectionTrait,
    digest: &SessionTokenDigest,
    at: OffsetDateTime,
) -> Result<(), DbError> {
    session::Entity::update_many()
        .filter(session::COLUMN.token_digest.eq(digest.as_bytes().to_vec()))
        .filter(session::COLUMN.last_seen_at.lt(Micros::from(at)))
        .col_expr(session::Column::LastSeenAt, Expr::val(Micros::from(at)))
        .exec(db)
        .await?;
    Ok(())
}

/// Selects sessions to be deleted.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// The session of a token.
    Token(SessionTokenDigest),
    /// The session of a user with this id.
    Id(UserId, SessionId),
    /// All sessions of a user.
    AllOf(UserId),
    /// All sessions of a user except one.
    AllBut(UserId, SessionId),
    /// At most this many sessions, of any users.
    Any(u64),
    /// At most `limit` sessions that are expired or idle.
    Expired {
        /// Sessions that expire at this instant or earlier.
        now: OffsetDateTime,
        /// Sessions that were last used at this instant or earlier.
        idle_since: OffsetDateTime,
        /// The maximum number of sessions.
        limit: u64,
    },
}

/// Deletes sessions, and returns the digests of their tokens. Of concurrent transactions, one returns a session's digest.
///
/// Other processes may have the sessions in their caches: [`notify::announce`] tells them.
///
/// # Errors
///
/// [`DbError::Unavailable`], [`DbError::Corrupt`].
pub async fn delete(tx: &impl ConnectionTrait, which: Which) -> Result<Vec<SessionTokenDigest>, DbError> {
    let selected = match which {
        Which::Token(digest) => {
            let done = session::Entity::delete_by_id(digest.as_bytes().to_vec()).exec(tx).await?;
            return Ok(if done.rows_affected == 0 { Vec::new() } else { vec![digest] });
        }
        Which::Id(user, id) => of_user(user).filter(session::COLUMN.id.eq(id.as_uuid())),
        Which::AllOf(user) => of_user(user),
        Which::AllBut(user, id) => of_user(user).filter(session::COLUMN.id.ne(id.as_uuid())),
        Which::Any(limit) => session::Entity::find().limit(limit),
        Which::Expired { now, idle_since, limit } => {
            let is_expired = session::COLUMN.expires_at.lte(Micros::from(now));
            let is_idle = session::COLUMN.last_seen_at.lte(Micros::from(idle_since));
            session::Entity::find().filter(Condition::any().add(is_expired).add(is_idle)).limit(limit)
        }
    };
    let deleted = digests(tx, selected.lock_exclusive()).await?;
    let keys = deleted.iter().map(|digest| digest.as_bytes().to_vec()).collect();
    delete_listed::<session::Entity, Vec<u8>>(tx, session::Column::TokenDigest, keys).await?;
    Ok(deleted)
}

/// Deletes the sessions of these tokens and announces it to the other nodes, in as few statements as the database
/// needs.
///
/// # Errors
///
/// [`DbError::Unavailable`].
pub async fn delete_and_announce(on: &impl Writer, digests: &[SessionTokenDigest]) -> Result<(), DbError> {
    for chunk in digests.chunks(notify::MAX_DIGESTS) {
        let listed = chunk.iter().map(|digest| digest.as_bytes().to_vec());
        let delete = session::Entity::delete_many().filter(session::Column::TokenDigest.is_in(listed));
        notify::delete_and_announce(on, delete.into_query(), chunk).await?;
    }
    Ok(())
}

fn of_user(user: UserId) -> Select<session::Entity> {
    session::Entity::find().filter(session::COLUMN.user_id.eq(user.as_i64()))
}

async fn digests(
    db: &impl ConnectionTrait,
    sessions: Select<session::Entity>,
) -> Result<Vec<SessionTokenDigest>, DbError> {
    let digests: Vec<Vec<u8>> =
        sessions.select_only().column(session::Column::TokenDigest).into_tuple().all(db).await?;
    digests.iter().map(|bytes| digest_of(bytes)).collect()
}

const fn corrupt(column: &'static str) -> DbError {
    DbError::Corrupt { table: TABLE, column }
}

fn digest_of(bytes: &[u8]) -> Result<SessionTokenDigest, DbError> {
    let bytes = <[u8; 32]>::try_from(bytes);
    bytes.map(SessionTokenDigest::from_bytes).map_err(|_| corrupt("token_digest"))
}

fn from_row(row: session::Model) -> Result<Session, DbError> {
    let address = row.client_ip.map(|text| text.parse().map_err(|_| corrupt("client_ip"))).transpose()?;
    let created_at = row.created_at.read(TABLE, "created_at")?;
    let authenticated_at = row.authenticated_at.map(|at| at.read(TABLE, "authenticated_at")).transpose()?;
    Ok(Session {
        id: SessionId::from_uuid(row.id),
        user_id: UserId::from_i64(row.user_id),
        created_at,
        // Versions that stored neither knew passwords only.
        authenticated_at: authenticated_at.unwrap_or(created_at),
        methods: row.methods.as_deref().map_or(Methods::PASSWORD, Methods::parse),
        last_seen_at: row.last_seen_at.read(TABLE, "last_seen_at")?,
        expires_at: row.expires_at.read(TABLE, "expires_at")?,
        client: ClientInfo::new(address, row.user_agent.as_deref()),
    })
}
