//! Listing and revoking the sessions of any user.

use auth_db::{
    model::{Session, SessionId, UserId},
    sessions::{self, Which},
};

use crate::{Auth, ServiceError, sessions::BATCH};

impl Auth {
    /// The active sessions of a user, newest first.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.sessions_of", skip_all, fields(user_id = %user))]
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, ServiceError> {
        let (parts, now) = (self.parts(), self.now());
        let stored = sessions::all_of(parts.env.db.read(), user).await?;
        let mut active: Vec<Session> = stored
            .into_iter()
            .filter(|(digest, session)| parts.sessions.is_active(session, digest, now))
            .map(|(_, session)| session)
            .collect();
        active.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(active)
    }

    /// Revokes the session with this id, of any user. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.revoke_session", skip_all, fields(session_id = %id))]
    pub async fn revoke_session(&self, id: SessionId) -> Result<bool, ServiceError> {
        let parts = self.parts();
        let Some(session) = sessions::find_by_id(parts.env.db.read(), id).await? else { return Ok(false) };
        let user = session.user_id;
        let is_revoked = parts.sessions.revoke(Some(user), Which::Id(user, id)).await? > 0;
        if is_revoked {
            tracing::info!(
                event = "session.ended",
                reason = "administrator",
                user_id = %user,
                session_id = %id,
                "an administrator revoked a session"
            );
        }
        Ok(is_revoked)
    }

    /// Revokes the sessions of all users, in batches. Returns their number.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; the remaining sessions stay active.
    #[tracing::instrument(level = "debug", name = "core.revoke_all_sessions", skip_all)]
    pub async fn revoke_all_sessions(&self) -> Result<usize, ServiceError> {
        let mut count = 0;
        loop {
            let revoked = self.parts().sessions.revoke(None, Which::Any(BATCH as u64)).await?;
            count += revoked;
            if revoked == 0 {
                tracing::info!(
                    event = "sessions.ended",
                    reason = "administrator",
                    count,
                    "an administrator revoked all sessions"
                );
                return Ok(count);
            }
        }
    }
}
