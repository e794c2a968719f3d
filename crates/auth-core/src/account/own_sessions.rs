//! A user's own sessions: seen, and ended.

use auth_db::{
    model::{Session, SessionId},
    sessions,
};

use super::confirm::{ConfirmError, Confirmation};
use crate::{Auth, CurrentUser, Unavailable, sessions::Ended};

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// The session, with its last use as far as it is known here.
    pub session: Session,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

impl Auth {
    /// The sessions of a user that count, the one that was used last first.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.own_sessions", skip_all)]
    pub async fn own_sessions(&self, current: &CurrentUser) -> Result<Vec<OwnSession>, Unavailable> {
        let (parts, now) = (self.parts(), self.now());
        let mut own: Vec<OwnSession> = sessions::all_of(parts.db.read(), current.id)
            .await?
            .into_iter()
            .filter(|(digest, session)| parts.sessions.counts(session, digest, now))
            .map(|(digest, mut session)| {
                session.last_seen_at = parts.sessions.last_seen(&digest, session.last_seen_at);
                OwnSession { is_current: session.id == current.session.id, session }
            })
            .collect();
        own.sort_by_key(|own| std::cmp::Reverse(own.session.last_seen_at));
        Ok(own)
    }

    /// Ends one of a user's own sessions; answers whether it was one.
    ///
    /// # Errors
    ///
    /// [`ConfirmError`].
    #[tracing::instrument(level = "debug", name = "core.end_own_session", skip_all)]
    pub async fn end_own_session(
        &self,
        current: &CurrentUser,
        id: SessionId,
        confirmation: &Confirmation,
    ) -> Result<bool, ConfirmError> {
        let (auth, user, basis) = (self.clone(), current.id, self.confirm(current, confirmation).await?);
        let end = async move {
            let write = auth.parts().db.write(async |tx| {
                if basis.lock(&tx).await?.is_none() {
                    return Ok((None, Ended::NONE));
                }
                let ended = Ended::named(&tx, user, id).await?;
                Ok((Some(ended.count() > 0), ended))
            });
            write.await
        };
        let ended = self.parts().sessions.ending(Some(user), end).await?.ok_or(ConfirmError::Ended)?;
        if ended {
            tracing::info!(
                event = "session.ended",
                reason = "owner",
                user_id = %current.id,
                session_id = %id,
                "a user ended a session"
            );
        }
        Ok(ended)
    }

    /// Ends all of a user's sessions but the one that asks; answers how many there were.
    ///
    /// # Errors
    ///
    /// [`ConfirmError`].
    #[tracing::instrument(level = "debug", name = "core.end_other_sessions", skip_all)]
    pub async fn end_other_sessions(
        &self,
        current: &CurrentUser,
        confirmation: &Confirmation,
    ) -> Result<usize, ConfirmError> {
        let basis = self.confirm(current, confirmation).await?;
        let (auth, user, own) = (self.clone(), current.id, current.session.id);
        let end = async move {
            let write = auth.parts().db.write(async |tx| {
                if basis.lock(&tx).await?.is_none() {
                    return Ok((None, Ended::NONE));
                }
                let ended = Ended::all_but(&tx, user, own).await?;
                Ok((Some(ended.count()), ended))
            });
            write.await
        };
        let count = self.parts().sessions.ending(Some(user), end).await?.ok_or(ConfirmError::Ended)?;
        tracing::info!(
            event = "sessions.ended",
            reason = "owner",
            user_id = %user,
            count,
            "a user ended all other sessions"
        );
        Ok(count)
    }
}
