//! The engine of reset tokens.

use std::time::Duration;

use auth_db::{
    DbError, Transaction,
    model::{PasswordReset, ResetToken, TokenFormat, UserId, instant},
    resets, users,
};

use crate::{ServiceError, environment::Environment};

/// Issues reset tokens and stores their digests. Cheap to clone.
#[derive(Clone)]
pub struct ResetIssuer {
    env: Environment,
    token_format: TokenFormat,
    lifetime: Duration,
}

/// A reset that was issued.
#[derive(Debug)]
pub struct IssuedReset {
    pub token: ResetToken,
    /// The lifetime of the token, as stored.
    pub lifetime: Duration,
}

impl ResetIssuer {
    pub const fn new(env: Environment, token_format: TokenFormat, lifetime: Duration) -> Self {
        Self { env, token_format, lifetime }
    }

    /// The usual lifetime of a token.
    pub const fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Issues a token with the lifetime that `choose_lifetime` returns while the user's row is locked; none if it returns
    /// none, or the user is gone or disabled.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    pub async fn issue_if<R>(
        &self,
        user: UserId,
        choose_lifetime: impl Fn(Transaction) -> R + Send + Sync,
    ) -> Result<Option<IssuedReset>, ServiceError>
    where
        R: Future<Output = Result<Option<Duration>, DbError>> + Send,
    {
        let now = self.env.now();
        let token = self.env.entropy.token(self.token_format)?;
        let digest = token.digest();
        let store = self.env.db.write(async |tx| {
            if users::lock(&tx, user).await?.is_none_or(|user| user.disabled_at.is_some()) {
                return Ok(None);
            }
            let Some(lifetime) = choose_lifetime(tx.clone()).await? else { return Ok(None) };
            let expires_at = instant::after(now, lifetime);
            let reset = PasswordReset { user_id: user, created_at: now, expires_at };
            resets::put(&tx, &reset, &digest).await?;
            Ok(Some(reset))
        });
        let Some(reset) = store.await? else { return Ok(None) };
        tracing::info!(event = "reset.made", user_id = %user, "a reset token was issued");
        let lifetime = instant::elapsed(reset.created_at, reset.expires_at).unwrap_or_default();
        Ok(Some(IssuedReset { token, lifetime }))
    }
}
