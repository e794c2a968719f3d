//! An app that mounts the routes, and has a page for users who are logged in.
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
    format!("Dear {}, your diary is empty.\n", current.email)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
    auth_migrations::up(db.for_migrations()).await?;
    let auth = Auth::start(db, Options::default())?;
    let background = actix_web::rt::spawn({
        let auth = auth.clone();
        async move { auth.run().await }
    });

    // For localhost without TLS. In production keep the default: a cookie that browsers send with TLS only.
    let cookie = CookieOptions { secure: false, ..CookieOptions::default() };
    let routes = AuthRoutes::new(auth.clone(), HttpOptions { cookie, ..HttpOptions::default() })?;
    let app = move || App::new().configure(|app| routes.configure(app)).route("/diary", web::get().to(diary));
    HttpServer::new(app).bind("127.0.0.1:5001")?.run().await?;

    auth.shutdown().await?;
    background.await?;
    Ok(())
}
