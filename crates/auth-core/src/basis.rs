//! The rule of every use case that checks something and then writes: what was checked must still hold.

use auth_db::{
    DbError, Transaction,
    model::{SessionId, User, UserId},
    sessions, users,
};

use crate::CurrentUser;

/// What a use case relies on: a password that was verified, a session, or both.
///
/// Hashing takes long, and meanwhile a reset may set another password and end every session. So each transaction that
/// follows a check begins with [`Basis::lock`]. A reset locks the same row first: one of the two sees the other.
#[derive(Debug, Clone, Copy)]
pub struct Basis {
    user: UserId,
    credential_version: Option<i64>,
    session: Option<SessionId>,
}

impl Basis {
    /// The password of this user, as it was read, was verified.
    pub const fn password_of(user: &User) -> Self {
        Self { user: user.id, credential_version: Some(user.credential_version), session: None }
    }

    /// The session of a request is valid.
    pub const fn session_of(current: &CurrentUser) -> Self {
        Self { user: current.id, credential_version: None, session: Some(current.session.id) }
    }

    /// Both.
    pub const fn with_session_of(self, current: &CurrentUser) -> Self {
        Self { session: Some(current.session.id), ..self }
    }

    /// Takes the user's row until the transaction ends, and returns it if everything still holds: the account is there
    /// and enabled, the password was not changed, and the session was not revoked.
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
