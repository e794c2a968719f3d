//! Notices: what owners are told without having asked, stored in the transaction that causes it.

use auth_db::{
    DbError, Writer,
    model::{Client, Email, MailKind},
    outbox::{self, Wanted},
};
use time::OffsetDateTime;

use crate::Auth;

/// A notice, if there is to be one.
#[derive(Debug, Clone)]
#[must_use]
pub struct Notice(Option<Wanted>);

impl Notice {
    /// Whether there is to be one.
    pub const fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// Stores it.
    pub async fn put(&self, tx: &impl Writer, now: OffsetDateTime) -> Result<(), DbError> {
        match &self.0 {
            Some(wanted) => outbox::put(tx, wanted, now).await,
            None => Ok(()),
        }
    }
}

impl Auth {
    /// A notice to an account's owner, in the language of the client that caused it.
    pub(crate) fn notice(
        &self,
        kind: MailKind,
        email: &Email,
        client: &Client,
        detail: Option<String>,
    ) -> Notice {
        let options = self.parts().mail;
        let is_wanted = match kind {
            MailKind::Reset => false,
            MailKind::PasswordChanged => options.notices,
            MailKind::NewDevice => options.notices && options.new_device_notices,
        };
        let wanted = Wanted { kind, email_key: email.key().to_owned(), language: client.language, detail };
        Notice(is_wanted.then_some(wanted))
    }
}
