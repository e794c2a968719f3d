//! `POST /sessions` and `DELETE /sessions`: logging in and out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header::LOCATION},
    web,
};
use auth_core::{
    Attempt,
    model::{Email, Password},
};

use super::{Told, mount_at};
use crate::{
    ApiError,
    client::client_of,
    cookie,
    fields::{Fields, NoFields},
    shared::Shared,
};

pub fn mount(app: &mut web::ServiceConfig) {
    let routes = || [(Method::POST, web::to(log_in)), (Method::DELETE, web::to(log_out))];
    mount_at(app, "/sessions", "POST, DELETE, OPTIONS", routes);
}

/// 200 and a cookie; whatever is wrong with the credentials is the same 401.
async fn log_in(
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let (email, password) = credentials(&fields).ok_or(ApiError::WRONG_CREDENTIALS)?;
    let options = &shared.options;
    let attempt = Attempt {
        email: email.clone(),
        password,
        client: client_of(&request, options),
        presented: cookie::presented(&options.cookie, request.headers()),
        device: cookie::presented_device(&options.cookie, request.headers()),
    };

    let logged_in = shared.auth.log_in(attempt).await?;

    let lifetime = shared.auth.policy().session_lifetime;
    let mut response = HttpResponse::Ok();
    cookie::give(&mut response, &options.cookie, &logged_in, lifetime);
    Ok(response.json(Told { email: email.as_str(), message: "logged in" }))
}

fn credentials(fields: &Fields) -> Option<(Email, Password)> {
    let password = fields.text("password")?.clone();
    Some((fields.email().ok()?, Password::parse(password).ok()?))
}

/// 302 to where the routes are, or 403 for a cookie that opens nothing.
async fn log_out(
    _: NoFields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let options = &shared.options.cookie;
    let token = cookie::presented(options, request.headers()).ok_or(ApiError::NOT_LOGGED_IN)?;

    if !shared.auth.log_out(&token).await? {
        return Err(ApiError::NOT_LOGGED_IN);
    }

    let cleared = cookie::cleared(options);
    // The app's own page, where there is none of ours.
    let mounted_at = if shared.options.welcome { &shared.options.mounted_at } else { "" };
    let root = format!("{mounted_at}/");
    Ok(HttpResponse::Found().insert_header((LOCATION, root)).cookie(cleared).finish())
}
