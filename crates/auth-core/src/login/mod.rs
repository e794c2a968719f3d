//! Logging in, authenticating requests, and logging out.

mod authenticate;
mod authenticated;
mod log_out;
mod open_session;
mod opening;
pub(crate) mod password;

use auth_db::model::{Email, Password, SessionTokenDigest};
use tokio::join;

pub(crate) use self::authenticated::Authenticated;
pub use self::open_session::LoggedIn;
pub(crate) use self::open_session::rotate_session;
use self::password::{PasswordError, Rejection, Verified};
use crate::{AttemptError, Auth, RequestContext, ServiceError, throttle::Throttled};

/// The result of a login with a right password.
#[derive(Debug)]
#[must_use]
pub enum LogIn {
    /// A session was opened.
    LoggedIn(LoggedIn),
    /// The account has a second factor, which must be verified before a session is opened. No account of this version has
    /// one.
    SecondFactorRequired,
}

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The account does not exist, or the password is wrong. The cases are not distinguished.
    #[error("wrong email or password")]
    InvalidCredentials,
    /// There were too many attempts before it, of this client or at this account.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<PasswordError> for LoginError {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Rejected(_) => Self::InvalidCredentials,
            PasswordError::Attempt(AttemptError::Throttled(throttled)) => throttled.into(),
            PasswordError::Attempt(AttemptError::Service(cause)) => cause.into(),
        }
    }
}

impl Auth {
    /// Opens a session for a client that knows the password of an account.
    ///
    /// Unknown addresses and wrong passwords are distinguished neither by the result nor, by means of decoys, by the time it
    /// takes. No connection is held while the password is hashed. If the password changes meanwhile, no session is opened.
    ///
    /// An attempt counts as failed before it is made, so that concurrent attempts get no more guesses than are allowed. If
    /// the caller is cancelled, the attempt has failed.
    ///
    /// # Errors
    ///
    /// [`LoginError::InvalidCredentials`] for a wrong address or password; the other cases reveal nothing about the account.
    #[tracing::instrument(level = "debug", name = "core.log_in", skip_all)]
    pub async fn log_in(
        &self,
        email: &Email,
        password: &Password,
        context: &RequestContext,
    ) -> Result<LogIn, LoginError> {
        let verify = Box::pin(self.verify_login(email, password, context));
        let (earlier, verified) = join!(self.digests_before_login(email), verify);
        let Verified { authenticated, attempt, permit } = verified?;
        drop(permit);
        let user_id = authenticated.user().id;
        // Without the list, all other sessions are treated as earlier. The next statements report what fails.
        let earlier: Option<Vec<SessionTokenDigest>> = earlier.unwrap_or_default();
        let Some(logged_in) = self.open_session(authenticated, context, attempt, earlier).await? else {
            tracing::info!(
                event = "login.failed",
                reason = "changed",
                %user_id,
                "a login failed: the password changed meanwhile"
            );
            return Err(LoginError::InvalidCredentials);
        };
        tracing::info!(
            event = "login.succeeded",
            %user_id,
            session_id = %logged_in.session.id,
            "a user logged in"
        );
        Ok(LogIn::LoggedIn(logged_in))
    }

    /// Whether address and password belong together. It costs as much as a login, and is limited in the same way.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    #[tracing::instrument(level = "debug", name = "core.valid_login", skip_all)]
    pub async fn valid_login(&self, email: &Email, password: &Password) -> Result<bool, AttemptError> {
        match self.verify_login(email, password, &RequestContext::default()).await {
            Ok(Verified { attempt, .. }) => {
                attempt.succeed_now().await?;
                Ok(true)
            }
            Err(PasswordError::Rejected(_)) => Ok(false),
            Err(PasswordError::Attempt(error)) => Err(error),
        }
    }

    /// Verifies the password of a login, and logs a failure.
    async fn verify_login(
        &self,
        email: &Email,
        password: &Password,
        context: &RequestContext,
    ) -> Result<Verified, PasswordError> {
        let verified = password::verify(self.parts(), email, password, context).await;
        verified.inspect_err(|error| match error {
            PasswordError::Rejected(Rejection::UnknownEmail) => {
                tracing::info!(event = "login.failed", reason = "unknown", "a login failed: unknown address");
            }
            PasswordError::Rejected(Rejection::WrongPassword(user_id)) => tracing::info!(
                event = "login.failed",
                reason = "password",
                %user_id,
                "a login failed: wrong password"
            ),
            PasswordError::Rejected(Rejection::Disabled(user_id)) => tracing::info!(
                event = "login.failed",
                reason = "disabled",
                %user_id,
                "a login failed: the account is disabled"
            ),
            PasswordError::Attempt(_) => {}
        })
    }
}
