//! Opening a session: one transaction, after the password was verified.

use auth_db::{
    model::{Client, Email, Session, SessionToken, User},
    sessions, users,
};

use crate::{Auth, Unavailable, sessions::Ended};

/// A session that was just opened, and the token that carries it.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The session.
    pub session: Session,
    /// Its token: for its owner, once.
    pub token: SessionToken,
}

impl Auth {
    /// Opens a session for the user with this address; none if there is no such user.
    ///
    /// **It checks no password**: for programs that embed this crate and know by other means who is there.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.create_session", skip_all)]
    pub async fn create_session(
        &self,
        email: &Email,
        client: Client,
    ) -> Result<Option<LoggedIn>, Unavailable> {
        let Some(user) = users::find_by_email(self.parts().db.read(), email).await? else {
            return Ok(None);
        };
        self.open_session(&user, client, None).await
    }

    /// Opens a session, unless the password is no longer the one that `user` was verified with.
    ///
    /// The row is locked, then compared: a reset locks the same row first, so one of the two sees the other.
    pub(crate) async fn open_session(
        &self,
        user: &User,
        client: Client,
        presented: Option<&SessionToken>,
    ) -> Result<Option<LoggedIn>, Unavailable> {
        let parts = self.parts();
        let now = self.now();
        let token = parts.entropy.session_token()?;
        let session = Session {
            id: parts.entropy.session_id(now)?,
            user_id: user.id,
            created_at: now,
            last_seen_at: now,
            expires_at: now.saturating_add(parts.policy.session_lifetime),
            client,
        };

        let (user, digest) = (user.clone(), token.digest());
        let presented = presented.map(SessionToken::digest);
        let (auth, new) = (self.clone(), session.clone());
        let open = async move {
            let parts = auth.parts();
            let others = parts.policy.sessions_per_user.saturating_sub(1);
            let write = parts.db.write(async |tx| {
                let current = users::lock(&tx, user.id).await?;
                if current.is_none_or(|current| current.credential_version != user.credential_version) {
                    return Ok((false, Ended::NONE));
                }
                let ended = Ended::make_room(&tx, user.id, presented.as_ref(), others).await?;
                sessions::insert(&tx, &new, &digest).await?;
                Ok((true, ended))
            });
            write.await
        };
        let opened = parts.sessions.ending(Some(session.user_id), open).await?;
        if !opened {
            return Ok(None);
        }
        parts.sessions.opened(digest, now);
        Ok(Some(LoggedIn { session, token }))
    }
}
