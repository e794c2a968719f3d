//! Deleting sessions.

use auth_model::{SessionId, SessionTokenDigest, UserId};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use time::OffsetDateTime;

use super::{digests, of_user};
use crate::{DbError, Writer, deletion::delete_listed, instant::Micros, notify, table::session};

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
/// Other processes may have the sessions in their caches: [`notify::announce`] notifies them.
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
