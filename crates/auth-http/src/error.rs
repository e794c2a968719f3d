//! What a client is told when a request fails: the one table of statuses and messages.

use std::{borrow::Cow, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
};
use auth_core::{
    AttemptError, ChangePasswordError, CompleteResetError, ConfirmError, LoginError, RegisterError,
    RequestResetError, Throttled, Unavailable, model::InvalidPassword,
};
use serde::Serialize;

use crate::fields::Unreadable;

/// What a client is told when a request fails: a status and one plain sentence. The cause stays in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    status: StatusCode,
    message: Cow<'static, str>,
    extra: Extra,
}

/// What an error says besides its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    None,
    RetryAfter(Duration),
    Allow(&'static str),
    Close,
}

/// The body of an answer that has only something to say.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    pub message: &'a str,
}

impl ApiError {
    pub(crate) const BODY_INCOMPLETE: Self = Self::closing(StatusCode::BAD_REQUEST, "body is incomplete");
    pub(crate) const BODY_NOT_JSON: Self = Self::new(StatusCode::BAD_REQUEST, "body is not a JSON object");
    pub(crate) const BODY_NOT_MULTIPART: Self =
        Self::new(StatusCode::BAD_REQUEST, "body is not multipart/form-data");
    pub(crate) const BODY_NOT_UTF8: Self = Self::new(StatusCode::BAD_REQUEST, "body is not UTF-8");
    pub(crate) const CROSS_SITE: Self = Self::closing(StatusCode::FORBIDDEN, "cross-site request refused");
    pub(crate) const DRAINING: Self = Self::retry(Duration::from_secs(1), "shutting down");
    pub(crate) const EMAIL_INVALID: Self =
        Self::new(StatusCode::BAD_REQUEST, "email is not a valid e-mail address");
    pub(crate) const EMAIL_TAKEN: Self = Self::new(StatusCode::BAD_REQUEST, "email already registered");
    pub(crate) const FIELD_TWICE: Self = Self::new(StatusCode::BAD_REQUEST, "a field is given twice");
    pub(crate) const FILE: Self = Self::new(StatusCode::BAD_REQUEST, "a field must be a text, not a file");
    pub(crate) const FOREIGN_HOST: Self =
        Self::closing(StatusCode::FORBIDDEN, "host must be localhost or a loopback address");
    pub(crate) const FORWARDED: Self =
        Self::new(StatusCode::FORBIDDEN, "reset tokens are not returned through a proxy");
    pub(crate) const INTERNAL: Self = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error");
    pub(crate) const NOT_FOUND: Self = Self::new(StatusCode::NOT_FOUND, "not found");
    pub(crate) const NOT_LOGGED_IN: Self = Self::new(StatusCode::FORBIDDEN, "not logged in");
    pub(crate) const REGISTRATION_CLOSED: Self = Self::new(StatusCode::FORBIDDEN, "registration is closed");
    pub(crate) const RESET_TOKEN_INVALID: Self = Self::new(StatusCode::FORBIDDEN, "reset token is not valid");
    pub(crate) const TOO_LARGE: Self = Self::closing(StatusCode::PAYLOAD_TOO_LARGE, "body is too large");
    pub(crate) const TOO_SLOW: Self =
        Self::closing(StatusCode::REQUEST_TIMEOUT, "body did not arrive in time");
    pub(crate) const UNKNOWN_EMAIL: Self = Self::new(StatusCode::FORBIDDEN, "email is not registered");
    pub(crate) const UNSUPPORTED_MEDIA_TYPE: Self = Self::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content type must be application/json, application/x-www-form-urlencoded or multipart/form-data",
    );
    pub(crate) const NOT_CONFIRMED: Self =
        Self::new(StatusCode::FORBIDDEN, "log in again, or send your password");
    pub(crate) const WRONG_PASSWORD: Self = Self::new(StatusCode::UNAUTHORIZED, "wrong password");
    pub(crate) const WRONG_CREDENTIALS: Self = Self::new(StatusCode::UNAUTHORIZED, "wrong email or password");

    const fn new(status: StatusCode, message: &'static str) -> Self {
        Self::with(status, message, Extra::None)
    }

    const fn with(status: StatusCode, message: &'static str, extra: Extra) -> Self {
        Self { status, message: Cow::Borrowed(message), extra }
    }

    /// An error after which the connection is of no more use: its sender may still be sending.
    const fn closing(status: StatusCode, message: &'static str) -> Self {
        Self::with(status, message, Extra::Close)
    }

    const fn retry(after: Duration, message: &'static str) -> Self {
        Self::with(StatusCode::SERVICE_UNAVAILABLE, message, Extra::RetryAfter(after))
    }

    /// A field of the request is not what it must be.
    pub(crate) fn field(message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: Cow::Owned(message.to_owned()), extra: Extra::None }
    }

    /// A field that holds a new password does not satisfy the policy.
    pub(crate) fn password(field: &str, error: InvalidPassword) -> Self {
        Self::field(&format!("{field} {error}"))
    }

    pub(crate) const fn method_not_allowed(allow: &'static str) -> Self {
        Self::with(StatusCode::METHOD_NOT_ALLOWED, "method not allowed", Extra::Allow(allow))
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        match self.extra {
            Extra::None => {}
            Extra::RetryAfter(after) => {
                let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
                response.insert_header((header::RETRY_AFTER, seconds));
            }
            Extra::Allow(methods) => {
                response.insert_header((header::ALLOW, HeaderValue::from_static(methods)));
            }
            Extra::Close => {
                response.force_close();
            }
        }
        response.json(Message { message: &self.message })
    }
}

