//! Whoever is about to change something is the owner: by the password, or by a login a moment ago.

use auth_db::model::{Client, DeviceToken, Password, User, UserFilter};
use time::Duration;

use crate::{
    AttemptError, Auth, CurrentUser, Slot, Throttled, Unavailable, Verdict,
    basis::Basis,
    throttle::{Begun, Reservation},
};

/// How long after a login nobody is asked for the password again. ASVS 7.5.1 leaves the number open.
pub const FRESH_LOGIN: Duration = Duration::minutes(15);

/// What a request says to confirm that the owner sent it.
#[derive(Debug, Clone, Default)]
pub struct Confirmation {
    /// The password, if it was given.
    pub password: Option<Password>,
    /// Who sent it.
    pub client: Client,
    /// The device that the request carried.
    pub device: Option<DeviceToken>,
}

/// Why it was not confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// The login is too old, and no password was given.
    #[error("log in again, or give the password")]
    Needed,
    /// It is not the password.
    #[error("the password is wrong")]
    WrongPassword,
    /// The account was deleted meanwhile, and the session with it.
    #[error("the session has ended")]
    Ended,
    /// There were too many attempts before it.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<AttemptError> for ConfirmError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => throttled.into(),
            AttemptError::Unavailable(cause) => cause.into(),
        }
    }
}

/// A user whose password was given, with what was reserved for it: to be settled.
pub struct Confirmed {
    pub user: User,
    /// What must still hold when something is written.
    pub basis: Basis,
    pub reservation: Option<Reservation>,
    pub slot: Slot,
}

impl Auth {
    /// The login is new, or the password is right: returns what must still hold when something is written.
    pub(super) async fn confirm(
        &self,
        current: &CurrentUser,
        confirmation: &Confirmation,
    ) -> Result<Basis, ConfirmError> {
        let Some(password) = &confirmation.password else {
            let age = self.now() - current.session.created_at;
            // A login in the future, by a clock that was ahead, is not known to be fresh.
            let fresh = !age.is_negative() && age < FRESH_LOGIN;
            return if fresh { Ok(Basis::session_of(current)) } else { Err(ConfirmError::Needed) };
        };
        let confirmed = self.confirm_by_password(current, password, confirmation).await?;
        self.settle(confirmed.reservation.as_ref()).await?;
        Ok(confirmed.basis)
    }

    /// The password is right. A wrong one counts like a failed login.
    pub(super) async fn confirm_by_password(
        &self,
        current: &CurrentUser,
        password: &Password,
        confirmation: &Confirmation,
    ) -> Result<Confirmed, ConfirmError> {
        let client = confirmation.client.address;
        self.may_guess(client)?;
        let confirmed = self.check_password(current, password, confirmation).await;
        if matches!(confirmed, Ok(_) | Err(ConfirmError::Ended | ConfirmError::Unavailable(_))) {
            self.did_not_fail(client);
        }
        confirmed
    }

    async fn check_password(
        &self,
        current: &CurrentUser,
        password: &Password,
        confirmation: &Confirmation,
    ) -> Result<Confirmed, ConfirmError> {
        let Confirmation { client, device, .. } = confirmation;
        let mut slot = self.admit_to_hashing(&current.email, client.address, device.as_ref()).await?;
        let Begun { user, reservation, .. } = self.begin_attempt(&current.email, device.as_ref()).await?;
        match self.compare_own(current, user, password, &mut slot).await {
            Ok(user) => {
                let basis = Basis::password_of(&user).with_session_of(current);
                Ok(Confirmed { user, basis, reservation, slot })
            }
            Err(ConfirmError::WrongPassword) => {
                tracing::info!(
                    event = "confirmation.failed",
                    reason = "password",
                    user_id = %current.id,
                    "a confirmation failed: wrong password"
                );
                Err(ConfirmError::WrongPassword)
            }
            Err(error) => {
                self.withdraw(reservation.as_ref());
                Err(error)
            }
        }
    }

    async fn compare_own(
        &self,
        current: &CurrentUser,
        found: Option<User>,
        password: &Password,
        slot: &mut Slot,
    ) -> Result<User, ConfirmError> {
        let user = match found {
            Some(user) if user.id == current.id => user,
            // The address may have changed since the session was looked up.
            _ => self.find_user(&UserFilter::by_id(current.id)).await?.ok_or(ConfirmError::Ended)?,
        };
        match slot.verify(password, &user.hashed_password).await.map_err(Unavailable::from)? {
            Verdict::Match { .. } => Ok(user),
            Verdict::Mismatch => Err(ConfirmError::WrongPassword),
        }
    }
}
