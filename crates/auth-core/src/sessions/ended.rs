//! Which sessions a transaction ended.

use auth_db::{
    DbError, Transaction, Writer,
    model::{SessionId, SessionTokenDigest, UserId},
    revocations, sessions,
};
use time::OffsetDateTime;

/// The sessions that a transaction ended, to be handed to [`Sessions::ending`](super::Sessions::ending).
///
/// Only the functions here make one, and they alone end sessions.
#[derive(Debug, Default)]
#[must_use]
pub struct Ended(Option<Vec<SessionTokenDigest>>);

impl Ended {
    /// Nothing ended.
    pub const NONE: Self = Self(Some(Vec::new()));

    /// Nobody knows what ended: everything that is remembered is forgotten.
    pub const UNKNOWN: Self = Self(None);

    /// Ends one session, if it is there.
    pub async fn one(tx: &Transaction, session: &SessionTokenDigest) -> Result<Self, DbError> {
        let ended = sessions::end(tx, session).await?;
        Self::announced(tx, ended.then_some(*session).into_iter().collect()).await
    }

    /// Ends these sessions, as far as they are there.
    pub async fn listed(on: &impl Writer, sessions: Vec<SessionTokenDigest>) -> Result<Self, DbError> {
        sessions::end_and_announce(on, &sessions).await?;
        Ok(Self(Some(sessions)))
    }

    /// Ends one session of a user, by its id.
    pub async fn named(tx: &Transaction, user: UserId, id: SessionId) -> Result<Self, DbError> {
        Self::announced(tx, sessions::end_named(tx, user, id).await?).await
    }

    /// Ends all sessions of a user but one.
    pub async fn all_but(tx: &Transaction, user: UserId, id: SessionId) -> Result<Self, DbError> {
        Self::announced(tx, sessions::end_all_but(tx, user, id).await?).await
    }

    /// Ends some sessions, whosever they are.
    pub async fn any(tx: &Transaction) -> Result<Self, DbError> {
        Self::announced(tx, sessions::end_any(tx, super::BATCH as u64).await?).await
    }

    /// Ends all sessions of a user.
    pub async fn all_of(tx: &Transaction, user: UserId) -> Result<Self, DbError> {
        Self::announced(tx, sessions::end_all_of(tx, user).await?).await
    }

    /// Deletes at most `limit` sessions that expired at `now` or were last seen at `idle_since` or earlier.
    pub async fn over(
        tx: &Transaction,
        now: OffsetDateTime,
        idle_since: OffsetDateTime,
        limit: u64,
    ) -> Result<Self, DbError> {
        Self::announced(tx, sessions::purge(tx, now, idle_since, limit).await?).await
    }

    /// The other nodes hear of it when the transaction commits.
    async fn announced(tx: &Transaction, ended: Vec<SessionTokenDigest>) -> Result<Self, DbError> {
        revocations::announce(tx, &ended).await?;
        Ok(Self(Some(ended)))
    }

    /// How many there are, as far as that is known.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, Vec::len)
    }

    /// Which they are, if that is known.
    pub(super) fn digests(&self) -> Option<&[SessionTokenDigest]> {
        self.0.as_deref()
    }
}
