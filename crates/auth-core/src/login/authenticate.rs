//! Authenticating a request by its session token.

use std::sync::Arc;

use auth_db::model::SessionToken;

use crate::{Auth, ServiceError, sessions::AuthenticatedSession};

impl Auth {
    /// The active session of a token, with its user; none if the session is unknown, revoked, expired or idle.
    ///
    /// It writes nothing: the use of the session is recorded in memory and stored later. Sessions are cached; a revoked
    /// session is rejected by the next check all the same. If another process revoked it, it is rejected within 100 ms on a
    /// file, within a second on `PostgreSQL`, and at once on `MariaDB`, unless staleness is accepted
    /// ([`SessionCacheOptions`](crate::sessions::SessionCacheOptions)).
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.authenticate", skip_all)]
    pub async fn authenticate(
        &self,
        token: &SessionToken,
    ) -> Result<Option<Arc<AuthenticatedSession>>, ServiceError> {
        Ok(self.parts().sessions.authenticate(token.digest(), self.now()).await?)
    }
}
