//! The session check: who sent this request.

use std::sync::Arc;

use auth_db::model::{Email, Session, SessionToken, UserId};

use crate::{Auth, Unavailable};

/// Who sent a request, and the session that says so.
#[derive(Debug, Clone)]
pub struct CurrentUser {
    /// The user's id, which stays.
    pub id: UserId,
    /// The address, as the user typed it.
    pub email: Email,
    /// The session, as it was when it was looked up: its last use may be later.
    pub session: Session,
}

impl Auth {
    /// The user behind a session token; none if the session is unknown, ended, expired or was idle for too
    /// long.
    ///
    /// Writes nothing: that the session was used is noted in memory and written down later. What was looked
    /// up is remembered; a session that was ended is refused by the very next check all the same. If another
    /// process ended it: within 100 ms on a file, within a second on `PostgreSQL`, at once on `MariaDB`
    /// unless something stale is accepted ([`SessionMemory`](crate::SessionMemory)).
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.user_behind", skip_all)]
    pub async fn user_behind(&self, token: &SessionToken) -> Result<Option<Arc<CurrentUser>>, Unavailable> {
        Ok(self.parts().sessions.check(token.digest(), self.now()).await?)
    }
}
