//! Reauthentication before a sensitive change: by a recent login, or by the password.

use auth_db::model::{Password, UserFilter, instant};

use crate::{
    AttemptError, Auth, RequestContext, ServiceError,
    login::{
        Authenticated,
        password::{self, PasswordError, Rejection, Verified},
    },
    passwords::hasher::HashPermit,
    policy::REAUTHENTICATION_WINDOW,
    precondition::Precondition,
    sessions::AuthenticatedSession,
    throttle::{Attempt, Throttled},
};

/// What a request offers to prove again who the user is.
#[derive(Debug, Clone, Default)]
pub struct Reauthentication {
    /// The password. It is not needed within [`REAUTHENTICATION_WINDOW`] of a login.
    pub password: Option<Password>,
}

/// Why a user was not reauthenticated.
#[derive(Debug, thiserror::Error)]
pub enum ReauthenticationError {
    /// The login is too old, and no password was given.
    #[error("log in again, or give the password")]
    Required,
    /// The password is wrong.
    #[error("the password is wrong")]
    WrongPassword,
    /// The session was revoked meanwhile.
    #[error("the session was revoked")]
    SessionRevoked,
    /// There were too many attempts before it.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<AttemptError> for ReauthenticationError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => throttled.into(),
            AttemptError::Service(cause) => cause.into(),
        }
    }
}

/// A user whose password was verified again.
pub struct Reauthenticated {
    pub authenticated: Authenticated,
    /// What must still hold when something is written.
    pub precondition: Precondition,
    /// The attempt, which has not succeeded yet.
    pub attempt: Attempt,
    pub permit: HashPermit,
}

impl Auth {
    /// Reauthenticates a user by a recent login or the password. Returns what must still hold when something is written.
    pub(super) async fn reauthenticate(
        &self,
        current: &AuthenticatedSession,
        offered: &Reauthentication,
        context: &RequestContext,
    ) -> Result<Precondition, ReauthenticationError> {
        let Some(password) = &offered.password else {
            // An authentication in the future was dated by a clock that was ahead, and is not known to be recent.
            let age = instant::elapsed(current.session.authenticated_at, self.now());
            let is_recent = age.is_some_and(|age| age < REAUTHENTICATION_WINDOW);
            return if is_recent {
                Ok(Precondition::session(current))
            } else {
                Err(ReauthenticationError::Required)
            };
        };
        let Reauthenticated { precondition, attempt, .. } =
            self.reauthenticate_by_password(current, password, context).await?;
        attempt.succeed_now().await?;
        Ok(precondition)
    }

    /// Reauthenticates a user by the password. A wrong one counts as a failed login.
    pub(super) async fn reauthenticate_by_password(
        &self,
        current: &AuthenticatedSession,
        password: &Password,
        context: &RequestContext,
    ) -> Result<Reauthenticated, ReauthenticationError> {
        match self.verify_current(current, password, context).await {
            Ok(Verified { authenticated, .. }) if authenticated.user().id != current.user_id => {
                Err(ReauthenticationError::SessionRevoked)
            }
            Ok(Verified { authenticated, attempt, permit }) => {
                let precondition = Precondition::session_and_password(current, authenticated.user());
                Ok(Reauthenticated { authenticated, precondition, attempt, permit })
            }
            Err(PasswordError::Rejected(Rejection::WrongPassword(user_id))) => {
                tracing::info!(
                    event = "confirmation.failed",
                    reason = "password",
                    %user_id,
                    "a reauthentication failed: wrong password"
                );
                Err(ReauthenticationError::WrongPassword)
            }
            // The account was deleted or disabled meanwhile, and the session revoked.
            Err(PasswordError::Rejected(Rejection::UnknownEmail | Rejection::Disabled(_))) => {
                Err(ReauthenticationError::SessionRevoked)
            }
            Err(PasswordError::Attempt(error)) => Err(error.into()),
        }
    }

    /// Verifies the password of the user of a session, whose address may have changed since the session was cached.
    async fn verify_current(
        &self,
        current: &AuthenticatedSession,
        password: &Password,
        context: &RequestContext,
    ) -> Result<Verified, PasswordError> {
        let result = password::verify(self.parts(), &current.email, password, context).await;
        let found = match &result {
            Ok(verified) => Some(verified.authenticated.user().id),
            Err(PasswordError::Rejected(rejection)) => rejection.user_id(),
            Err(PasswordError::Attempt(_)) => return result,
        };
        if found == Some(current.user_id) {
            return result;
        }
        match self.find_user(&UserFilter::by_id(current.user_id)).await? {
            Some(user) if user.email.key() != current.email.key() => {
                password::verify(self.parts(), &user.email, password, context).await
            }
            _ => Err(PasswordError::Rejected(Rejection::UnknownEmail)),
        }
    }
}
