//! `POST /reset_password` and `PUT /reset_password`: a new password for whoever forgot theirs.

use actix_web::{HttpResponse, http::Method, web};
use auth_core::{
    ResetCompletion,
    model::{ExposeSecret, ResetToken},
};
use serde::Serialize;

use super::{Told, mount_at};
use crate::{ApiError, fields::Fields, shared::Shared};

pub fn mount(app: &mut web::ServiceConfig) {
    let routes = || [(Method::POST, web::to(ask)), (Method::PUT, web::to(complete))];
    mount_at(app, "/reset_password", "POST, PUT", routes);
}

#[derive(Serialize)]
struct Asked<'a> {
    email: &'a str,
    reset_token: &'a str,
}

/// 200 with the token; 403 for an address that nobody has.
async fn ask(fields: Fields, shared: web::Data<Shared>) -> Result<HttpResponse, ApiError> {
    let email = fields.email().map_err(|_| ApiError::UNKNOWN_EMAIL)?;

    let token = shared.auth.request_reset(&email).await?;

    Ok(HttpResponse::Ok().json(Asked { email: email.as_str(), reset_token: &token.expose() }))
}

/// 200; 403 for anything wrong with address or token; then 400 for a password that policy refuses.
async fn complete(fields: Fields, shared: web::Data<Shared>) -> Result<HttpResponse, ApiError> {
    let email = fields.email().map_err(|_| ApiError::RESET_TOKEN_INVALID)?;
    let token = fields.text("reset_token").and_then(|text| ResetToken::parse(text.expose_secret()).ok());
    let token = token.ok_or(ApiError::RESET_TOKEN_INVALID)?;
    let new_password = fields.text("new_password").cloned().unwrap_or_default();

    shared.auth.complete_reset(ResetCompletion { email: email.clone(), token, new_password }).await?;

    Ok(HttpResponse::Ok().json(Told { email: email.as_str(), message: "Password updated" }))
}
