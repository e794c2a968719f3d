//! Completing a reset: a token is spent, a password set, every session ended.

use auth_db::{
    devices,
    model::{
        Client, DeviceToken, Email, InvalidPassword, MailKind, NewPassword, PasswordHash, PasswordReset,
        ResetToken, ResetTokenDigest, SecretString, UserChanges,
    },
    resets, users,
};

use crate::{
    Auth, Requester, Throttled, Unavailable,
    devices::NewDevice,
    mail::{Notice, was_mailed},
    sessions::Ended,
    throttle,
};

/// What its owner sends to set a new password.
#[derive(Debug)]
pub struct ResetCompletion {
    /// Whose password: the token must be this account's.
    pub email: Email,
    /// What came with the request for a reset.
    pub token: ResetToken,
    /// The new password as typed; the policy is asked only once the token is known to be good.
    pub new_password: SecretString,
    /// Who tries.
    pub client: Client,
}

/// Why a reset was not completed. Nothing changed, and a good token stays good.
#[derive(Debug, thiserror::Error)]
pub enum CompleteResetError {
    /// The token is unknown, spent, replaced, expired or not this account's: deliberately one case.
    #[error("the reset token is not valid")]
    InvalidToken,
    /// The token is good and the new password is not.
    #[error("the new password {0}")]
    InvalidPassword(#[from] InvalidPassword),
    /// This client tried too many tokens.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// Sets a new password for whoever holds a reset token.
    ///
    /// The hash is stored, the token spent and every session of the account revoked in one transaction. Of
    /// several uses of one token at once, one succeeds.
    ///
    /// Returns a device token for the browser that completed the reset, if attempts are limited: with it the next login
    /// has an allowance of its own, however often others fail at the account.
    ///
    /// # Errors
    ///
    /// [`CompleteResetError`].
    #[tracing::instrument(level = "debug", name = "core.complete_reset", skip_all)]
    pub async fn complete_reset(
        &self,
        completion: ResetCompletion,
    ) -> Result<Option<DeviceToken>, CompleteResetError> {
        let client = completion.client.address;
        self.may_guess(client)?;
        let completed = self.complete(completion).await;
        if !matches!(completed, Err(CompleteResetError::InvalidToken)) {
            self.did_not_fail(client);
        }
        completed
    }

    async fn complete(&self, completion: ResetCompletion) -> Result<Option<DeviceToken>, CompleteResetError> {
        let ResetCompletion { email, token, new_password, client } = completion;
        let parts = self.parts();
        let mut slot =
            parts.hasher.admit(Requester::of_address(client.address)).map_err(Unavailable::from)?;
        let digest = token.digest();
        let Some(reset) = self.live_reset(&email, &digest).await? else {
            return Err(CompleteResetError::InvalidToken);
        };
        let password = NewPassword::parse(new_password, &parts.policy.password)?;
        parts.denylist.admit(&password, &email)?;
        let hash = slot.hash(&password).await.map_err(Unavailable::from)?;
        drop(slot);

        let notice = self.notice(MailKind::PasswordChanged, &email, &client, None);
        let device = self.new_device(reset.user_id, &client, self.now()).await?;
        let (device, new_device) = device.unzip();
        if let Some(sessions) = self.spend(&reset, &email, &digest, hash, notice, new_device).await? {
            parts.mail_wanted.notify_one();
            tracing::info!(
                event = "reset.completed",
                sessions,
                user_id = %reset.user_id,
                "a password was reset"
            );
            Ok(device)
        } else {
            Err(CompleteResetError::InvalidToken)
        }
    }

    /// The outstanding reset behind a token, if it counts and belongs to this address.
    async fn live_reset(
        &self,
        email: &Email,
        digest: &ResetTokenDigest,
    ) -> Result<Option<PasswordReset>, Unavailable> {
        let db = self.parts().db.read();
        let Some(reset) = resets::find(db, digest).await? else {
            return Ok(None);
        };
        let owner = users::find_by_email(db, email).await?;
        let is_owners = owner.is_some_and(|user| user.id == reset.user_id);
        Ok((is_owners && reset.is_live(self.now())).then_some(reset))
    }

    /// Sets the hash, spends the token, ends the sessions, forgets devices and failures; answers how many
    /// sessions there were, if the token could still be spent.
    async fn spend(
        &self,
        reset: &PasswordReset,
        email: &Email,
        digest: &ResetTokenDigest,
        hash: PasswordHash,
        notice: Notice,
        new_device: Option<NewDevice>,
    ) -> Result<Option<usize>, Unavailable> {
        let (now, user, email, digest) = (self.now(), reset.user_id, email.clone(), *digest);
        let reset = reset.clone();
        let changes = UserChanges::hashed_password(hash);
        let auth = self.clone();
        let spend = async move {
            let write = auth.parts().db.write(async |tx| {
                let locked = users::lock(&tx, user).await?;
                if locked.is_none_or(|user| user.disabled_at.is_some())
                    || !resets::spend(&tx, user, &digest).await?
                {
                    return Ok((None, Ended::NONE));
                }
                if was_mailed(&tx, &reset, email.key()).await? {
                    users::set_email_verified(&tx, user, now).await?;
                }
                users::update_user(&tx, user, &changes, now).await?;
                let ended = Ended::all_of(&tx, user).await?;
                devices::delete_all_of(&tx, user).await?;
                if let Some(new_device) = &new_device {
                    new_device.insert(&tx).await?;
                }
                throttle::clear(&tx, &email, now).await?;
                notice.put(&tx, now).await?;
                Ok((Some(ended.count()), ended))
            });
            write.await
        };
        self.parts().sessions.ending(Some(user), spend).await
    }
}
