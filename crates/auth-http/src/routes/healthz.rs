//! `GET /healthz`: whether new clients should be sent here.

use actix_web::{HttpResponse, http::Method, web};

use super::mount_at;
use crate::{ApiError, error::Message, fields::NoFields, shared::Shared};

pub fn mount(app: &mut web::ServiceConfig) {
    let routes = || [Method::GET, Method::HEAD].map(|method| (method, web::to(healthz)));
    mount_at(app, "/healthz", "GET, HEAD, OPTIONS", routes);
}

/// 200, or 503 while draining or without a database.
async fn healthz(_: NoFields, shared: web::Data<Shared>) -> Result<HttpResponse, ApiError> {
    if shared.is_draining() {
        return Err(ApiError::DRAINING);
    }
    shared.auth.ping().await?;
    Ok(HttpResponse::Ok().json(Message { message: "ok" }))
}
