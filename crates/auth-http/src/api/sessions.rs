//! `POST /sessions` and `DELETE /sessions`: login and logout.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    http::{Method, header::LOCATION},
    web,
};
use auth_core::{
    login::LogIn,
    model::{Email, Password},
};

use super::EmailMessage;
use crate::{
    Problem,
    endpoint::{Endpoint, Operation},
    input::{Context, Field, Fields, NoFields, RequestBody, cookie},
    state::AppState,
};

pub fn endpoint() -> Endpoint {
    let log_in = Operation::new(Method::POST, "log in", || web::to(log_in));
    let log_out = Operation::new(Method::DELETE, "log out", || web::to(log_out));
    let problems = [
        Problem::WrongCredentials,
        Problem::SecondFactorRequired,
        Problem::TooManyAttempts { retry_after: Duration::ZERO },
    ];
    let log_in = log_in.with_fields(LoginRequest::FIELDS).with_problems(problems);
    let log_out = log_out.with_success(302).with_problems([Problem::NotLoggedIn]);
    Endpoint::new("/sessions", [log_in, log_out])
}

struct LoginRequest {
    email: Email,
    password: Password,
}

impl RequestBody for LoginRequest {
    const FIELDS: &'static [Field] = &[Field::required("email"), Field::required("password")];

    /// Anything wrong with the fields is the same problem as wrong credentials.
    fn parse(fields: &Fields) -> Result<Self, Problem> {
        let parsed = || {
            let password = fields.required("password").ok()?.clone();
            Some(Self { email: fields.email().ok()?, password: Password::parse(password).ok()? })
        };
        parsed().ok_or(Problem::WrongCredentials)
    }
}

/// 200 and the cookies; 401 for wrong credentials.
async fn log_in(
    fields: Fields,
    Context(context): Context,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let LoginRequest { email, password } = LoginRequest::parse(&fields)?;

    let logged_in = match state.auth.log_in(&email, &password, &context).await? {
        LogIn::LoggedIn(logged_in) => logged_in,
        LogIn::SecondFactorRequired => return Err(Problem::SecondFactorRequired),
    };

    let mut response = HttpResponse::Ok();
    cookie::set(&mut response, &state.options.cookie, &logged_in);
    Ok(response.json(EmailMessage { email: email.as_str(), message: "logged in" }))
}

/// 302 to the root; 403 without an active session.
async fn log_out(
    _: NoFields,
    Context(context): Context,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let token = context.session.ok_or(Problem::NotLoggedIn)?;

    if !state.auth.log_out(&token).await? {
        return Err(Problem::NotLoggedIn);
    }

    let options = &state.options;
    // Without our own greeting, the root of the app.
    let root = if options.welcome { format!("{}/", options.mounted_at) } else { "/".to_owned() };
    let cleared = cookie::cleared(&options.cookie);
    Ok(HttpResponse::Found().insert_header((LOCATION, root)).cookie(cleared).finish())
}
