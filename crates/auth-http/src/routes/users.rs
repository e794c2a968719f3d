//! `POST /users`: registering.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use auth_core::model::NewPassword;

use super::{Told, mount_at};
use crate::{ApiError, Registration, client::client_of, fields::Fields, shared::Shared};

pub fn mount(app: &mut web::ServiceConfig) {
    mount_at(app, "/users", "POST, OPTIONS", || [(Method::POST, web::to(register))]);
}

/// 200, or 400 with a message that names what is wrong; 403 where registration is closed.
async fn register(
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    if shared.options.registration == Registration::Closed {
        return Err(ApiError::REGISTRATION_CLOSED);
    }
    let email = fields.email()?;
    let password = fields.text("password").ok_or_else(|| fields.absent("password"))?.clone();
    let password = NewPassword::parse(password, &shared.auth.policy().password)
        .map_err(|error| ApiError::password("password", error))?;

    let client = client_of(&request, &shared.options);

    let user = shared.auth.register(auth_core::Registration { email, password, client }).await?;

    Ok(HttpResponse::Ok().json(Told { email: user.email.as_str(), message: "user created" }))
}
