//! `GET /`, and `DELETE /` for browsers that follow the redirect of a logout with the same method.

use actix_web::{HttpResponse, http::Method, web};

use crate::{
    endpoint::{Endpoint, Operation},
    input::NoFields,
    problem::Message,
};

pub fn endpoint() -> Endpoint {
    let operation = |method| Operation::new(method, "a greeting", || web::to(welcome));
    Endpoint::new("/", [operation(Method::GET), operation(Method::DELETE)])
}

async fn welcome(_: NoFields) -> HttpResponse {
    HttpResponse::Ok().json(Message { message: "Bienvenue" })
}
