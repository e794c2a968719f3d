//! Somebody else's app: it mounts the routes, and keeps a diary that is for its owner only.
//!
//! ```text
//! cargo run -p auth-http --example diary
//!
//! curl -d email=ada@example.org -d password='seven herons by the weir' localhost:5001/users
//! curl -c jar -d email=ada@example.org -d password='seven herons by the weir' localhost:5001/sessions
//! curl -b jar localhost:5001/diary
//! curl localhost:5001/diary
//! ```

use actix_web::{App, HttpServer, Responder, web};
use auth_core::{Auth, Options};
use auth_db::{Database, DatabaseOptions};
use auth_http::{AuthRoutes, CookieOptions, CurrentUser, HttpOptions};

async fn diary(current: CurrentUser) -> impl Responder {
    format!("Dear {}, nothing is written here yet.\n", current.email)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
    auth_migrations::up(db.for_migrations()).await?;
    let auth = Auth::start(db, Options::default())?;
    actix_web::rt::spawn({
        let auth = auth.clone();
        async move { auth.maintain().await }
    });

    // No TLS on localhost; in production the default is right, which is a cookie for TLS only.
    let cookie = CookieOptions { secure: false, ..CookieOptions::default() };
    let routes = AuthRoutes::new(auth, HttpOptions { cookie, ..HttpOptions::default() })?;
    let app = move || App::new().configure(|app| routes.configure(app)).route("/diary", web::get().to(diary));
    HttpServer::new(app).bind("127.0.0.1:5001")?.run().await?;
    Ok(())
}
