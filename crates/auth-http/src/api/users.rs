//! `POST /users`: registration.

use std::time::Duration;

use actix_web::{HttpResponse, http::Method, web};
use auth_core::model::{Email, InvalidPassword, NewPassword, SecretString};

use super::EmailMessage;
use crate::{
    Problem, Registration,
    endpoint::{Endpoint, Operation},
    input::{Context, Field, Fields, RequestBody},
    state::AppState,
};

pub fn endpoint() -> Endpoint {
    let operation = Operation::new(Method::POST, "register", || web::to(register));
    let problems = [
        Problem::RegistrationClosed,
        Problem::EmailInvalid,
        Problem::PasswordRejected { field: "password", reason: InvalidPassword::Common },
        Problem::EmailTaken,
        Problem::TooManyAttempts { retry_after: Duration::ZERO },
    ];
    let operation = operation.with_fields(RegisterRequest::FIELDS).with_problems(problems);
    Endpoint::new("/users", [operation])
}

struct RegisterRequest {
    email: Email,
    /// It is checked against the policy by the handler.
    password: SecretString,
}

impl RequestBody for RegisterRequest {
    const FIELDS: &'static [Field] = &[Field::required("email"), Field::required("password")];

    fn parse(fields: &Fields) -> Result<Self, Problem> {
        Ok(Self { email: fields.email()?, password: fields.required("password")?.clone() })
    }
}

/// 200; 400 with the reason; 403 if registration is closed.
async fn register(
    fields: Fields,
    Context(context): Context,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    if state.options.registration == Registration::Closed {
        return Err(Problem::RegistrationClosed);
    }
    let RegisterRequest { email, password } = RegisterRequest::parse(&fields)?;
    let password = NewPassword::parse(password, &state.auth.policy().password)
        .map_err(|reason| Problem::PasswordRejected { field: "password", reason })?;

    let user = state.auth.register(email, password, &context).await?;

    Ok(HttpResponse::Ok().json(EmailMessage { email: user.email.as_str(), message: "user created" }))
}
