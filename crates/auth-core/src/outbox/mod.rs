//! The engine of emails: they are stored in the outbox, and a worker sends them.

mod backoff;
mod limits;
mod notice;
mod stats;
mod worker;

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use auth_db::{
    DbError,
    model::{Email, EmailKey, Language, MailKind, ResetToken},
    outbox::{self, NewMail},
};
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};

use self::stats::Counters;
pub(crate) use self::{
    limits::{SENT_MAIL_RETENTION, was_mailed},
    notice::Notice,
};
pub use self::{stats::MailStats, worker::DeliveryReport};
use crate::{environment::Environment, reset_issuer::ResetIssuer};

/// Which emails are sent, and how.
#[derive(Clone, Default)]
pub struct MailOptions {
    /// Sends emails while [`Auth::run`](crate::Auth::run) runs; none if another process sends them.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Whether owners are notified of changed passwords. A process must send emails.
    pub notices: bool,
    /// Whether owners are also notified of logins on new devices.
    pub new_device_notices: bool,
}

impl fmt::Debug for MailOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailOptions")
            .field("mailer", &self.mailer.is_some())
            .field("notices", &self.notices)
            .field("new_device_notices", &self.new_device_notices)
            .finish()
    }
}

/// An email to be sent.
#[derive(Debug)]
pub struct Mail {
    /// The address of the account, as typed.
    pub to: Email,
    /// The language.
    pub language: Language,
    /// The instant of the event that the email is about.
    pub at: OffsetDateTime,
    /// The content.
    pub body: MailBody,
}

/// The content of an email.
#[derive(Debug)]
pub enum MailBody {
    /// A link that sets a new password.
    Reset {
        /// The token, which is a secret of the owner of the address.
        token: ResetToken,
        /// The lifetime of the token.
        lifetime: Duration,
    },
    /// The password was changed.
    PasswordChanged,
    /// There was a login on a new device.
    NewDevice {
        /// The device in words, such as `Firefox, Windows`; empty if it is unknown.
        device: String,
    },
}

impl MailBody {
    /// The kind of the email.
    #[must_use]
    pub const fn kind(&self) -> MailKind {
        match self {
            Self::Reset { .. } => MailKind::Reset,
            Self::PasswordChanged => MailKind::PasswordChanged,
            Self::NewDevice { .. } => MailKind::NewDevice,
        }
    }
}

/// Why an email was not sent. The text is logged, so it must contain nothing of the recipient or the email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailError {
    /// The server can't be reached, or accepts no emails now. Other emails would also fail.
    Unreachable(String),
    /// The server does not accept this email now.
    Later(String),
    /// The server will never accept this email.
    Never(String),
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(cause) | Self::Later(cause) | Self::Never(cause) => f.write_str(cause),
        }
    }
}

/// The future of [`Mailer::send`].
pub type SendFuture<'a> = Pin<Box<dyn Future<Output = Result<(), MailError>> + Send + 'a>>;

/// Sends emails.
pub trait Mailer: Send + Sync {
    /// Sends one email. It counts as sent when the result is `Ok`.
    fn send<'a>(&'a self, mail: &'a Mail) -> SendFuture<'a>;
}

/// The outbox. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub(crate) struct Outbox(Arc<Inner>);

struct Inner {
    env: Environment,
    resets: ResetIssuer,
    options: MailOptions,
    /// Wakes the worker.
    wake: Notify,
    counters: Counters,
    /// Whether the worker must not begin another email.
    stopped: watch::Sender<bool>,
}

impl Outbox {
    pub fn new(env: Environment, resets: ResetIssuer, options: MailOptions) -> Self {
        Self(Arc::new(Inner {
            env,
            resets,
            options,
            wake: Notify::new(),
            counters: Counters::default(),
            stopped: watch::Sender::new(false),
        }))
    }

    /// Whether owners are notified of logins on new devices.
    pub fn notifies_of_new_devices(&self) -> bool {
        self.0.options.notifies_of_new_devices()
    }

    /// Stores the request for a reset link.
    pub async fn request_reset(&self, email: &EmailKey, language: Language) -> Result<(), DbError> {
        let mail = NewMail { kind: MailKind::Reset, email: email.clone(), language, detail: None };
        // If the connection breaks, the row may be stored twice. The limits on emails hold all the same.
        outbox::insert(&self.0.env.db.autocommit(), &mail, self.0.env.now()).await?;
        self.wake();
        Ok(())
    }

    /// Wakes the worker, because an email was stored.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// What the worker of this process did.
    pub fn stats(&self) -> MailStats {
        self.0.counters.stats()
    }

    /// The number of emails that are not sent yet, of all nodes.
    pub async fn count_queued(&self) -> Result<u64, DbError> {
        outbox::count_queued(self.0.env.db.read()).await
    }

    /// Waits for [`Outbox::stop`].
    pub async fn stopped(&self) {
        let _ = self.0.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Stops the worker after the emails that it is sending.
    pub fn stop(&self) {
        self.0.stopped.send_replace(true);
    }
}

impl MailOptions {
    /// Whether owners are notified of logins on new devices.
    pub(crate) const fn notifies_of_new_devices(&self) -> bool {
        self.notices && self.new_device_notices
    }
}
