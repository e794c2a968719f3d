//! Mail: what is wanted is stored, and a worker sends it.

mod figures;
mod limits;
mod notice;
mod request;
mod worker;

use std::{fmt, future::Future};

use auth_db::model::{Email, Language, MailKind, ResetToken};
use time::{Duration, OffsetDateTime};

pub use self::{
    figures::{Counters, MailFigures},
    limits::{KEPT, was_mailed},
    notice::Notice,
    request::ResetRequest,
    worker::Delivered,
};

/// What is sent with mail, and what is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailOptions {
    /// Whether owners are told of changed passwords: only where a worker runs
    /// ([`Auth::deliver_mail`](crate::Auth::deliver_mail)) that can send mails.
    pub notices: bool,
    /// Whether owners are told of logins on devices that were not seen before.
    pub new_device_notices: bool,
}

/// A mail that is to be sent now.
#[derive(Debug)]
pub struct Letter {
    /// The address of an account, as its owner typed it.
    pub to: Email,
    /// In which language.
    pub language: Language,
    /// When what it is about happened.
    pub at: OffsetDateTime,
    /// What it tells.
    pub content: Content,
}

/// What a mail tells.
#[derive(Debug)]
pub enum Content {
    /// The token that sets a new password: for the owner of the address, and nobody else.
    Reset {
        /// The token.
        token: ResetToken,
        /// How long it counts, from when it is sent.
        lifetime: Duration,
    },
    /// The password was changed.
    PasswordChanged,
    /// Somebody logged in on a device that was not seen before.
    NewDevice {
        /// The device, in words.
        device: String,
    },
}

impl Content {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> MailKind {
        match self {
            Self::Reset { .. } => MailKind::Reset,
            Self::PasswordChanged => MailKind::PasswordChanged,
            Self::NewDevice { .. } => MailKind::NewDevice,
        }
    }
}

/// Why a mail was not sent. What it says goes to the log: nothing of the recipient or the text belongs in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailFailed {
    /// The server can't be reached, or takes nothing now: no other mail would fare better.
    Unreachable(String),
    /// The server does not take this mail now.
    Later(String),
    /// The server will never take this mail.
    Never(String),
}

impl fmt::Display for MailFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(cause) | Self::Later(cause) | Self::Never(cause) => f.write_str(cause),
        }
    }
}

/// Sends mails: how, is for the program to say.
pub trait Mailer: Send + Sync {
    /// Sends one; it is taken for sent as soon as this answers so.
    fn send(&self, letter: &Letter) -> impl Future<Output = Result<(), MailFailed>> + Send;
}
