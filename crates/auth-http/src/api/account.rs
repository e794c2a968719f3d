//! The routes of one's own account: `/profile/password`, `/profile/sessions`, `DELETE /profile`.

use std::time::Duration;

use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::Method, web};
use auth_core::{
    RequestContext,
    account::{OwnSession, PasswordChange, Reauthentication},
    model::{InvalidPassword, Password, SecretString, SessionId, instant::rfc3339},
};
use futures_util::future::LocalBoxFuture;
use serde::Serialize;

use crate::{
    CookieOptions, CurrentUser, Problem,
    endpoint::{Endpoint, Operation},
    input::{Field, Fields, NoFields, RequestBody, context_of, cookie},
    problem::Message,
    state::AppState,
};

pub fn endpoints() -> [Endpoint; 3] {
    let change = Operation::new(Method::PUT, "change the password", || web::to(change_password))
        .with_fields(ChangePasswordRequest::FIELDS)
        .with_problems(reauthentication_problems())
        .with_problems([Problem::PasswordRejected {
            field: "new_password",
            reason: InvalidPassword::Common,
        }]);
    let list = Operation::new(Method::GET, "list the own sessions", || web::to(list))
        .with_problems([Problem::NotLoggedIn]);
    let revoke_others =
        Operation::new(Method::DELETE, "revoke all other sessions", || web::to(revoke_others))
            .with_fields(OPTIONAL_PASSWORD)
            .with_problems(reauthentication_problems());
    let revoke_one = Operation::new(Method::DELETE, "revoke one session", || web::to(revoke_one))
        .with_fields(OPTIONAL_PASSWORD)
        .with_problems(reauthentication_problems())
        .with_problems([Problem::NotFound]);
    [
        Endpoint::new("/profile/password", [change]),
        Endpoint::new("/profile/sessions", [list, revoke_others]),
        Endpoint::new("/profile/sessions/{id}", [revoke_one]),
    ]
}

/// `DELETE /profile`.
pub fn delete_operation() -> Operation {
    Operation::new(Method::DELETE, "delete the account", || web::to(delete))
        .with_fields(DeleteRequest::FIELDS)
        .with_problems(reauthentication_problems())
}

fn reauthentication_problems() -> [Problem; 4] {
    [
        Problem::NotLoggedIn,
        Problem::ReauthenticationRequired,
        Problem::WrongPassword,
        Problem::TooManyAttempts { retry_after: Duration::ZERO },
    ]
}

/// The password is needed only if the login is too old.
const OPTIONAL_PASSWORD: &[Field] = &[Field::optional("password")];

struct ChangePasswordRequest {
    password: Password,
    new_password: SecretString,
}

impl RequestBody for ChangePasswordRequest {
    const FIELDS: &'static [Field] = &[Field::required("password"), Field::required("new_password")];

    fn parse(fields: &Fields) -> Result<Self, Problem> {
        let password = own_password(fields)?.ok_or_else(|| fields.absent("password"))?;
        Ok(Self { password, new_password: fields.required("new_password")?.clone() })
    }
}

struct DeleteRequest {
    password: Password,
}

impl RequestBody for DeleteRequest {
    const FIELDS: &'static [Field] = &[Field::required("password")];

    fn parse(fields: &Fields) -> Result<Self, Problem> {
        Ok(Self { password: own_password(fields)?.ok_or_else(|| fields.absent("password"))? })
    }
}

/// The password of the own account, if it is given. An impossible one is wrong.
fn own_password(fields: &Fields) -> Result<Option<Password>, Problem> {
    let typed = fields.text("password").cloned();
    typed.map(Password::parse).transpose().map_err(|_| Problem::WrongPassword)
}

#[derive(Serialize)]
struct SessionList {
    sessions: Vec<SessionItem>,
}

#[derive(Serialize)]
struct SessionItem {
    id: String,
    created_at: String,
    last_seen_at: String,
    device: Option<String>,
    current: bool,
}

impl From<OwnSession> for SessionItem {
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

/// A request about one's own account. The body is read before the session is checked.
struct AccountRequest {
    current: CurrentUser,
    fields: Fields,
    offered: Reauthentication,
    context: RequestContext,
    state: web::Data<AppState>,
}

impl AccountRequest {
    fn cookie(&self) -> &CookieOptions {
        &self.state.options.cookie
    }
}

impl FromRequest for AccountRequest {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let fields = Fields::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let fields = fields.await?;
            let current = CurrentUser::authenticate(&request).await?;
            let state = AppState::of(&request)?;
            let offered = Reauthentication { password: own_password(&fields)? };
            let context = context_of(&request, &state.options);
            Ok(Self { current, fields, offered, context, state })
        })
    }
}

/// 200 and a new cookie; 401 for a wrong password; then 400 for a rejected new one.
async fn change_password(request: AccountRequest) -> Result<HttpResponse, Problem> {
    let ChangePasswordRequest { password, new_password } = ChangePasswordRequest::parse(&request.fields)?;

    let change = PasswordChange { password, new_password };
    let auth = &request.state.auth;
    let logged_in = auth.change_password(&request.current, change, &request.context).await?;

    let mut response = HttpResponse::Ok();
    cookie::set(&mut response, request.cookie(), &logged_in);
    Ok(response.json(Message { message: "password changed" }))
}

async fn list(
    _: NoFields,
    request: HttpRequest,
    state: web::Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let current = CurrentUser::authenticate(&request).await?;

    let own = state.auth.own_sessions(&current).await?;

    Ok(HttpResponse::Ok().json(SessionList { sessions: own.into_iter().map(SessionItem::from).collect() }))
}

async fn revoke_others(request: AccountRequest) -> Result<HttpResponse, Problem> {
    let AccountRequest { current, offered, context, state, .. } = &request;
    state.auth.revoke_other_sessions(current, offered, context).await?;

    Ok(HttpResponse::Ok().json(Message { message: "other sessions ended" }))
}

/// 404 for an id that is not of one of the user's own sessions.
async fn revoke_one(request: AccountRequest, id: web::Path<String>) -> Result<HttpResponse, Problem> {
    let id = SessionId::parse(&id).ok_or(Problem::NotFound)?;
    let AccountRequest { current, offered, context, state, .. } = &request;

    if !state.auth.revoke_own_session(current, id, offered, context).await? {
        return Err(Problem::NotFound);
    }

    let mut response = HttpResponse::Ok();
    if id == current.session.id {
        response.cookie(cookie::cleared(request.cookie()));
    }
    Ok(response.json(Message { message: "session ended" }))
}

async fn delete(request: AccountRequest) -> Result<HttpResponse, Problem> {
    let DeleteRequest { password } = DeleteRequest::parse(&request.fields)?;

    request.state.auth.delete_account(&request.current, &password, &request.context).await?;

    let cleared = cookie::cleared(request.cookie());
    Ok(HttpResponse::Ok().cookie(cleared).json(Message { message: "account deleted" }))
}
