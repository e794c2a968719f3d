//! The rules of password authentication: registration, login, sessions, logout and recovery. No HTTP.
//!
//! [`Auth`] has a method for each use case. The use cases share engines, which know the database, the [`Clock`], the
//! [`Entropy`] and their options: the password hasher, the sessions with their cache, the limits of attempts, devices, and
//! the outbox. Passwords are hashed on threads of their own.
//!
//! ```
//! use auth_core::{Auth, Options, RequestContext, login::LogIn, model::{ClientInfo, Email, NewPassword, Password}};
//! use auth_db::{Database, DatabaseOptions};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
//! auth_migrations::up(db.for_migrations()).await?;
//! let auth = Auth::start(db, Options::default())?;
//! let running = tokio::spawn({
//!     let auth = auth.clone();
//!     async move { auth.run().await }
//! });
//!
//! let email = Email::parse("ada@example.org")?;
//! let password = NewPassword::parse("seven herons by the weir".into(), &auth.policy().password)?;
//! auth.create_user(email.clone(), password).await?;
//!
//! // The limits of attempts depend on the address of the client.
//! let context = RequestContext::new(ClientInfo::new(Some([192, 0, 2, 1].into()), Some("curl/8")));
//! let password = Password::parse("seven herons by the weir".into())?;
//! let LogIn::LoggedIn(login) = auth.log_in(&email, &password, &context).await? else { panic!() };
//! assert!(auth.authenticate(&login.token).await?.is_some());
//!
//! auth.shutdown().await?;
//! running.await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```

pub mod account;
pub mod admin;
mod auth;
mod clock;
mod context;
mod devices;
mod entropy;
mod environment;
mod error;
mod log_limit;
pub mod login;
mod maintenance;
mod options;
mod outbox;
pub mod passwords;
mod policy;
mod precondition;
pub mod recovery;
mod reset_issuer;
pub mod sessions;
mod throttle;

pub use auth::Auth;
pub use auth_db::model;
pub use clock::{Clock, ManualClock, SystemClock};
pub use context::RequestContext;
pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use error::ServiceError;
pub use log_limit::LogLimit;
pub use maintenance::DeletedRows;
pub use options::Options;
pub use policy::Policy;
pub use throttle::{AttemptError, ThrottleOptions, Throttled};

/// Emails.
pub mod mail {
    pub use crate::outbox::{
        DeliveryReport, Mail, MailBody, MailError, MailOptions, MailStats, Mailer, SendFuture,
    };
}
