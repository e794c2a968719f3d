//! The one check of a password, for logins and reauthentication.

use auth_db::{
    model::{DeviceToken, Email, Methods, Password, User, UserId},
    users,
};
use tokio::time::{Instant, sleep_until};

use super::Authenticated;
use crate::{
    AttemptError, RequestContext, ServiceError,
    auth::Parts,
    passwords::{
        Requester,
        hasher::{HashPermit, Verdict},
    },
    throttle::{Attempt, Purpose, Subject},
};

/// A verified password.
pub struct Verified {
    pub authenticated: Authenticated,
    /// The attempt, which has not succeeded yet.
    pub attempt: Attempt,
    /// The permit, for another hash.
    pub permit: HashPermit,
}

/// Why a password was not verified.
#[derive(Debug)]
pub enum PasswordError {
    /// Address and password do not belong together.
    Rejected(Rejection),
    /// The attempt was not made.
    Attempt(AttemptError),
}

/// Why a password was rejected, for the log. Clients must not learn it.
#[derive(Debug, Clone, Copy)]
pub enum Rejection {
    UnknownEmail,
    WrongPassword(UserId),
    Disabled(UserId),
}

impl Rejection {
    /// The account of the address.
    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::UnknownEmail => None,
            Self::WrongPassword(user) | Self::Disabled(user) => Some(*user),
        }
    }
}

impl From<AttemptError> for PasswordError {
    fn from(error: AttemptError) -> Self {
        Self::Attempt(error)
    }
}

impl From<ServiceError> for PasswordError {
    fn from(cause: ServiceError) -> Self {
        Self::Attempt(cause.into())
    }
}

/// Verifies the password of an account. The attempt counts as failed until it succeeds.
///
/// The time does not depend on whether the account exists: the look-up takes a minimum time, an unknown address is checked
/// by a decoy, and a disabled account is rejected only after its password was verified.
pub async fn verify(
    parts: &Parts,
    email: &Email,
    password: &Password,
    context: &RequestContext,
) -> Result<Verified, PasswordError> {
    let mut attempt = parts.throttle.begin(Subject::account(email, context), Purpose::Guess).await?;
    match check(parts, email, password, context, &mut attempt).await {
        Ok((user, permit)) => {
            let authenticated = Authenticated::new(user, Methods::PASSWORD);
            Ok(Verified { authenticated, attempt, permit })
        }
        Err(error) => {
            if let PasswordError::Attempt(AttemptError::Service(_)) = error {
                attempt.cancel();
            }
            Err(error)
        }
    }
}

async fn check(
    parts: &Parts,
    email: &Email,
    password: &Password,
    context: &RequestContext,
    attempt: &mut Attempt,
) -> Result<(User, HashPermit), PasswordError> {
    let mut permit = acquire_permit(parts, email, context).await?;
    let lookup_end = now() + parts.min_lookup_duration;
    let device = context.device.as_ref().map(DeviceToken::digest);
    let account = parts.throttle.account(email.key(), device).await?;
    sleep_until(lookup_end).await;
    let user = attempt.take(account).await?;
    // Also chosen for known addresses, because the choice takes time.
    let decoy = parts.decoys.choose(email.key());
    let verdict = match &user {
        Some(user) => permit.verify(password, &user.hashed_password).await,
        None => permit.verify_decoy(password, decoy).await,
    };
    match (user, verdict.map_err(ServiceError::from)?) {
        (None, _) => Err(PasswordError::Rejected(Rejection::UnknownEmail)),
        (Some(user), Verdict::Mismatch) => Err(PasswordError::Rejected(Rejection::WrongPassword(user.id))),
        (Some(user), Verdict::Match { .. }) if user.disabled_at.is_some() => {
            Err(PasswordError::Rejected(Rejection::Disabled(user.id)))
        }
        (Some(user), Verdict::Match { outdated }) => {
            if outdated {
                replace_hash(parts, &mut permit, &user, password).await;
            }
            Ok((user, permit))
        }
    }
}

/// Acquires a permit on behalf of the client. If the client has too much queued work, on behalf of the device, if it is a
/// known one of the account.
async fn acquire_permit(
    parts: &Parts,
    email: &Email,
    context: &RequestContext,
) -> Result<HashPermit, ServiceError> {
    match parts.hasher.acquire(Requester::of_address(context.client.address)) {
        Ok(permit) => Ok(permit),
        Err(overloaded) => {
            let device = context.device.as_ref().map(DeviceToken::digest);
            match parts.devices.find_known(email.key(), device).await? {
                Some((device, _)) => Ok(parts.hasher.acquire(Requester::of_device(&device))?),
                None => Err(overloaded.into()),
            }
        }
    }
}

/// Replaces a hash that the current scheme would not make. A failure is only logged.
async fn replace_hash(parts: &Parts, permit: &mut HashPermit, user: &User, password: &Password) {
    let new = match permit.rehash(password).await {
        Ok(new) => new,
        Err(cause) => {
            tracing::warn!(user_id = %user.id, %cause, "an outdated hash was not replaced");
            return;
        }
    };
    let now = parts.env.now();
    let replace = async |tx| users::replace_hash(&tx, user.id, &user.hashed_password, &new, now).await;
    match parts.env.db.write(replace).await {
        Ok(true) => tracing::info!(user_id = %user.id, "an outdated hash was replaced"),
        Ok(false) => tracing::info!(user_id = %user.id, "an outdated hash had changed meanwhile"),
        Err(cause) => tracing::warn!(user_id = %user.id, %cause, "an outdated hash was not replaced"),
    }
}

/// Real time: the minimum duration of a look-up hides how long it takes.
#[expect(clippy::disallowed_methods, reason = "the look-up takes real time")]
fn now() -> Instant {
    Instant::now()
}
