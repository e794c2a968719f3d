//! Password authentication on actix-web: routes to mount, and an extractor for other pages.
//!
//! [`AuthRoutes`] mounts the routes in any app. The middleware [`protect`] around each route rejects foreign hosts and
//! cross-site requests, sets the headers of every response, and makes every error JSON. Other pages use [`CurrentUser`].
//!
//! ```
//! use actix_web::{App, HttpServer, Responder, web};
//! use auth_core::Auth;
//! use auth_http::{AuthRoutes, CurrentUser, HttpOptions};
//!
//! async fn diary(user: CurrentUser) -> impl Responder {
//!     format!("the diary of user {}", user.user_id)
//! }
//!
//! fn serve(auth: Auth) -> std::io::Result<actix_web::dev::Server> {
//!     let routes = AuthRoutes::new(auth, HttpOptions::default())?;
//!     let app = move || App::new().configure(|app| routes.configure(app)).route("/diary", web::get().to(diary));
//!     Ok(HttpServer::new(app).bind("127.0.0.1:0")?.run())
//! }
//! ```

mod api;
mod auth_routes;
mod endpoint;
mod input;
mod middleware;
mod options;
mod pages;
mod problem;
mod state;

pub use auth_core;
pub use auth_routes::AuthRoutes;
pub use endpoint::{Endpoint, Operation};
pub use input::{CurrentUser, Field, InvalidOrigin, Origin};
pub use middleware::{one_leading_slash, protect};
pub use options::{CookieOptions, Hsts, HttpOptions, Registration, ResetDelivery};
pub use problem::Problem;
