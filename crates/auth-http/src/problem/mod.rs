//! Problems: why a request fails, with the one table of statuses and messages.

mod errors;

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use auth_core::model::InvalidPassword;
use serde::Serialize;

/// Why a request fails. JSON has the English message; other renderings use the same cases. The cause is only logged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// The connection ended before the body did.
    BodyIncomplete,
    /// The body is not a JSON object.
    BodyNotJson,
    /// The body is not a form in parts.
    BodyNotMultipart,
    /// The body is not UTF-8.
    BodyNotUtf8,
    /// The body is longer than 16 KiB.
    BodyTooLarge,
    /// The body took longer than 10 seconds.
    BodyTooSlow,
    /// The media type of the body is not supported.
    UnsupportedMediaType,
    /// A field is given twice.
    FieldGivenTwice,
    /// A field is a file.
    FieldIsFile,
    /// A required field is missing or empty.
    FieldMissing {
        /// The name of the field.
        field: &'static str,
    },
    /// A field is not a string.
    FieldNotString {
        /// The name of the field.
        field: &'static str,
    },
    /// The address is malformed.
    EmailInvalid,
    /// The address has an account.
    EmailTaken,
    /// The address has no account. Only where reset tokens are in responses.
    EmailUnknown,
    /// The new password is not acceptable.
    PasswordRejected {
        /// The name of the field.
        field: &'static str,
        /// The violated rule.
        reason: InvalidPassword,
    },
    /// A page of another site may have sent the request.
    CrossSite,
    /// The `Host` is not this machine.
    ForeignHost,
    /// Reset tokens are not returned through a proxy.
    Forwarded,
    /// The request has no active session.
    NotLoggedIn,
    /// The login is too old, and the request has no password.
    ReauthenticationRequired,
    /// The password of the own account is wrong.
    WrongPassword,
    /// The account does not exist, or the password is wrong.
    WrongCredentials,
    /// The password is right, and the account has a second factor.
    SecondFactorRequired,
    /// Only administrators create accounts.
    RegistrationClosed,
    /// The reset token is not valid for the address.
    ResetTokenInvalid,
    /// Nothing is at this path.
    NotFound,
    /// The path does not support the method.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// The client, or all clients of an account, made too many attempts.
    TooManyAttempts {
        /// The time until the next attempt is admitted.
        retry_after: Duration,
    },
    /// Too many passwords wait to be hashed.
    Overloaded {
        /// The time until a retry makes sense.
        retry_after: Duration,
    },
    /// The database is unavailable.
    DatabaseUnavailable {
        /// The time until a retry makes sense.
        retry_after: Duration,
    },
    /// The service is about to end.
    ShuttingDown,
    /// An error in the service.
    Internal,
}

/// The body of a response that consists of a message.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    pub message: &'a str,
}

impl Problem {
    /// The status and the message of the JSON body: the one table of them.
    fn status_and_message(&self) -> (StatusCode, Cow<'static, str>) {
        use StatusCode as Status;
        let (status, message) = match self {
            Self::BodyIncomplete => (Status::BAD_REQUEST, "body is incomplete"),
            Self::BodyNotJson => (Status::BAD_REQUEST, "body is not a JSON object"),
            Self::BodyNotMultipart => (Status::BAD_REQUEST, "body is not multipart/form-data"),
            Self::BodyNotUtf8 => (Status::BAD_REQUEST, "body is not UTF-8"),
            Self::BodyTooLarge => (Status::PAYLOAD_TOO_LARGE, "body is too large"),
            Self::BodyTooSlow => (Status::REQUEST_TIMEOUT, "body did not arrive in time"),
            Self::UnsupportedMediaType => (
                Status::UNSUPPORTED_MEDIA_TYPE,
                "content type must be application/json, application/x-www-form-urlencoded or multipart/form-data",
            ),
            Self::FieldGivenTwice => (Status::BAD_REQUEST, "a field is given twice"),
            Self::FieldIsFile => (Status::BAD_REQUEST, "a field must be a text, not a file"),
            Self::FieldMissing { field } => return bad_request(format!("{field} is required")),
            Self::FieldNotString { field } => return bad_request(format!("{field} must be a string")),
            Self::EmailInvalid => (Status::BAD_REQUEST, "email is not a valid e-mail address"),
            Self::EmailTaken => (Status::BAD_REQUEST, "email already registered"),
            Self::EmailUnknown => (Status::FORBIDDEN, "email is not registered"),
            Self::PasswordRejected { field, reason } => return bad_request(format!("{field} {reason}")),
            Self::CrossSite => (Status::FORBIDDEN, "cross-site request refused"),
            Self::ForeignHost => (Status::FORBIDDEN, "host must be localhost or a loopback address"),
            Self::Forwarded => (Status::FORBIDDEN, "reset tokens are not returned through a proxy"),
            Self::NotLoggedIn => (Status::FORBIDDEN, "not logged in"),
            Self::ReauthenticationRequired => (Status::FORBIDDEN, "log in again, or send your password"),
            Self::WrongPassword => (Status::UNAUTHORIZED, "wrong password"),
            Self::WrongCredentials => (Status::UNAUTHORIZED, "wrong email or password"),
            Self::SecondFactorRequired => (Status::UNAUTHORIZED, "second factor required"),
            Self::RegistrationClosed => (Status::FORBIDDEN, "registration is closed"),
            Self::ResetTokenInvalid => (Status::FORBIDDEN, "reset token is not valid"),
            Self::NotFound => (Status::NOT_FOUND, "not found"),
            Self::MethodNotAllowed { .. } => (Status::METHOD_NOT_ALLOWED, "method not allowed"),
            Self::TooManyAttempts { .. } => (Status::TOO_MANY_REQUESTS, "too many tries, try again later"),
            Self::Overloaded { .. } => (Status::SERVICE_UNAVAILABLE, "too busy, try again later"),
            Self::DatabaseUnavailable { .. } => (Status::SERVICE_UNAVAILABLE, "database is unavailable"),
            Self::ShuttingDown => (Status::SERVICE_UNAVAILABLE, "shutting down"),
            Self::Internal => (Status::INTERNAL_SERVER_ERROR, "internal error"),
        };
        (status, message.into())
    }

    /// The time until a retry makes sense, if that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyAttempts { retry_after }
            | Self::Overloaded { retry_after }
            | Self::DatabaseUnavailable { retry_after } => Some(*retry_after),
            Self::ShuttingDown => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// Whether the connection must be closed, because the client may still be sending a body that is not read.
    const fn closes_connection(&self) -> bool {
        matches!(
            self,
            Self::BodyIncomplete
                | Self::BodyTooLarge
                | Self::BodyTooSlow
                | Self::CrossSite
                | Self::ForeignHost
        )
    }
}

/// A 400 with a message that contains values.
fn bad_request(message: String) -> (StatusCode, Cow<'static, str>) {
    (StatusCode::BAD_REQUEST, message.into())
}

/// Prints the message of the JSON body.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.status_and_message().1)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status_and_message().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, message) = self.status_and_message();
        let mut response = HttpResponse::build(status);
        if let Some(retry_after) = self.retry_after() {
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Self::MethodNotAllowed { allow } = self {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if self.closes_connection() {
            response.force_close();
        }
        response.json(Message { message: &message })
    }
}
