//! The precondition of a transaction that follows a check: what was checked must still hold.

use auth_db::{
    DbError, Transaction,
    model::{SessionId, User, UserId},
    sessions, users,
};

use crate::sessions::AuthenticatedSession;

/// What a use case checked before it writes: a verified password, an active session, or both.
///
/// Hashing takes long, and meanwhile a reset may set another password and revoke every session. Each transaction that
/// follows a check therefore begins with [`Precondition::lock`]. A reset locks the same row first, so one of the two sees
/// the other.
#[derive(Debug, Clone, Copy)]
pub struct Precondition {
    user: UserId,
    credential_version: Option<i64>,
    session: Option<SessionId>,
}

impl Precondition {
    /// The session of a request is active.
    pub const fn session(current: &AuthenticatedSession) -> Self {
        Self { user: current.user_id, credential_version: None, session: Some(current.session.id) }
    }

    /// The session of a request is active, and the password of its user was verified when the user was read.
    pub const fn session_and_password(current: &AuthenticatedSession, user: &User) -> Self {
        Self { credential_version: Some(user.credential_version), ..Self::session(current) }
    }

    /// Locks the user's row until the transaction ends, and returns it if the precondition holds: the account exists and is
    /// enabled, the password was not changed, and the session was not revoked.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`], [`DbError::Corrupt`].
    pub async fn lock(&self, tx: &Transaction) -> Result<Option<User>, DbError> {
        let Some(user) = users::lock(tx, self.user).await? else { return Ok(None) };
        let is_changed = self.credential_version.is_some_and(|version| version != user.credential_version);
        if is_changed || user.disabled_at.is_some() {
            return Ok(None);
        }
        match self.session {
            Some(session) if sessions::find_of_user(tx, user.id, session).await?.is_none() => Ok(None),
            _ => Ok(Some(user)),
        }
    }
}
