//! Changing one's password: the old one is asked for, other sessions end, this one goes on under a new token.

use auth_db::{
    devices,
    model::{Client, InvalidPassword, MailKind, NewPassword, Password, SecretString, UserChanges},
    resets, sessions, users,
};

use super::confirm::{ConfirmError, Confirmation, Confirmed};
use crate::{Auth, CurrentUser, LoggedIn, Unavailable, sessions::Ended};

/// What somebody sends to change their password.
#[derive(Debug)]
pub struct PasswordChange {
    /// The present password.
    pub password: Password,
    /// The new one as typed; the policy is asked only once the present one is known to be right.
    pub new_password: SecretString,
    /// Who asks.
    pub confirmation: Confirmation,
}

/// Why a password was not changed. Nothing changed then.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// It was not confirmed that the owner asks.
    #[error(transparent)]
    Unconfirmed(#[from] ConfirmError),
    /// The new password is not good.
    #[error("the new password {0}")]
    InvalidPassword(#[from] InvalidPassword),
    /// The session ended, or the password changed, meanwhile.
    #[error("the session has ended")]
    Ended,
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// Changes a user's own password: revokes all other sessions, all other devices and the outstanding reset link, and
    /// gives this session a new token, in one transaction with the notice that is sent.
    ///
    /// # Errors
    ///
    /// [`ChangePasswordError`].
    #[tracing::instrument(level = "debug", name = "core.change_password", skip_all)]
    pub async fn change_password(
        &self,
        current: &CurrentUser,
        change: PasswordChange,
    ) -> Result<LoggedIn, ChangePasswordError> {
        let PasswordChange { password, new_password, confirmation } = change;
        let confirmed = self.confirm_by_password(current, &password, &confirmation).await?;
        let reservation = confirmed.reservation.clone();
        let changed = self.change_confirmed(current, confirmed, new_password, &confirmation.client).await;
        match &changed {
            // Settled with the change.
            Ok(_) => {
                tracing::info!(event = "password.changed", user_id = %current.id, "a password was changed");
            }
            Err(ChangePasswordError::Unavailable(_)) => self.withdraw(reservation.as_ref()),
            Err(_) => self.settle(reservation.as_ref()).await?,
        }
        changed
    }

    async fn change_confirmed(
        &self,
        current: &CurrentUser,
        confirmed: Confirmed,
        new_password: SecretString,
        client: &Client,
    ) -> Result<LoggedIn, ChangePasswordError> {
        let Confirmed { user, basis, reservation, mut slot } = confirmed;
        let parts = self.parts();
        let new = NewPassword::parse(new_password, &parts.policy.password)?;
        parts.denylist.admit(&new, &user.email)?;
        let hash = slot.hash(&new).await.map_err(Unavailable::from)?;
        drop(slot);

        let now = self.now();
        let token = parts.entropy.token(parts.policy.token_format).map_err(Unavailable::from)?;
        let device = self.new_device(user.id, client, now).await?;
        let (device, new_device) = device.unzip();
        let notice = self.notice(MailKind::PasswordChanged, &user.email, client, None);
        let digest = token.digest();
        let (auth, session_id) = (self.clone(), current.session.id);
        let change = async move {
            let write = auth.parts().db.write(async |tx| {
                if basis.lock(&tx).await?.is_none() {
                    return Ok((None, Ended::NONE));
                }
                let Some(mut session) = sessions::find_of_user(&tx, user.id, session_id).await? else {
                    return Ok((None, Ended::NONE));
                };
                users::update_user(&tx, user.id, &UserChanges::hashed_password(hash.clone()), now).await?;
                resets::end_of(&tx, user.id).await?;
                let ended = Ended::all_of(&tx, user.id).await?;
                session.last_seen_at = now;
                sessions::insert(&tx, &session, &digest).await?;
                devices::delete_all_of(&tx, user.id).await?;
                if let Some(new_device) = &new_device {
                    new_device.insert(&tx).await?;
                }
                if let Some(reservation) = &reservation {
                    reservation.succeeded(&tx).await?;
                }
                notice.put(&tx, now).await?;
                Ok((Some(session), ended))
            });
            write.await
        };
        let Some(session) = parts.sessions.ending(Some(current.id), change).await? else {
            return Err(ChangePasswordError::Ended);
        };
        parts.sessions.opened(digest, now);
        parts.mail_wanted.notify_one();
        Ok(LoggedIn { session, token, device })
    }
}