impl From<Unreadable> for ApiError {
    fn from(cause: Unreadable) -> Self {
        match cause {
            Unreadable::NotUtf8 => Self::BODY_NOT_UTF8,
            Unreadable::NotJson => Self::BODY_NOT_JSON,
            Unreadable::NotMultipart => Self::BODY_NOT_MULTIPART,
            Unreadable::File => Self::FILE,
            Unreadable::GivenTwice => Self::FIELD_TWICE,
        }
    }
}

impl From<Throttled> for ApiError {
    fn from(throttled: Throttled) -> Self {
        let Throttled { retry_after } = throttled;
        let extra = Extra::RetryAfter(retry_after);
        Self::with(StatusCode::TOO_MANY_REQUESTS, "too many tries, try again later", extra)
    }
}

/// Here a fault becomes a 5xx, and so here it goes to the log.
impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::Busy { retry_after } => Self::retry(retry_after, "too busy, try again later"),
            Unavailable::Database { retry_after, cause } => {
                tracing::warn!(%cause, "the database is unavailable");
                Self::retry(retry_after, "database is unavailable")
            }
            Unavailable::Internal(cause) => {
                tracing::error!(%cause, "internal error");
                Self::INTERNAL
            }
        }
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::AlreadyExists { .. } => Self::EMAIL_TAKEN,
            RegisterError::InvalidPassword(cause) => Self::password("password", cause),
            RegisterError::Throttled(throttled) => throttled.into(),
            RegisterError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::InvalidCredentials => Self::WRONG_CREDENTIALS,
            LoginError::Throttled(throttled) => throttled.into(),
            LoginError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<AttemptError> for ApiError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => throttled.into(),
            AttemptError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<RequestResetError> for ApiError {
    fn from(error: RequestResetError) -> Self {
        match error {
            RequestResetError::UnknownEmail => Self::UNKNOWN_EMAIL,
            RequestResetError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<ConfirmError> for ApiError {
    fn from(error: ConfirmError) -> Self {
        match error {
            ConfirmError::Needed => Self::NOT_CONFIRMED,
            ConfirmError::WrongPassword => Self::WRONG_PASSWORD,
            ConfirmError::Ended => Self::NOT_LOGGED_IN,
            ConfirmError::Throttled(throttled) => throttled.into(),
            ConfirmError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<ChangePasswordError> for ApiError {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::Unconfirmed(cause) => cause.into(),
            ChangePasswordError::InvalidPassword(cause) => Self::password("new_password", cause),
            ChangePasswordError::Ended => Self::NOT_LOGGED_IN,
            ChangePasswordError::Unavailable(cause) => cause.into(),
        }
    }
}

impl From<CompleteResetError> for ApiError {
    fn from(error: CompleteResetError) -> Self {
        match error {
            CompleteResetError::InvalidToken => Self::RESET_TOKEN_INVALID,
            CompleteResetError::InvalidPassword(cause) => Self::password("new_password", cause),
            CompleteResetError::Throttled(throttled) => throttled.into(),
            CompleteResetError::Unavailable(cause) => cause.into(),
        }
    }
}
