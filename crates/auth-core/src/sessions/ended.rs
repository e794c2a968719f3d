//! Which sessions a transaction ended.

use auth_db::{
    DbError, Transaction,
    model::{SessionId, SessionTokenDigest, UserId},
    revocations, sessions,
};
use time::OffsetDateTime;

/// The sessions that a transaction ended, to be handed to [`Sessions::ending`](super::Sessions::ending).
///
/// Only the functions here make one, and they alone end sessions.
#[derive(Debug, Default)]
#[must_use]
pub struct Ended(Vec<SessionTokenDigest>);

impl Ended {
    /// Nothing ended.
    pub const NONE: Self = Self(Vec::new());

    /// Ends one session, if it is there.
    pub async fn one(tx: &Transaction, session: &SessionTokenDigest) -> Result<Self, DbError> {
        let ended = sessions::end(tx, session).await?;
        Self::announced(tx, ended.then_some(*session).into_iter().collect()).await
    }

    /// Makes room for a new session of a user: of all others the newest `keep` stay, and the one that came
    /// with the login goes.
    pub async fn make_room(
        tx: &Transaction,
        user: UserId,
        presented: Option<&SessionTokenDigest>,
        keep: u64,
    ) -> Result<Self, DbError> {
        let mut ended = Vec::new();
        if let Some(presented) = presented
            && sessions::end_of_user(tx, user, presented).await?
        {
            ended.push(*presented);
        }
        ended.extend(sessions::end_all_but_newest(tx, user, keep).await?);
        Self::announced(tx, ended).await
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
        Ok(Self(ended))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn digests(&self) -> &[SessionTokenDigest] {
        &self.0
    }
}
