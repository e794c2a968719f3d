//! Notices to owners, stored in the transaction that causes them.

use auth_db::{
    DbError, Writer,
    model::{Email, MailKind},
    outbox::{self, NewMail},
};
use time::OffsetDateTime;

use super::Outbox;
use crate::RequestContext;

/// A notice, if notices of its kind are sent.
#[derive(Debug, Clone)]
#[must_use]
pub struct Notice(Option<NewMail>);

impl Notice {
    /// Whether notices of its kind are sent.
    pub const fn is_enabled(&self) -> bool {
        self.0.is_some()
    }

    /// Stores it.
    pub async fn insert(&self, on: &impl Writer, now: OffsetDateTime) -> Result<(), DbError> {
        match &self.0 {
            Some(mail) => outbox::insert(on, mail, now).await,
            None => Ok(()),
        }
    }
}

impl Outbox {
    /// The notice of a changed password, in the language of the client that changed it.
    pub fn password_changed(&self, email: &Email, context: &RequestContext) -> Notice {
        let mail = || NewMail {
            kind: MailKind::PasswordChanged,
            email: email.key().clone(),
            language: context.language,
            detail: None,
        };
        Notice(self.0.options.notices.then(mail))
    }

    /// The notice of a login on a new device, in the language of that device.
    pub fn new_device(&self, email: &Email, context: &RequestContext) -> Notice {
        let mail = || NewMail {
            kind: MailKind::NewDevice,
            email: email.key().clone(),
            language: context.language,
            detail: context.client.device(),
        };
        Notice(self.notifies_of_new_devices().then(mail))
    }
}
