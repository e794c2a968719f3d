//! `GET /profile`: who is logged in.

use actix_web::{
    HttpResponse,
    http::{Method, header::HeaderName},
    web,
};
use serde::Serialize;

use super::mount_at;
use crate::{CurrentUser, fields::NoFields};

/// The stable id: what an app in front of which a proxy asks this route should go by.
const X_AUTH_USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");

pub fn mount(app: &mut web::ServiceConfig) {
    let routes = || [Method::GET, Method::HEAD].map(|method| (method, web::to(profile)));
    mount_at(app, "/profile", "GET, HEAD", routes);
}

#[derive(Serialize)]
struct Profile<'a> {
    email: &'a str,
}

/// The address as stored; 403 without a live session.
async fn profile(_: NoFields, current: CurrentUser) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((X_AUTH_USER_ID, current.id.as_i64()))
        .json(Profile { email: current.email.as_str() })
}
