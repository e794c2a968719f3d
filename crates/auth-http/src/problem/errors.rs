//! The problem of each error of a use case. An internal error is logged here, once.

use auth_core::{
    AttemptError, ServiceError, Throttled,
    account::{ChangePasswordError, ReauthenticationError, RegisterError},
    login::LoginError,
    recovery::{CompleteResetError, IssueResetError},
};

use super::Problem;

impl From<Throttled> for Problem {
    fn from(Throttled { retry_after }: Throttled) -> Self {
        Self::TooManyAttempts { retry_after }
    }
}

/// A failure of the service becomes a 5xx response here, so this is where its cause is logged.
impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Overloaded { retry_after } => Self::Overloaded { retry_after },
            ServiceError::Database { retry_after, cause } => {
                tracing::warn!(%cause, "the database is unavailable");
                Self::DatabaseUnavailable { retry_after }
            }
            ServiceError::Internal(cause) => {
                tracing::error!(%cause, "internal error");
                Self::Internal
            }
        }
    }
}

impl From<AttemptError> for Problem {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => throttled.into(),
            AttemptError::Service(cause) => cause.into(),
        }
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::AlreadyExists { .. } => Self::EmailTaken,
            RegisterError::InvalidPassword(reason) => Self::PasswordRejected { field: "password", reason },
            RegisterError::Throttled(throttled) => throttled.into(),
            RegisterError::Service(cause) => cause.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::InvalidCredentials => Self::WrongCredentials,
            LoginError::Throttled(throttled) => throttled.into(),
            LoginError::Service(cause) => cause.into(),
        }
    }
}

impl From<IssueResetError> for Problem {
    fn from(error: IssueResetError) -> Self {
        match error {
            IssueResetError::UnknownEmail => Self::EmailUnknown,
            IssueResetError::Service(cause) => cause.into(),
        }
    }
}

impl From<ReauthenticationError> for Problem {
    fn from(error: ReauthenticationError) -> Self {
        match error {
            ReauthenticationError::Required => Self::ReauthenticationRequired,
            ReauthenticationError::WrongPassword => Self::WrongPassword,
            ReauthenticationError::SessionRevoked => Self::NotLoggedIn,
            ReauthenticationError::Throttled(throttled) => throttled.into(),
            ReauthenticationError::Service(cause) => cause.into(),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::Reauthentication(cause) => cause.into(),
            ChangePasswordError::InvalidPassword(reason) => {
                Self::PasswordRejected { field: "new_password", reason }
            }
            ChangePasswordError::SessionRevoked => Self::NotLoggedIn,
            ChangePasswordError::Service(cause) => cause.into(),
        }
    }
}

impl From<CompleteResetError> for Problem {
    fn from(error: CompleteResetError) -> Self {
        match error {
            CompleteResetError::InvalidToken => Self::ResetTokenInvalid,
            CompleteResetError::InvalidPassword(reason) => {
                Self::PasswordRejected { field: "new_password", reason }
            }
            CompleteResetError::Throttled(throttled) => throttled.into(),
            CompleteResetError::Service(cause) => cause.into(),
        }
    }
}
