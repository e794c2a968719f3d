//! A user's own sessions.

use auth_db::{
    model::{Session, SessionId},
    sessions::{self, Which},
};

use super::reauthenticate::{Reauthentication, ReauthenticationError};
use crate::{
    Auth, RequestContext, ServiceError,
    precondition::Precondition,
    sessions::{AuthenticatedSession, Revoked},
};

/// A session in the list of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// The session, with its latest known use.
    pub session: Session,
    /// Whether it is the session of the request.
    pub is_current: bool,
}

impl Auth {
    /// The active sessions of a user, most recently used first.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.own_sessions", skip_all)]
    pub async fn own_sessions(
        &self,
        current: &AuthenticatedSession,
    ) -> Result<Vec<OwnSession>, ServiceError> {
        let (parts, now) = (self.parts(), self.now());
        let mut own: Vec<OwnSession> = sessions::all_of(parts.env.db.read(), current.user_id)
            .await?
            .into_iter()
            .filter(|(digest, session)| parts.sessions.is_active(session, digest, now))
            .map(|(digest, mut session)| {
                session.last_seen_at = parts.sessions.last_seen(&digest, session.last_seen_at);
                OwnSession { is_current: session.id == current.session.id, session }
            })
            .collect();
        own.sort_by_key(|own| std::cmp::Reverse(own.session.last_seen_at));
        Ok(own)
    }

    /// Revokes one of a user's own sessions. Returns whether it existed.
    ///
    /// # Errors
    ///
    /// [`ReauthenticationError`].
    #[tracing::instrument(level = "debug", name = "core.revoke_own_session", skip_all)]
    pub async fn revoke_own_session(
        &self,
        current: &AuthenticatedSession,
        id: SessionId,
        offered: &Reauthentication,
        context: &RequestContext,
    ) -> Result<bool, ReauthenticationError> {
        let precondition = self.reauthenticate(current, offered, context).await?;
        let is_revoked = self.revoke_if(current, precondition, Which::Id(current.user_id, id)).await? > 0;
        if is_revoked {
            tracing::info!(
                event = "session.ended",
                reason = "owner",
                user_id = %current.user_id,
                session_id = %id,
                "a user revoked a session"
            );
        }
        Ok(is_revoked)
    }

    /// Revokes all of a user's sessions except the current one. Returns their number.
    ///
    /// # Errors
    ///
    /// [`ReauthenticationError`].
    #[tracing::instrument(level = "debug", name = "core.revoke_other_sessions", skip_all)]
    pub async fn revoke_other_sessions(
        &self,
        current: &AuthenticatedSession,
        offered: &Reauthentication,
        context: &RequestContext,
    ) -> Result<usize, ReauthenticationError> {
        let precondition = self.reauthenticate(current, offered, context).await?;
        let others = Which::AllBut(current.user_id, current.session.id);
        let count = self.revoke_if(current, precondition, others).await?;
        tracing::info!(
            event = "sessions.ended",
            reason = "owner",
            user_id = %current.user_id,
            count,
            "a user revoked all other sessions"
        );
        Ok(count)
    }

    async fn revoke_if(
        &self,
        current: &AuthenticatedSession,
        precondition: Precondition,
        which: Which,
    ) -> Result<usize, ReauthenticationError> {
        let revoke = move |tx| async move {
            if precondition.lock(&tx).await?.is_none() {
                return Ok((None, Revoked::NONE));
            }
            let revoked = Revoked::delete(&tx, which).await?;
            Ok((Some(revoked.count()), revoked))
        };
        let revoked = self.parts().sessions.write(Some(current.user_id), revoke).await?;
        revoked.ok_or(ReauthenticationError::SessionRevoked)
    }
}
