//! Ending sessions.

use auth_db::{
    model::{SessionToken, SessionTokenDigest, UserId},
    sessions,
};

use crate::{Auth, Unavailable};

impl Auth {
    /// Ends the session behind a token; answers whether it was one that still counted.
    ///
    /// Of several at once with one token, one is told so.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.log_out", skip_all)]
    pub async fn log_out(&self, token: &SessionToken) -> Result<bool, Unavailable> {
        let digest = token.digest();
        let now = self.now();
        let ended = self
            .parts()
            .db
            .write(async |tx| match sessions::find(&tx, &digest).await? {
                Some(session) if self.counts(&session, &digest, now) => {
                    Ok(sessions::end(&tx, &digest).await?.then_some(session))
                }
                _ => Ok(None),
            })
            .await?;
        if let Some(session) = &ended {
            // Only then: of a session that was idle for too long, what is remembered is what refuses it.
            self.forget(&[digest]);
            tracing::info!(user_id = %session.user_id, session_id = %session.id, "a user logged out");
        }
        Ok(ended.is_some())
    }

    /// Ends all sessions of a user, and answers how many there were.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.destroy_sessions", skip_all, fields(user_id = %user))]
    pub async fn destroy_sessions(&self, user: UserId) -> Result<usize, Unavailable> {
        let ended = self.parts().db.write(async |tx| sessions::end_all_of(&tx, user).await).await?;
        self.forget(&ended);
        tracing::info!(user_id = %user, count = ended.len(), "all sessions of a user ended");
        Ok(ended.len())
    }

    /// Drops what is remembered of sessions that ended.
    pub(crate) fn forget(&self, ended: &[SessionTokenDigest]) {
        for session in ended {
            self.parts().last_seen.forget(session);
        }
    }
}
