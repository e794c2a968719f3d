//! What users do with their own accounts: `/profile/password`, `/profile/sessions`, `DELETE /profile`.

use actix_web::{FromRequest, HttpRequest, HttpResponse, Route, dev::Payload, http::Method, web};
use auth_core::{
    Confirmation, OwnSession, PasswordChange,
    model::{Password, SessionId, rfc3339},
};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use super::mount_at;
use crate::{
    ApiError, CookieOptions, CurrentUser, HttpOptions,
    client::client_of,
    cookie,
    error::Message,
    fields::{Fields, NoFields},
    shared::Shared,
};

pub fn mount(app: &mut web::ServiceConfig) {
    mount_at(app, "/profile/password", "PUT, OPTIONS", || [(Method::PUT, web::to(change_password))]);
    let sessions = || {
        let [get, head] = [Method::GET, Method::HEAD].map(|method| (method, web::to(list)));
        [get, head, (Method::DELETE, web::to(end_others))]
    };
    mount_at(app, "/profile/sessions", "GET, HEAD, DELETE, OPTIONS", sessions);
    mount_at(app, "/profile/sessions/{id}", "DELETE, OPTIONS", || [(Method::DELETE, web::to(end_one))]);
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

/// What somebody asks for their own account: the body is read first, then it is seen who asks.
struct Asked {
    current: CurrentUser,
    fields: Fields,
    confirmation: Confirmation,
    shared: web::Data<Shared>,
}

impl Asked {
    /// The password, where nothing is done without it.
    fn password(&self) -> Result<Password, ApiError> {
        self.confirmation.password.clone().ok_or_else(|| self.fields.absent("password"))
    }

    fn cookie(&self) -> &CookieOptions {
        &self.shared.options.cookie
    }
}

impl FromRequest for Asked {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let fields = Fields::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let fields = fields.await?;
            let current = CurrentUser::behind(&request).await?;
            let shared = Shared::of(&request)?;
            let confirmation = confirmation(&fields, &request, &shared.options)?;
            Ok(Self { current, fields, confirmation, shared })
        })
    }
}

/// The password, if there is one. One that nobody can have is wrong.
fn confirmation(
    fields: &Fields,
    request: &HttpRequest,
    options: &HttpOptions,
) -> Result<Confirmation, ApiError> {
    let password = match fields.text("password") {
        Some(text) => Some(Password::parse(text.clone()).map_err(|_| ApiError::WRONG_PASSWORD)?),
        None => None,
    };
    Ok(Confirmation {
        password,
        client: client_of(request, options),
        device: cookie::presented_device(&options.cookie, request.headers()),
    })
}

/// 200 and a new cookie; 401 for a wrong password; then 400 for a new one that policy refuses.
async fn change_password(asked: Asked) -> Result<HttpResponse, ApiError> {
    let (password, fields) = (asked.password()?, &asked.fields);
    let new_password = fields.text("new_password").ok_or_else(|| fields.absent("new_password"))?.clone();

    let change = PasswordChange { password, new_password, confirmation: asked.confirmation.clone() };
    let logged_in = asked.shared.auth.change_password(&asked.current, change).await?;

    let mut response = HttpResponse::Ok();
    let left = logged_in.session.expires_at - logged_in.session.last_seen_at;
    cookie::give(&mut response, asked.cookie(), &logged_in, left);
    Ok(response.json(Message { message: "password changed" }))
}

async fn list(
    _: NoFields,
    request: HttpRequest,
    shared: web::Data<Shared>,
) -> Result<HttpResponse, ApiError> {
    let current = CurrentUser::behind(&request).await?;

    let own = shared.auth.own_sessions(&current).await?;

    Ok(HttpResponse::Ok().json(Sessions { sessions: own.into_iter().map(Shown::from).collect() }))
}

async fn end_others(asked: Asked) -> Result<HttpResponse, ApiError> {
    asked.shared.auth.end_other_sessions(&asked.current, &asked.confirmation).await?;

    Ok(HttpResponse::Ok().json(Message { message: "other sessions ended" }))
}

/// 404 for an id that is not one of the user's own, whosever it is.
async fn end_one(asked: Asked, id: web::Path<String>) -> Result<HttpResponse, ApiError> {
    let id = SessionId::parse(&id).ok_or(ApiError::NOT_FOUND)?;

    if !asked.shared.auth.end_own_session(&asked.current, id, &asked.confirmation).await? {
        return Err(ApiError::NOT_FOUND);
    }

    let mut response = HttpResponse::Ok();
    if id == asked.current.session.id {
        response.cookie(cookie::cleared(asked.cookie()));
    }
    Ok(response.json(Message { message: "session ended" }))
}

async fn delete(asked: Asked) -> Result<HttpResponse, ApiError> {
    let password = asked.password()?;

    asked.shared.auth.delete_account(&asked.current, &password, &asked.confirmation).await?;

    let cleared = cookie::cleared(asked.cookie());
    Ok(HttpResponse::Ok().cookie(cleared).json(Message { message: "account deleted" }))
}
