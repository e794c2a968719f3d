//! `GET /profile`: who is logged in.

use actix_web::{
    HttpRequest, HttpResponse, Route,
    http::{Method, header::HeaderName},
    web,
};
use serde::Serialize;

use super::{account, mount_at};
use crate::{ApiError, CurrentUser, fields::NoFields};

/// The stable id: what an app in front of which a proxy asks this route should go by.
const X_AUTH_USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");

pub fn mount(app: &mut web::ServiceConfig) {
    mount_at(app, "/profile", "GET, HEAD, OPTIONS", showing);
}

/// With `DELETE /profile`.
pub fn mount_with_account(app: &mut web::ServiceConfig) {
    let routes = || {
        let [get, head] = showing();
        [get, head, account::deleting()]
    };
    mount_at(app, "/profile", "GET, HEAD, DELETE, OPTIONS", routes);
}

fn showing() -> [(Method, Route); 2] {
    [Method::GET, Method::HEAD].map(|method| (method, web::to(profile)))
}

#[derive(Serialize)]
struct Profile<'a> {
    email: &'a str,
}

/// The address as stored; 403 without a live session.
async fn profile(_: NoFields, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let current = CurrentUser::behind(&request).await?;

    Ok(HttpResponse::Ok()
        .insert_header((X_AUTH_USER_ID, current.id.as_i64()))
        .json(Profile { email: current.email.as_str() }))
}
