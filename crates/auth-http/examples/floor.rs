//! The floor that benchmarks compare with: a bare actix-web app that answers JSON and does nothing else.
//!
//! ```text
//! cargo run --release -p auth-http --example floor
//! ```

use actix_web::{App, HttpResponse, HttpServer, Responder, web};
use serde::Serialize;

#[derive(Serialize)]
struct Profile {
    email: &'static str,
}

async fn profile() -> impl Responder {
    HttpResponse::Ok().json(Profile { email: "ada@example.org" })
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let app = || App::new().route("/profile", web::get().to(profile));
    HttpServer::new(app).bind("127.0.0.1:5002")?.run().await
}
