//! The session check: who sent this request.

use auth_db::{
    model::{Session, SessionToken, SessionTokenDigest, User},
    sessions,
};
use time::OffsetDateTime;

use crate::{Auth, Unavailable};

/// Who sent a request, and the session that says so.
#[derive(Debug, Clone)]
pub struct CurrentUser {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
}

impl Auth {
    /// The user behind a session token; none if the session is unknown, ended, expired or was idle for too
    /// long.
    ///
    /// Writes nothing: that the session was used is noted in memory and written down later.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.user_behind", skip_all)]
    pub async fn user_behind(&self, token: &SessionToken) -> Result<Option<CurrentUser>, Unavailable> {
        let digest = token.digest();
        let Some((session, user)) = sessions::find_with_user(self.parts().db.read(), &digest).await? else {
            return Ok(None);
        };
        let now = self.now();
        if !self.counts(&session, &digest, now) {
            return Ok(None);
        }
        self.parts().last_seen.note(digest, now);
        Ok(Some(CurrentUser { user, session }))
    }

    /// Whether a stored session counts at `now`, by what is known of its latest use.
    pub(crate) fn counts(&self, session: &Session, digest: &SessionTokenDigest, now: OffsetDateTime) -> bool {
        let last_seen_at = self.parts().last_seen.latest(digest, session.last_seen_at);
        session.is_live(last_seen_at, now, self.parts().policy.session_idle)
    }
}
