//! What administrators ask: who somebody is, and which sessions there are. They choose nobody's password.

use auth_db::{
    DbError,
    model::{
        Client, Email, NewPassword, PasswordPolicy, ResetKind, SecretString, Session, SessionId, TokenFormat,
        User, UserFilter, UserId,
    },
    sessions, users,
};

use crate::{AttemptError, Auth, RegisterError, Requester, ResetRequest, Unavailable, sessions::Ended};

impl Auth {
    /// The user that matches every field of a filter; none if nobody does. Of several, the one with the lowest id.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; an empty filter is a fault.
    #[tracing::instrument(level = "debug", name = "core.find_user", skip_all)]
    pub async fn find_user(&self, filter: &UserFilter) -> Result<Option<User>, Unavailable> {
        match users::find_user_by(self.parts().db.read(), filter).await {
            Ok(user) => Ok(Some(user)),
            Err(DbError::NoResultFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds a user who is to set the first password by a reset link: the one that is stored nobody knows.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]; nothing is stored then.
    #[tracing::instrument(level = "debug", name = "core.add_user_without_password", skip_all)]
    pub async fn add_user_without_password(&self, email: Email) -> Result<User, RegisterError> {
        let random =
            self.parts().entropy.token::<ResetKind>(TokenFormat::Opaque128).map_err(Unavailable::from)?;
        let nobodys = SecretString::from(random.expose().as_str());
        let password = NewPassword::parse(nobodys, &PasswordPolicy { min_code_points: 1 })?;
        self.register_admitted(email, &password, Requester::default()).await
    }

    /// The sessions of a user that count, the newest first.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.sessions_of", skip_all, fields(user_id = %user))]
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, Unavailable> {
        let (parts, now) = (self.parts(), self.now());
        let stored = sessions::all_of(parts.db.read(), user).await?;
        let mut live: Vec<Session> = stored
            .into_iter()
            .filter(|(digest, session)| parts.sessions.counts(session, digest, now))
            .map(|(_, session)| session)
            .collect();
        live.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(live)
    }

    /// Ends a session by its id, whosever it is; answers whether there was one.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.end_session", skip_all, fields(session_id = %id))]
    pub async fn end_session(&self, id: SessionId) -> Result<bool, Unavailable> {
        let Some(session) = sessions::find_by_id(self.parts().db.read(), id).await? else { return Ok(false) };
        let (user, ended) = (session.user_id, self.end_named(session.user_id, id).await?);
        if ended {
            tracing::info!(
                event = "session.ended",
                reason = "administrator",
                user_id = %user,
                session_id = %id,
                "an administrator ended a session"
            );
        }
        Ok(ended)
    }

    /// Ends every session of everybody, a few hundred at a time; answers how many there were.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; those that were not ended yet go on.
    #[tracing::instrument(level = "debug", name = "core.end_every_session", skip_all)]
    pub async fn end_every_session(&self) -> Result<usize, Unavailable> {
        let mut count = 0;
        loop {
            let auth = self.clone();
            let end = async move {
                let write = auth.parts().db.write(async |tx| {
                    let ended = Ended::any(&tx).await?;
                    Ok((ended.count(), ended))
                });
                write.await
            };
            let ended = self.parts().sessions.ending(None, end).await?;
            if ended == 0 {
                tracing::info!(
                    event = "sessions.ended",
                    reason = "administrator",
                    count,
                    "an administrator ended every session"
                );
                return Ok(count);
            }
            count += ended;
        }
    }

    /// Has a reset link sent to a user, as if the user had asked for it.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    pub async fn send_reset(&self, user: &User) -> Result<(), AttemptError> {
        let request = ResetRequest { email: user.email.clone(), client: Client::default() };
        self.ask_for_reset(request).await
    }
}
