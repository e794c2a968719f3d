//! The sessions that a transaction revoked.

use auth_db::{
    DbError, Transaction, Writer,
    model::SessionTokenDigest,
    notify,
    sessions::{self, Which},
};

/// The sessions that a transaction revoked, to be returned to [`Sessions::write`](super::Sessions::write), which removes
/// them from the cache.
///
/// Only the functions here construct it, and only they delete sessions.
#[derive(Debug)]
#[must_use]
pub struct Revoked(Option<Vec<SessionTokenDigest>>);

impl Revoked {
    /// No sessions.
    pub const NONE: Self = Self(Some(Vec::new()));

    /// Unknown sessions, so that the whole cache is cleared.
    pub const UNKNOWN: Self = Self(None);

    /// Deletes sessions. The other nodes are notified when the transaction commits.
    pub async fn delete(tx: &Transaction, which: Which) -> Result<Self, DbError> {
        let deleted = sessions::delete(tx, which).await?;
        notify::announce(tx, &deleted).await?;
        Ok(Self(Some(deleted)))
    }

    /// Deletes the sessions of these tokens.
    pub async fn delete_listed(on: &impl Writer, digests: Vec<SessionTokenDigest>) -> Result<Self, DbError> {
        sessions::delete_and_announce(on, &digests).await?;
        Ok(Self(Some(digests)))
    }

    /// The number of sessions, as far as it is known.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, Vec::len)
    }

    /// The sessions, if they are known.
    pub(super) fn digests(&self) -> Option<&[SessionTokenDigest]> {
        self.0.as_deref()
    }
}
