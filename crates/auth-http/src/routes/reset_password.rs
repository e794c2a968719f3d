//! `/reset_password`: a new password for whoever forgot theirs.

use actix_web::{HttpRequest, HttpResponse, Route, http::Method, web};
use auth_core::{
    ResetCompletion, ResetRequest,
    model::{ExposeSecret, ResetToken},
};
use serde::Serialize;

use super::{Told, mount_at, reset_page};
use crate::{
    ApiError,
    client::{client_of, is_forwarded},
    cookie,
    fields::Fields,
    shared::Shared,
};

/// Tokens are in the answers.
pub fn mount_answering(app: &mut web::ServiceConfig) {
    let routes = || [(Method::POST, web::to(ask)), completing()];
    mount_at(app, "/reset_password", "POST, PUT, OPTIONS", routes);
}

/// Tokens are in mails, and the links in them open a page of somebody else.
pub fn mount_mailing(app: &mut web::ServiceConfig) {
    let routes = || [(Method::POST, web::to(ask_for_mail)), completing()];
    mount_at(app, "/reset_password", "POST, PUT, OPTIONS", routes);
}

/// Tokens are in mails, and the links in them open ours.
pub fn mount_mailing_with_page(app: &mut web::ServiceConfig) {
    let routes = || {
        let [get, head] = [Method::GET, Method::HEAD].map(|method| (method, web::to(reset_page::show)));
        [get, head, (Method::POST, web::to(ask_for_mail)), completing()]
    };
    mount_at(app, "/reset_password", "GET, HEAD, POST, PUT, OPTIONS", routes);
    let well_known =
        || [Method::GET, Method::HEAD].map(|method| (method, web::to(reset_page::redirect_to_it)));
    mount_at(app, "/.well-known/change-password", "GET, HEAD, OPTIONS", well_known);
}

fn completing() -> (Method, Route) {
    (Method::PUT, web::to(complete))
}

#[derive(Serialize)]
struct Asked<'a> {
    email: &'a str,
    reset_token: &'a str,
}

/// 200 with the token; 403 for an address that nobody has, and for who comes by a proxy.
async fn ask(
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    // A proxy on this machine may serve everybody.
    if is_forwarded(request.headers()) {
        return Err(ApiError::FORWARDED);
    }
    let email = fields.email().map_err(|_| ApiError::UNKNOWN_EMAIL)?;

    let token = shared.auth.request_reset(&email).await?;

    Ok(HttpResponse::Ok().json(Asked { email: email.as_str(), reset_token: &token.expose() }))
}

/// 200 for every address, known or not.
async fn ask_for_mail(
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let email = fields.email()?;
    let client = client_of(&request, &shared.options);

    shared.auth.ask_for_reset(ResetRequest { email: email.clone(), client }).await?;

    Ok(HttpResponse::Ok().json(Told { email: email.as_str(), message: "reset link sent" }))
}

/// 200; 403 for anything wrong with address or token; then 400 for a password that policy refuses.
async fn complete(
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let email = fields.email().map_err(|_| ApiError::RESET_TOKEN_INVALID)?;
    let token = fields.text("reset_token").and_then(|text| ResetToken::parse(text.expose_secret()).ok());
    let token = token.ok_or(ApiError::RESET_TOKEN_INVALID)?;
    let new_password = fields.text("new_password").cloned().unwrap_or_default();
    let client = client_of(&request, &shared.options);

    let completion = ResetCompletion { email: email.clone(), token, new_password, client };
    let device = shared.auth.complete_reset(completion).await?;

    let mut response = HttpResponse::Ok();
    if let Some(device) = &device {
        cookie::give_device(&mut response, &shared.options.cookie, device);
    }
    Ok(response.json(Told { email: email.as_str(), message: "Password updated" }))
}
