//! Password authentication on actix-web: routes to mount, and an extractor for pages of your own.
//!
//! [`AuthRoutes`] mounts the routes in anybody's app, with all that protects them: each is wrapped in one
//! middleware that refuses foreign hosts and cross-site requests, gives every answer its headers and every
//! error its JSON. Pages of your own take [`CurrentUser`].
//!
//! ```
//! use actix_web::{App, HttpServer, Responder, web};
//! use auth_core::Auth;
//! use auth_http::{AuthRoutes, CurrentUser, HttpOptions};
//!
//! async fn diary(user: CurrentUser) -> impl Responder {
//!     format!("the diary of user {}", user.id)
//! }
//!
//! fn serve(auth: Auth) -> std::io::Result<actix_web::dev::Server> {
//!     let routes = AuthRoutes::new(auth, HttpOptions::default())?;
//!     let app = move || App::new().configure(|app| routes.configure(app)).route("/diary", web::get().to(diary));
//!     Ok(HttpServer::new(app).bind("127.0.0.1:0")?.run())
//! }
//! ```

mod body;
mod client;
mod cookie;
mod cors;
mod cross_site;
mod current_user;
mod envelope;
mod error;
mod fields;
mod form;
mod json;
mod leading_slashes;
mod multipart;
mod options;
mod origin;
mod page;
mod request_id;
mod routes;
mod shared;

pub use auth_core;
pub use current_user::CurrentUser;
pub use envelope::envelope;
pub use error::ApiError;
pub use leading_slashes::one_leading_slash;
pub use options::{CookieOptions, Hsts, HttpOptions, Registration, ResetDelivery};
pub use origin::{InvalidOrigin, Origin};
pub use shared::AuthRoutes;
