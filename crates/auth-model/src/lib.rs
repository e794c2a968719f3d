//! The words of password authentication, and nothing else: no I/O, no clock, no database.
//!
//! A value that exists is valid. [`Email::parse`], [`Password::parse`] and [`NewPassword::parse`] are the
//! doors; behind them nothing is checked again. Secrets ([`Password`], [`PasswordHash`], [`Token`]) have no
//! `Serialize`, no `PartialEq` and a `Debug` that shows nothing, and their memory is wiped when they are
//! dropped.
//!
//! ```
//! use auth_model::{Email, NewPassword, PasswordPolicy};
//!
//! let typed = Email::parse("Ada@Example.ORG.")?;
//! assert_eq!(typed.as_str(), "Ada@Example.ORG.");
//! assert_eq!(typed.key(), "ada@example.org");
//!
//! let policy = PasswordPolicy { min_code_points: 15 };
//! assert!(NewPassword::parse("too short".into(), &policy).is_err());
//! # Ok::<(), auth_model::InvalidEmail>(())
//! ```

mod client;
mod device;
mod email;
mod failed_attempts;
mod id;
mod mail;
mod password;
mod password_hash;
mod request;
mod reset;
mod rfc3339;
mod session;
mod token;
mod user;

pub use client::{Client, MAX_USER_AGENT_BYTES, is_private};
pub use device::Device;
pub use email::{Email, InvalidEmail, MAX_EMAIL_BYTES, MAX_LOCAL_PART_BYTES};
pub use failed_attempts::{FAILURES_COUNT_FOR, FREE_FAILURES, FailedAttempts, LONGEST_PAUSE, pause_after};
pub use id::{SessionId, UserId};
pub use mail::{Language, MailKind};
pub use password::{InvalidPassword, MAX_PASSWORD_BYTES, NewPassword, Password, PasswordPolicy};
pub use password_hash::{InvalidPasswordHash, MAX_PASSWORD_HASH_BYTES, PasswordHash};
pub use request::InvalidRequest;
pub use reset::PasswordReset;
pub use rfc3339::rfc3339;
pub use secrecy::{ExposeSecret, SecretString};
pub use session::Session;
pub use token::{
    DeviceKind, DeviceToken, DeviceTokenDigest, InvalidToken, ResetKind, ResetToken, ResetTokenDigest,
    SessionKind, SessionToken, SessionTokenDigest, Token, TokenDigest, TokenFormat,
};
pub use user::{User, UserChanges, UserFilter};
