//! Finding, adding, disabling and deleting users.

use auth_db::{
    DbError, devices,
    model::{
        Email, NewPassword, PasswordPolicy, ResetKind, SecretString, TokenFormat, User, UserFilter, UserId,
    },
    resets,
    sessions::Which,
    users,
};

use crate::{
    AttemptError, Auth, RequestContext, ServiceError, account::RegisterError, passwords::Requester,
    sessions::Revoked,
};

impl Auth {
    /// The user that matches every field of a filter; of several, the one with the lowest id.
    ///
    /// # Errors
    ///
    /// [`ServiceError`], also for an empty filter.
    #[tracing::instrument(level = "debug", name = "core.find_user", skip_all)]
    pub async fn find_user(&self, filter: &UserFilter) -> Result<Option<User>, ServiceError> {
        match users::find_user_by(self.parts().env.db.read(), filter).await {
            Ok(user) => Ok(Some(user)),
            Err(DbError::NoResultFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds a user with a random password that is not kept. The user sets one by a reset link.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    #[tracing::instrument(level = "debug", name = "core.add_user_without_password", skip_all)]
    pub async fn add_user_without_password(&self, email: Email) -> Result<User, RegisterError> {
        let random = self
            .parts()
            .env
            .entropy
            .token::<ResetKind>(TokenFormat::Opaque128)
            .map_err(ServiceError::from)?;
        let random = SecretString::from(random.expose().as_str());
        let password = NewPassword::parse(random, &PasswordPolicy { min_code_points: 1 })?;
        self.add_account(email, &password, Requester::default()).await
    }

    /// Requests a reset link for a user, as if the user had done so.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    pub async fn send_reset(&self, user: &User) -> Result<(), AttemptError> {
        self.request_reset(&user.email, &RequestContext::default()).await
    }

    /// Disables a user: revokes all sessions, devices and the outstanding reset, and rejects logins as with a wrong
    /// password. Returns whether the user exists.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.disable_user", skip_all, fields(user_id = %user))]
    pub async fn disable_user(&self, user: UserId) -> Result<bool, ServiceError> {
        let now = self.now();
        let disable = move |tx| async move {
            if users::lock(&tx, user).await?.is_none() {
                return Ok((false, Revoked::NONE));
            }
            users::set_disabled(&tx, user, Some(now), now).await?;
            resets::revoke(&tx, user).await?;
            let revoked = Revoked::delete(&tx, Which::AllOf(user)).await?;
            devices::delete_all_of(&tx, user).await?;
            Ok((true, revoked))
        };
        let is_disabled = self.parts().sessions.write(Some(user), disable).await?;
        if is_disabled {
            tracing::info!(event = "user.disabled", user_id = %user, "a user was disabled");
        }
        Ok(is_disabled)
    }

    /// Enables a disabled user. Returns whether the user exists.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.enable_user", skip_all, fields(user_id = %user))]
    pub async fn enable_user(&self, user: UserId) -> Result<bool, ServiceError> {
        let now = self.now();
        let enable = async |tx| users::set_disabled(&tx, user, None, now).await;
        let is_enabled = self.parts().env.db.write(enable).await?;
        if is_enabled {
            tracing::info!(event = "user.enabled", user_id = %user, "a user was enabled");
        }
        Ok(is_enabled)
    }

    /// Deletes a user with all their data. Returns whether the user existed.
    ///
    /// The sessions are revoked at once, and the id is never reused.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.delete_user", skip_all, fields(user_id = %user))]
    pub async fn delete_user(&self, user: UserId) -> Result<bool, ServiceError> {
        let delete = move |tx| async move {
            users::lock(&tx, user).await?;
            let revoked = Revoked::delete(&tx, Which::AllOf(user)).await?;
            Ok((users::delete_user(&tx, user).await?, revoked))
        };
        let is_deleted = self.parts().sessions.write(Some(user), delete).await?;
        if is_deleted {
            tracing::info!(event = "user.deleted", user_id = %user, "a user was deleted");
        }
        Ok(is_deleted)
    }
}
