//! `/reset_password`: recovery of an account whose password is forgotten.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use auth_core::{
    model::{Email, ExposeSecret, InvalidPassword, ResetToken, SecretString},
    recovery::ResetCompletion,
};
use serde::Serialize;

use super::EmailMessage;
use crate::{
    Problem, ResetDelivery,
    endpoint::{Endpoint, Operation},
    input::{Context, Field, Fields, RequestBody, cookie, is_forwarded},
    pages,
    state::AppState,
};

/// None if resets are not delivered by these routes.
pub fn endpoint(delivery: ResetDelivery) -> Option<Endpoint> {
    let request = match delivery {
        ResetDelivery::Off => return None,
        ResetDelivery::InResponse => Operation::new(Method::POST, "get a reset token", || web::to(issue))
            .with_problems([Problem::EmailUnknown, Problem::Forwarded]),
        ResetDelivery::Mail | ResetDelivery::MailAndPage => {
            Operation::new(Method::POST, "request a reset link", || web::to(request_link)).with_problems([
                Problem::EmailInvalid,
                Problem::TooManyAttempts { retry_after: Duration::ZERO },
            ])
        }
    };
    let complete = Operation::new(Method::PUT, "set a new password", || web::to(complete))
        .with_fields(CompleteRequest::FIELDS)
        .with_problems([
            Problem::ResetTokenInvalid,
            Problem::PasswordRejected { field: "new_password", reason: InvalidPassword::Common },
            Problem::TooManyAttempts { retry_after: Duration::ZERO },
        ]);
    let page = (delivery == ResetDelivery::MailAndPage).then(pages::reset_operation);
    let operations = page.into_iter().chain([request.with_fields(LinkRequest::FIELDS), complete]);
    Some(Endpoint::new("/reset_password", operations))
}

struct LinkRequest {
    email: Email,
}

impl RequestBody for LinkRequest {
    const FIELDS: &'static [Field] = &[Field::required("email")];

    fn parse(fields: &Fields) -> Result<Self, Problem> {
        Ok(Self { email: fields.email()? })
    }
}

struct CompleteRequest {
    email: Email,
    token: ResetToken,
    new_password: SecretString,
}

impl RequestBody for CompleteRequest {
    const FIELDS: &'static [Field] =
        &[Field::required("email"), Field::required("reset_token"), Field::required("new_password")];

    /// Anything wrong with the address or the token is the same problem. The new password is checked after them.
    fn parse(fields: &Fields) -> Result<Self, Problem> {
        let parsed = || {
            let token = fields.text("reset_token")?;
            let token = ResetToken::parse(token.expose_secret()).ok()?;
            let new_password = fields.text("new_password").cloned().unwrap_or_default();
            Some(Self { email: fields.email().ok()?, token, new_password })
        };
        parsed().ok_or(Problem::ResetTokenInvalid)
    }
}

#[derive(Serialize)]
struct IssuedToken<'a> {
    email: &'a str,
    reset_token: &'a str,
}

/// 200 with the token; 403 for an unknown address, and for requests through a proxy.
async fn issue(
    fields: Fields,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    // A proxy on this machine may serve any client.
    if is_forwarded(request.headers()) {
        return Err(Problem::Forwarded);
    }
    let LinkRequest { email } = LinkRequest::parse(&fields).map_err(|_| Problem::EmailUnknown)?;

    let token = state.auth.issue_reset_token(&email).await?;

    Ok(HttpResponse::Ok().json(IssuedToken { email: email.as_str(), reset_token: &token.expose() }))
}

/// 200 for every address, whether it has an account or not.
async fn request_link(
    fields: Fields,
    Context(context): Context,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let LinkRequest { email } = LinkRequest::parse(&fields)?;

    state.auth.request_reset(&email, &context).await?;

    Ok(HttpResponse::Ok().json(EmailMessage { email: email.as_str(), message: "reset link sent" }))
}

/// 200; 403 for an invalid address or token; then 400 for a rejected password.
async fn complete(
    fields: Fields,
    Context(context): Context,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let CompleteRequest { email, token, new_password } = CompleteRequest::parse(&fields)?;

    let completion = ResetCompletion { email: email.clone(), token, new_password };
    let device = state.auth.complete_reset(completion, &context).await?;

    let mut response = HttpResponse::Ok();
    if let Some(device) = &device {
        cookie::set_device(&mut response, &state.options.cookie, device);
    }
    Ok(response.json(EmailMessage { email: email.as_str(), message: "Password updated" }))
}
