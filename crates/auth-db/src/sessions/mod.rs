//! Sessions. A revoked session is a deleted row.

mod delete;
mod find;

use auth_model::{ClientInfo, Methods, Session, SessionId, SessionTokenDigest, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Select,
    sea_query::Expr,
};
use time::OffsetDateTime;

pub use self::{
    delete::{Which, delete, delete_and_announce},
    find::{
        all_of, digests_newest_first, digests_of_owner, find, find_by_id, find_many_with_users, find_of_user,
        find_with_user,
    },
};
use crate::{DbError, current, instant::Micros, table::session};

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
