//! Asking for a reset: a token for whoever owns the address.

use auth_db::{
    model::{Email, PasswordReset, ResetToken, User},
    resets, users,
};

use crate::{Auth, Unavailable};

/// Why there is no reset token.
#[derive(Debug, thiserror::Error)]
pub enum RequestResetError {
    /// Nobody has the address.
    #[error("no user has this address")]
    UnknownEmail,
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// Makes a reset token for the user with this address; the one before it no longer counts.
    ///
    /// Whoever gets the token can take the account over: it is for the owner of the address and nobody else.
    ///
    /// # Errors
    ///
    /// [`RequestResetError`].
    #[tracing::instrument(level = "debug", name = "core.request_reset", skip_all)]
    pub async fn request_reset(&self, email: &Email) -> Result<ResetToken, RequestResetError> {
        self.make_reset_token(email).await?.ok_or(RequestResetError::UnknownEmail)
    }

    async fn make_reset_token(&self, email: &Email) -> Result<Option<ResetToken>, Unavailable> {
        let Some(user) = users::find_by_email(self.parts().db.read(), email).await? else {
            return Ok(None);
        };
        self.put_reset(&user).await
    }

    /// Makes a token that counts from now on; none if the user is gone.
    pub(crate) async fn put_reset(&self, user: &User) -> Result<Option<ResetToken>, Unavailable> {
        let parts = self.parts();
        let now = self.now();
        let token = parts.entropy.token(parts.policy.token_format)?;
        let digest = token.digest();
        let reset = PasswordReset {
            user_id: user.id,
            created_at: now,
            expires_at: now.saturating_add(parts.policy.reset_lifetime),
        };
        let stored = parts
            .db
            .write(async |tx| {
                if users::lock(&tx, user.id).await?.is_none_or(|user| user.disabled_at.is_some()) {
                    return Ok(false);
                }
                resets::put(&tx, &reset, &digest).await?;
                Ok(true)
            })
            .await?;
        if !stored {
            return Ok(None);
        }
        tracing::info!(event = "reset.made", user_id = %user.id, "a password reset was asked for");
        Ok(Some(token))
    }
}
