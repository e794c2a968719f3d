//! What users do with their own accounts: `/profile/password`, `/profile/sessions`, `DELETE /profile`.

use actix_web::{HttpRequest, HttpResponse, Route, http::Method, web};
use auth_core::{
    Confirmation, OwnSession, PasswordChange,
    model::{Password, SessionId},
};
use serde::Serialize;
use time::OffsetDateTime;

use super::mount_at;
use crate::{
    ApiError, CurrentUser,
    client::client_of,
    cookie,
    error::Message,
    fields::{Fields, NoFields},
    shared::Shared,
};

pub fn mount(app: &mut web::ServiceConfig) {
    mount_at(app, "/profile/password", "PUT", || [(Method::PUT, web::to(change_password))]);
    let sessions = || {
        let [get, head] = [Method::GET, Method::HEAD].map(|method| (method, web::to(list)));
        [get, head, (Method::DELETE, web::to(end_others))]
    };
    mount_at(app, "/profile/sessions", "GET, HEAD, DELETE", sessions);
    mount_at(app, "/profile/sessions/{id}", "DELETE", || [(Method::DELETE, web::to(end_one))]);
}

/// `DELETE /profile`.
pub fn deleting() -> (Method, Route) {
    (Method::DELETE, web::to(delete))
}

/// The sessions of a user.
#[derive(Serialize)]
struct Sessions {
    sessions: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    created_at: String,
    last_seen_at: String,
    device: Option<String>,
    current: bool,
}

impl From<OwnSession> for Shown {
    fn from(own: OwnSession) -> Self {
        Self {
            id: own.session.id.to_string(),
            created_at: rfc3339(own.session.created_at),
            last_seen_at: rfc3339(own.session.last_seen_at),
            device: own.session.client.device(),
            current: own.is_current,
        }
    }
}

/// 200 and a new cookie; 401 for a wrong password; then 400 for a new one that policy refuses.
async fn change_password(
    current: CurrentUser,
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let confirmation = confirmation(&fields, &request, &shared)?;
    let password = confirmation.password.clone().ok_or_else(|| fields.absent("password"))?;
    let new_password = fields.text("new_password").ok_or_else(|| fields.absent("new_password"))?.clone();

    let change = PasswordChange { password, new_password, confirmation };
    let logged_in = shared.auth.change_password(&current, change).await?;

    let options = &shared.options.cookie;
    let mut response = HttpResponse::Ok();
    let left = logged_in.session.expires_at - logged_in.session.last_seen_at;
    cookie::give(&mut response, options, &logged_in, left);
    Ok(response.json(Message { message: "password changed" }))
}

async fn list(
    _: NoFields,
    current: CurrentUser,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let own = shared.auth.own_sessions(&current).await?;
    Ok(HttpResponse::Ok().json(Sessions { sessions: own.into_iter().map(Shown::from).collect() }))
}

async fn end_others(
    current: CurrentUser,
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let confirmation = confirmation(&fields, &request, &shared)?;

    shared.auth.end_other_sessions(&current, &confirmation).await?;

    Ok(HttpResponse::Ok().json(Message { message: "other sessions ended" }))
}

/// 404 for an id that is not one of the user's own, whosever it is.
async fn end_one(
    current: CurrentUser,
    fields: Fields,
    id: web::Path<String>,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let confirmation = confirmation(&fields, &request, &shared)?;
    let id = SessionId::parse(&id).ok_or(ApiError::NOT_FOUND)?;

    if !shared.auth.end_own_session(&current, id, &confirmation).await? {
        return Err(ApiError::NOT_FOUND);
    }

    let mut response = HttpResponse::Ok();
    if id == current.session.id {
        response.cookie(cookie::cleared(&shared.options.cookie));
    }
    Ok(response.json(Message { message: "session ended" }))
}

async fn delete(
    current: CurrentUser,
    fields: Fields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let confirmation = confirmation(&fields, &request, &shared)?;
    let password = confirmation.password.clone().ok_or_else(|| fields.absent("password"))?;

    shared.auth.delete_account(&current, &password, &confirmation).await?;

    let cleared = cookie::cleared(&shared.options.cookie);
    Ok(HttpResponse::Ok().cookie(cleared).json(Message { message: "account deleted" }))
}

/// The password, if there is one. One that nobody can have is wrong.
fn confirmation(fields: &Fields, request: &HttpRequest, shared: &Shared) -> Result<Confirmation, ApiError> {
    let password = match fields.text("password") {
        Some(text) => Some(Password::parse(text.clone()).map_err(|_| ApiError::WRONG_PASSWORD)?),
        None => None,
    };
    Ok(Confirmation {
        password,
        client: client_of(request, &shared.options.trusted_proxies),
        device: cookie::presented_device(&shared.options.cookie, request.headers()),
    })
}

/// RFC 3339 section 5.6, in UTC, to the second.
fn rfc3339(at: OffsetDateTime) -> String {
    let time = at.time();
    format!("{}T{:02}:{:02}:{:02}Z", at.date(), time.hour(), time.minute(), time.second())
}
