//! The floor: a bare actix-web app that returns JSON and does nothing else, in a separate process.

use actix_web::{App, HttpResponse, HttpServer, Responder, rt::System, web};
use serde::Serialize;

#[derive(Serialize)]
struct Profile {
    email: &'static str,
}

async fn profile() -> impl Responder {
    HttpResponse::Ok().json(Profile { email: "ada@example.org" })
}

/// Serves until the process is ended; as many workers as cores, as the service has.
pub fn serve(address: &str) -> anyhow::Result<()> {
    let app = || App::new().route("/profile", web::get().to(profile));
    let server = HttpServer::new(app).bind(address)?;
    if let Some(address) = server.addrs().first() {
        println!("listening on http://{address}");
    }
    System::new().block_on(server.run())?;
    Ok(())
}
