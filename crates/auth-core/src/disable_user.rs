//! Disabling a user: the account stays, and nobody can use it.

use auth_db::{devices, model::UserId, resets, users};

use crate::{Auth, Unavailable, sessions::Ended};

impl Auth {
    /// Disables a user: all sessions end, devices are forgotten, an outstanding reset is void, and logging in fails
    /// like with a wrong password. Answers whether there is such a user.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.disable_user", skip_all, fields(user_id = %user))]
    pub async fn disable_user(&self, user: UserId) -> Result<bool, Unavailable> {
        let (auth, now) = (self.clone(), self.now());
        let disable = async move {
            let write = auth.parts().db.write(async |tx| {
                if users::lock(&tx, user).await?.is_none() {
                    return Ok((false, Ended::NONE));
                }
                users::set_disabled(&tx, user, Some(now), now).await?;
                resets::end_of(&tx, user).await?;
                let ended = Ended::all_of(&tx, user).await?;
                devices::delete_all_of(&tx, user).await?;
                Ok((true, ended))
            });
            write.await
        };
        let disabled = self.parts().sessions.ending(Some(user), disable).await?;
        if disabled {
            tracing::info!(event = "user.disabled", user_id = %user, "a user was disabled");
        }
        Ok(disabled)
    }

    /// Makes a disabled user able to log in again; answers whether there is such a user.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.enable_user", skip_all, fields(user_id = %user))]
    pub async fn enable_user(&self, user: UserId) -> Result<bool, Unavailable> {
        let now = self.now();
        let enable = async |tx| users::set_disabled(&tx, user, None, now).await;
        let enabled = self.parts().db.write(enable).await?;
        if enabled {
            tracing::info!(event = "user.enabled", user_id = %user, "a user was enabled");
        }
        Ok(enabled)
    }
}
