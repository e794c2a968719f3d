//! Logging in: who knows the password gets a session.

use std::net::IpAddr;

use auth_db::{
    model::{Client, DeviceToken, Email, Password, SessionToken, User},
    users,
};
use tokio::join;

use crate::{
    AttemptError, Auth, LoggedIn, Requester, Slot, Throttled, Unavailable, Verdict,
    open_session::Login,
    throttle::{Begun, Reservation},
};

/// One attempt to log in.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Whose account.
    pub email: Email,
    /// What is said to be its password.
    pub password: Password,
    /// Who tries: kept with the session.
    pub client: Client,
    /// The session that the same request carried: it ends if it is the same user's.
    pub presented: Option<SessionToken>,
    /// The device that the same request carried: if it is the same user's, it has attempts of its own.
    pub device: Option<DeviceToken>,
}

impl Attempt {
    /// An attempt by a client that presents nothing. Without the client's address, no limit per client applies.
    #[must_use]
    pub const fn new(email: Email, password: Password, client: Client) -> Self {
        Self { email, password, client, presented: None, device: None }
    }
}

/// Why a login did not happen.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// No such account, or not its password: deliberately one case.
    #[error("wrong email or password")]
    InvalidCredentials,
    /// There were too many attempts before it, of this client or at this account.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<AttemptError> for LoginError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => throttled.into(),
            AttemptError::Unavailable(cause) => cause.into(),
        }
    }
}

/// A user whose password was right.
struct Verified {
    user: User,
    device_is_known: bool,
    reservation: Option<Reservation>,
}

impl Auth {
    /// Opens a session for a client that knows the password of an account.
    ///
    /// Unknown addresses and wrong passwords are told apart neither by the answer nor, for hashes of the
    /// current scheme, by the time it takes. No connection is held while the password is hashed. If the
    /// password changes meanwhile, no session is opened.
    ///
    /// An attempt counts as failed before it is made, so that no more are made at once than are allowed. Who goes away
    /// before the answer has failed.
    ///
    /// # Errors
    ///
    /// [`LoginError::InvalidCredentials`] when address and password do not go together; the other cases say
    /// nothing about the account.
    #[tracing::instrument(level = "debug", name = "core.log_in", skip_all)]
    pub async fn log_in(&self, attempt: Attempt) -> Result<LoggedIn, LoginError> {
        let device = attempt.device.as_ref();
        let limited = self.may_guess(attempt.client.address);
        // Only an attempt that was taken is returned.
        let client = attempt.client.address.filter(|_| limited.is_ok());
        if let Err(throttled) = limited
            && !(attempt.client.is_shared && self.may_be_the_owner(&attempt.email, device).await?)
        {
            return Err(throttled.into());
        }
        let address = attempt.client.address;
        let verify = Box::pin(self.verify(&attempt.email, &attempt.password, address, device));
        let (earlier, verified) = join!(self.sessions_before(&attempt.email), verify);
        let verified = match verified {
            Ok(verified) => verified,
            Err(error) => {
                if matches!(error, AttemptError::Unavailable(_)) {
                    self.did_not_fail(client);
                }
                return Err(error.into());
            }
        };
        let Some(Verified { user, device_is_known, reservation }) = verified else {
            return Err(LoginError::InvalidCredentials);
        };
        self.did_not_fail(client);
        let login = Login {
            client: attempt.client,
            presented: attempt.presented,
            // Without the list, all others count as earlier. The statements that follow report what ails the database.
            earlier: earlier.unwrap_or_default(),
            device_is_known,
            reservation: reservation.clone(),
        };
        let opened =
            self.open_session(&user, login).await.inspect_err(|_| self.withdraw(reservation.as_ref()))?;
        let Some(logged_in) = opened else {
            tracing::info!(
                event = "login.failed",
                reason = "changed",
                user_id = %user.id,
                "a login failed: the password changed meanwhile"
            );
            return Err(LoginError::InvalidCredentials);
        };
        tracing::info!(
            event = "login.succeeded",
            user_id = %user.id,
            session_id = %logged_in.session.id,
            "a user logged in"
        );
        Ok(logged_in)
    }

