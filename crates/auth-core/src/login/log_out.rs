//! Logging out.

use auth_db::{
    model::{SessionToken, UserId},
    sessions::Which,
};

use crate::{Auth, ServiceError};

impl Auth {
    /// Revokes the session of a token. Returns whether it was active.
    ///
    /// Of concurrent calls with one token, one returns true.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.log_out", skip_all)]
    pub async fn log_out(&self, token: &SessionToken) -> Result<bool, ServiceError> {
        let sessions = &self.parts().sessions;
        let digest = token.digest();
        let Some(current) = sessions.authenticate(digest, self.now()).await? else {
            return Ok(false);
        };
        let is_revoked = sessions.revoke(Some(current.user_id), Which::Token(digest)).await? > 0;
        if is_revoked {
            tracing::info!(
                event = "session.ended",
                reason = "logout",
                user_id = %current.user_id,
                session_id = %current.session.id,
                "a user logged out"
            );
        }
        Ok(is_revoked)
    }

    /// Revokes all sessions of a user. Returns their number.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.revoke_sessions", skip_all, fields(user_id = %user))]
    pub async fn revoke_sessions(&self, user: UserId) -> Result<usize, ServiceError> {
        let count = self.parts().sessions.revoke(Some(user), Which::AllOf(user)).await?;
        tracing::info!(
            event = "sessions.ended",
            reason = "destroyed",
            user_id = %user,
            count,
            "all sessions of a user were revoked"
        );
        Ok(count)
    }
}
