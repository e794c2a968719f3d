//! Completing a reset: the token is spent, the new password stored, and every session revoked.

use std::sync::Arc;

use auth_db::{
    DbError, Transaction, devices,
    model::{
        DeviceToken, Email, InvalidPassword, NewPassword, PasswordHash, PasswordReset, ResetToken,
        ResetTokenDigest, SecretString, UserChanges,
    },
    resets,
    sessions::Which,
    users,
};
use time::OffsetDateTime;

use crate::{
    AttemptError, Auth, RequestContext, ServiceError,
    devices::NewDevice,
    outbox::{Notice, was_mailed},
    passwords::Requester,
    sessions::Revoked,
    throttle::{Attempt, Purpose, Subject, Throttled, clear_failures},
};

/// What completes a reset.
#[derive(Debug)]
pub struct ResetCompletion {
    /// The address of the account, which must be that of the token.
    pub email: Email,
    /// The token.
    pub token: ResetToken,
    /// The new password as typed. It is checked against the policy only if the token is valid.
    pub new_password: SecretString,
}

/// Why a reset was not completed. Nothing changed, and a valid token stays valid.
#[derive(Debug, thiserror::Error)]
pub enum CompleteResetError {
    /// The token is unknown, spent, replaced, expired, or of another account. The cases are not distinguished.
    #[error("the reset token is not valid")]
    InvalidToken,
    /// The token is valid and the new password is not.
    #[error("the new password {0}")]
    InvalidPassword(#[from] InvalidPassword),
    /// The client tried too many tokens.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<AttemptError> for CompleteResetError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => throttled.into(),
            AttemptError::Service(cause) => cause.into(),
        }
    }
}

/// The transaction of a completion.
struct Spend {
    reset: PasswordReset,
    email: Email,
    digest: ResetTokenDigest,
    changes: UserChanges,
    notice: Notice,
    new_device: Option<NewDevice>,
    attempt: Attempt,
    now: OffsetDateTime,
}

impl Auth {
    /// Sets a new password for the holder of a reset token.
    ///
    /// One transaction stores the hash, spends the token and revokes every session of the account. Of concurrent uses of one
    /// token, one succeeds.
    ///
    /// Returns a device token for the browser that completed the reset, if attempts are limited. With it, the next login has
    /// its own allowance, however often others fail at the account.
    ///
    /// # Errors
    ///
    /// [`CompleteResetError`].
    #[tracing::instrument(level = "debug", name = "core.complete_reset", skip_all)]
    pub async fn complete_reset(
        &self,
        completion: ResetCompletion,
        context: &RequestContext,
    ) -> Result<Option<DeviceToken>, CompleteResetError> {
        let attempt = self.parts().throttle.begin(Subject::client(context), Purpose::Guess).await?;
        match self.hash_for_reset(&completion, context).await {
            Ok((reset, hash)) => self.spend(completion, reset, hash, context, attempt).await,
            Err(error) => {
                // Only an invalid token is a failed guess.
                if !matches!(error, CompleteResetError::InvalidToken) {
                    attempt.cancel();
                }
                Err(error)
            }
        }
    }

    /// Checks the token and then the new password, and hashes it.
    async fn hash_for_reset(
        &self,
        completion: &ResetCompletion,
        context: &RequestContext,
    ) -> Result<(PasswordReset, PasswordHash), CompleteResetError> {
        let (parts, email) = (self.parts(), &completion.email);
        let requester = Requester::of_address(context.client.address);
        let mut permit = parts.hasher.acquire(requester).map_err(ServiceError::from)?;
        let Some(reset) = self.valid_reset(email, &completion.token.digest()).await? else {
            return Err(CompleteResetError::InvalidToken);
        };
        let password = NewPassword::parse(completion.new_password.clone(), &parts.policy.password)?;
        parts.denylist.check(&password, email)?;
        let hash = permit.hash(&password).await.map_err(ServiceError::from)?;
        Ok((reset, hash))
    }

    /// The outstanding reset of a token, if it is valid and belongs to this address.
    async fn valid_reset(
        &self,
        email: &Email,
        digest: &ResetTokenDigest,
    ) -> Result<Option<PasswordReset>, ServiceError> {
        let db = self.parts().env.db.read();
        let Some(reset) = resets::find(db, digest).await? else {
            return Ok(None);
        };
        let owner = users::find_by_email(db, email.key()).await?;
        let is_owners = owner.is_some_and(|user| user.id == reset.user_id);
        Ok((is_owners && reset.is_valid(self.now())).then_some(reset))
    }

    async fn spend(
        &self,
        completion: ResetCompletion,
        reset: PasswordReset,
        hash: PasswordHash,
        context: &RequestContext,
        attempt: Attempt,
    ) -> Result<Option<DeviceToken>, CompleteResetError> {
        let (parts, user) = (self.parts(), reset.user_id);
        let issued = parts.devices.issue(user, &context.client).await.inspect_err(|_| attempt.cancel())?;
        let (device, new_device) = issued.unzip();
        let spend = Arc::new(Spend {
            notice: parts.outbox.password_changed(&completion.email, context),
            digest: completion.token.digest(),
            changes: UserChanges::hashed_password(hash),
            email: completion.email,
            now: self.now(),
            reset,
            new_device,
            attempt,
        });
        let write = {
            let spend = Arc::clone(&spend);
            move |tx| {
                let spend = Arc::clone(&spend);
                async move { spend.write(&tx).await }
            }
        };
        let written = parts.sessions.write(Some(user), write).await;
        let Some(sessions) = written.inspect_err(|_| spend.attempt.cancel())? else {
            return Err(CompleteResetError::InvalidToken);
        };
        parts.outbox.wake();
        tracing::info!(event = "reset.completed", sessions, user_id = %user, "a password was reset");
        Ok(device)
    }
}

impl Spend {
    /// Returns the number of revoked sessions; none if the token is not valid any more.
    async fn write(&self, tx: &Transaction) -> Result<(Option<usize>, Revoked), DbError> {
        let (user, now) = (self.reset.user_id, self.now);
        let locked = users::lock(tx, user).await?;
        if locked.is_none_or(|user| user.disabled_at.is_some())
            || !resets::spend(tx, user, &self.digest).await?
        {
            return Ok((None, Revoked::NONE));
        }
        if was_mailed(tx, &self.reset, self.email.key()).await? {
            users::set_email_verified(tx, user, now).await?;
        }
        users::update_user(tx, user, &self.changes, now).await?;
        let revoked = Revoked::delete(tx, Which::AllOf(user)).await?;
        devices::delete_all_of(tx, user).await?;
        if let Some(new_device) = &self.new_device {
            new_device.insert(tx).await?;
        }
        clear_failures(tx, self.email.key(), now).await?;
        self.attempt.succeed(tx).await?;
        self.notice.insert(tx, now).await?;
        Ok((Some(revoked.count()), revoked))
    }
}
