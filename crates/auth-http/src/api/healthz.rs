//! `GET /healthz`: whether balancers should send clients to this node.

use actix_web::{HttpResponse, http::Method, web};

use crate::{
    Problem,
    endpoint::{Endpoint, Operation},
    input::NoFields,
    problem::Message,
    state::AppState,
};

pub fn endpoint() -> Endpoint {
    let operation = Operation::new(Method::GET, "health", || web::to(healthz));
    Endpoint::new("/healthz", [operation.with_problems([Problem::ShuttingDown])])
}

/// 200; 503 while draining or without a database.
async fn healthz(_: NoFields, state: web::Data<AppState>) -> Result<HttpResponse, Problem> {
    if state.is_draining() {
        return Err(Problem::ShuttingDown);
    }
    state.auth.ping().await?;
    Ok(HttpResponse::Ok().json(Message { message: "ok" }))
}
