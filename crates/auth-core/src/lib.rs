//! The rules of password authentication: register, log in, stay logged in, log out, recover. No HTTP.
//!
//! [`Auth`] holds what the use cases need; each use case is a method of it, in a file of its own. Time and
//! chance come from a [`Clock`] and an [`Entropy`] that are handed in, passwords are hashed on threads of
//! the [`hasher`](Hasher), and what is written is written in one transaction per use case.
//!
//! ```
//! use auth_core::{Attempt, Auth, Options, Policy, model::{Client, Email, NewPassword, Password}};
//! use auth_db::{Database, DatabaseOptions};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await?;
//! auth_migrations::up(db.for_migrations()).await?;
//! let auth = Auth::start(db, Options::default())?;
//! // Looks after sessions and limits, for as long as the program runs.
//! let looking_after = tokio::spawn({
//!     let auth = auth.clone();
//!     async move { auth.maintain().await }
//! });
//!
//! let email = Email::parse("ada@example.org")?;
//! let password = NewPassword::parse("seven herons by the weir".into(), &auth.policy().password)?;
//! auth.register_user(email.clone(), password).await?;
//!
//! let password = Password::parse("seven herons by the weir".into())?;
//! // Limits on attempts go by the client's address, too.
//! let client = Client::new(Some([192, 0, 2, 1].into()), Some("curl/8"));
//! let logged_in = auth.log_in(Attempt::new(email, password, client)).await?;
//! assert!(auth.user_behind(&logged_in.token).await?.is_some());
//! # looking_after.abort();
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! # Ok::<(), std::io::Error>(())
//! ```

mod account;
mod administration;
mod ambient;
mod auth;
mod basis;
mod complete_reset;
mod decoys;
mod delete_user;
mod denylist;
mod devices;
mod disable_user;
mod error;
mod hasher;
mod import_user;
mod log_limit;
mod log_out;
mod login;
mod mail;
mod maintenance;
mod open_session;
mod opening;
mod policy;
mod register;
mod request_reset;
mod server_key;
mod session_check;
mod sessions;
mod throttle;

pub use account::{ChangePasswordError, ConfirmError, Confirmation, FRESH_LOGIN, OwnSession, PasswordChange};
pub use ambient::{Clock, Entropy, EntropyFailed, ManualClock, SystemClock, SystemEntropy};
pub use auth::{Auth, Options};
pub use auth_db::model;
pub use complete_reset::{CompleteResetError, ResetCompletion};
pub use denylist::{BREACHED_MISTAKES_ONE_IN, BreachedBuilder, Denylist, DenylistError, InvalidFilter};
pub use error::Unavailable;
pub use hasher::{Busy, Figures, HashFailed, Hasher, HasherOptions, Requester, Scheme, Slot, Verdict};
pub use import_user::ImportError;
pub use log_limit::LogLimit;
pub use login::{Attempt, LoginError};
pub use mail::{Content, Delivered, Letter, MailFailed, MailFigures, MailOptions, Mailer, ResetRequest};
pub use maintenance::Purged;
pub use open_session::LoggedIn;
pub use policy::Policy;
pub use register::{RegisterError, Registration};
pub use request_reset::RequestResetError;
pub use session_check::CurrentUser;
pub use sessions::SessionMemory;
pub use throttle::{AttemptError, ThrottleOptions, Throttled};
