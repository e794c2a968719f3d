//! The domain types of password authentication: no I/O, no clock, no database.
//!
//! A value that exists is valid. [`Email::parse`], [`Password::parse`] and [`NewPassword::parse`] check their input, so
//! code that receives one of these types does not check it again. Secrets ([`Password`], [`PasswordHash`], [`Token`])
//! have no `Serialize`, no `PartialEq` and a `Debug` output without content. Their memory is wiped when they are
//! dropped.
//!
//! ```
//! use auth_model::{Email, NewPassword, PasswordPolicy};
//!
//! let email = Email::parse("Ada@Example.ORG.")?;
//! assert_eq!(email.as_str(), "Ada@Example.ORG.");
//! assert_eq!(email.key().as_str(), "ada@example.org");
//!
//! let policy = PasswordPolicy { min_code_points: 15 };
//! assert!(NewPassword::parse("too short".into(), &policy).is_err());
//! # Ok::<(), auth_model::InvalidEmail>(())
//! ```

mod attempts;
mod authentication;
mod client_info;
mod credential;
mod device;
mod email;
mod id;
pub mod instant;
mod mail;
mod reset;
mod session;
mod token;
mod user;

pub use attempts::{FAILURE_LIFETIME, FREE_FAILURES, FailedAttempts, MAX_DELAY, delay_after};
pub use authentication::{AssuranceLevel, Method, Methods};
pub use client_info::{ClientInfo, MAX_USER_AGENT_BYTES, is_private};
pub use credential::{
    InvalidPassword, InvalidPasswordHash, MAX_PASSWORD_BYTES, MAX_PASSWORD_HASH_BYTES, NewPassword, Password,
    PasswordHash, PasswordPolicy,
};
pub use device::Device;
pub use email::{Email, EmailKey, InvalidEmail, MAX_EMAIL_BYTES, MAX_LOCAL_PART_BYTES};
pub use id::{SessionId, UserId};
pub use mail::{Language, MailKind};
pub use reset::PasswordReset;
pub use secrecy::{ExposeSecret, SecretString};
pub use session::Session;
pub use token::{
    DeviceKind, DeviceToken, DeviceTokenDigest, InvalidToken, ResetKind, ResetToken, ResetTokenDigest,
    SessionKind, SessionToken, SessionTokenDigest, Token, TokenDigest, TokenFormat,
};
pub use user::{User, UserChanges, UserFilter};
