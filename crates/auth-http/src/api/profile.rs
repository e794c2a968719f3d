//! `GET /profile`: the user of a session.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header::HeaderName},
    web,
};
use serde::Serialize;

use super::account;
use crate::{
    CurrentUser, Problem,
    endpoint::{Endpoint, Operation},
    input::NoFields,
};

/// The user's id. An app behind a proxy that calls this route should identify users by it.
const X_AUTH_USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");

/// `DELETE /profile` belongs to the account routes.
pub fn endpoint(with_account_routes: bool) -> Endpoint {
    let show = Operation::new(Method::GET, "the user of the session", || web::to(profile));
    let show = show.with_problems([Problem::NotLoggedIn]);
    Endpoint::new("/profile", [show].into_iter().chain(with_account_routes.then(account::delete_operation)))
}

#[derive(Serialize)]
struct Profile<'a> {
    email: &'a str,
}

/// 200 with the address as typed; 403 without an active session.
async fn profile(_: NoFields, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let current = CurrentUser::authenticate(&request).await?;

    Ok(HttpResponse::Ok()
        .insert_header((X_AUTH_USER_ID, current.user_id.as_i64()))
        .json(Profile { email: current.email.as_str() }))
}