    /// Whether address and password go together, at the cost of a login and by the same way.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    #[tracing::instrument(level = "debug", name = "core.valid_login", skip_all)]
    pub async fn valid_login(&self, email: &Email, password: &Password) -> Result<bool, AttemptError> {
        let Some(verified) = self.verify(email, password, None, None).await? else { return Ok(false) };
        self.settle(verified.reservation.as_ref()).await?;
        Ok(true)
    }

    /// The user whose password it is, if address and password go together. The try is then still to be settled.
    async fn verify(
        &self,
        email: &Email,
        password: &Password,
        client: Option<IpAddr>,
        device: Option<&DeviceToken>,
    ) -> Result<Option<Verified>, AttemptError> {
        let slot = self.admit_to_hashing(email, client, device).await?;
        let Begun { user, device_is_known, reservation } = self.begin_attempt(email, device).await?;
        let compared = self.compare(slot, email, user, password).await;
        let user = compared.inspect_err(|_| self.withdraw(reservation.as_ref()))?;
        Ok(user.map(|user| Verified { user, device_is_known, reservation }))
    }

    /// Admits a password check on behalf of the client; if the client has too much waiting, on behalf of the owner's
    /// device, if it is one.
    pub(crate) async fn admit_to_hashing(
        &self,
        email: &Email,
        client: Option<IpAddr>,
        device: Option<&DeviceToken>,
    ) -> Result<Slot, Unavailable> {
        let hasher = &self.parts().hasher;
        match hasher.admit(Requester::of_address(client)) {
            Ok(slot) => Ok(slot),
            Err(busy) => match self.known_device(email, device, self.now()).await? {
                Some((device, _)) => Ok(hasher.admit(Requester::of_device(&device))?),
                None => Err(busy.into()),
            },
        }
    }

    async fn compare(
        &self,
        mut slot: Slot,
        email: &Email,
        found: Option<User>,
        password: &Password,
    ) -> Result<Option<User>, Unavailable> {
        let decoy = self.parts().decoys.choose(email);
        let verdict = match &found {
            Some(user) => slot.verify(password, &user.hashed_password).await?,
            None => decoy.verify(&mut slot, password).await?,
        };

        match (found, verdict) {
            (Some(user), Verdict::Match { .. }) if user.disabled_at.is_some() => {
                tracing::info!(
                    event = "login.failed",
                    reason = "disabled",
                    user_id = %user.id,
                    "a login failed: the account is disabled"
                );
                Ok(None)
            }
            (Some(user), Verdict::Match { outdated }) => {
                if outdated {
                    self.rehash(slot, &user, password).await;
                }
                Ok(Some(user))
            }
            (Some(user), Verdict::Mismatch) => {
                tracing::info!(
                    event = "login.failed",
                    reason = "password",
                    user_id = %user.id,
                    "a login failed: wrong password"
                );
                Ok(None)
            }
            (None, _) => {
                tracing::info!(event = "login.failed", reason = "unknown", "a login failed: unknown address");
                Ok(None)
            }
        }
    }

    /// Replaces a hash that policy would not make today. A login never fails for it.
    async fn rehash(&self, mut slot: Slot, user: &User, password: &Password) {
        let new = match slot.rehash(password).await {
            Ok(new) => new,
            Err(cause) => {
                tracing::warn!(user_id = %user.id, %cause, "an outdated hash was not replaced");
                return;
            }
        };
        drop(slot);
        let now = self.now();
        let replace = self
            .parts()
            .db
            .write(async |tx| users::replace_hash(&tx, user.id, &user.hashed_password, &new, now).await);
        match replace.await {
            Ok(true) => tracing::info!(user_id = %user.id, "an outdated hash was replaced"),
            Ok(false) => tracing::info!(user_id = %user.id, "an outdated hash had changed meanwhile"),
            Err(cause) => tracing::warn!(user_id = %user.id, %cause, "an outdated hash was not replaced"),
        }
    }
}
