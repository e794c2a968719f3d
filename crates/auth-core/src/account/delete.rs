//! Deleting one's own account.

use auth_db::{model::Password, sessions::Which, users};

use super::reauthenticate::{Reauthenticated, ReauthenticationError};
use crate::{
    Auth, RequestContext, ServiceError,
    precondition::Precondition,
    sessions::{AuthenticatedSession, Revoked},
};

impl Auth {
    /// Deletes a user's own account with all its data, if the password is right.
    ///
    /// # Errors
    ///
    /// [`ReauthenticationError`]; nothing is deleted. [`ReauthenticationError::SessionRevoked`] if the password was changed
    /// or the session revoked meanwhile.
    #[tracing::instrument(level = "debug", name = "core.delete_account", skip_all)]
    pub async fn delete_account(
        &self,
        current: &AuthenticatedSession,
        password: &Password,
        context: &RequestContext,
    ) -> Result<(), ReauthenticationError> {
        let Reauthenticated { precondition, attempt, permit, .. } =
            self.reauthenticate_by_password(current, password, context).await?;
        drop(permit);
        let deleted = self.delete_if(current, precondition).await.inspect_err(|_| attempt.cancel())?;
        attempt.succeed_now().await?;
        if !deleted {
            return Err(ReauthenticationError::SessionRevoked);
        }
        tracing::info!(event = "user.deleted", user_id = %current.user_id, "a user was deleted");
        Ok(())
    }

    async fn delete_if(
        &self,
        current: &AuthenticatedSession,
        precondition: Precondition,
    ) -> Result<bool, ServiceError> {
        let user = current.user_id;
        let delete = move |tx| async move {
            if precondition.lock(&tx).await?.is_none() {
                return Ok((false, Revoked::NONE));
            }
            let revoked = Revoked::delete(&tx, Which::AllOf(user)).await?;
            Ok((users::delete_user(&tx, user).await?, revoked))
        };
        self.parts().sessions.write(Some(user), delete).await
    }
}
