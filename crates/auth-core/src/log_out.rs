//! Ending sessions.

use auth_db::model::{SessionId, SessionToken, UserId};

use crate::{Auth, Unavailable, sessions::Ended};

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
        let (digest, now) = (token.digest(), self.now());
        let Some(current) = self.parts().sessions.check(digest, now).await? else {
            return Ok(false);
        };
        let auth = self.clone();
        let end = async move {
            let write = auth.parts().db.write(async |tx| {
                let ended = Ended::one(&tx, &digest).await?;
                Ok((ended.count() > 0, ended))
            });
            write.await
        };
        let ended = self.parts().sessions.ending(Some(current.id), end).await?;
        if ended {
            let session = &current.session;
            tracing::info!(
                event = "session.ended",
                reason = "logout",
                user_id = %current.id,
                session_id = %session.id,
                "a user logged out"
            );
        }
        Ok(ended)
    }

    /// Ends a session of a user by its id; answers whether there was one.
    pub(crate) async fn end_named(&self, user: UserId, id: SessionId) -> Result<bool, Unavailable> {
        let auth = self.clone();
        let end = async move {
            let write = auth.parts().db.write(async |tx| {
                let ended = Ended::named(&tx, user, id).await?;
                Ok((ended.count() > 0, ended))
            });
            write.await
        };
        self.parts().sessions.ending(Some(user), end).await
    }

    /// Ends all sessions of a user, and answers how many there were.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.destroy_sessions", skip_all, fields(user_id = %user))]
    pub async fn destroy_sessions(&self, user: UserId) -> Result<usize, Unavailable> {
        let auth = self.clone();
        let end = async move {
            let write = auth.parts().db.write(async |tx| {
                let ended = Ended::all_of(&tx, user).await?;
                Ok((ended.count(), ended))
            });
            write.await
        };
        let count = self.parts().sessions.ending(Some(user), end).await?;
        tracing::info!(
            event = "sessions.ended",
            reason = "destroyed",
            user_id = %user,
            count,
            "all sessions of a user ended"
        );
        Ok(count)
    }
}
