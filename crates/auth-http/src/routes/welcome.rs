//! `GET /`, and `DELETE /` for browsers that follow the redirect of a logout with the method they had.

use actix_web::{HttpResponse, http::Method, web};

use super::mount_at;
use crate::{error::Message, fields::NoFields};

pub fn mount(app: &mut web::ServiceConfig) {
    let routes = || [Method::GET, Method::HEAD, Method::DELETE].map(|method| (method, web::to(welcome)));
    mount_at(app, "/", "GET, HEAD, DELETE, OPTIONS", routes);
}

/// Says hello: that somebody is there, and no more.
async fn welcome(_: NoFields) -> HttpResponse {
    HttpResponse::Ok().json(Message { message: "Bienvenue" })
}
