//! Recovery by email: what is sent, to whom and how often, and what happens if it can't be sent.

mod limits;
mod notices;
mod retries;
mod worker;

use std::{sync::Mutex, time::Duration};

use auth_core::{
    RequestContext,
    mail::{DeliveryReport, Mail, MailBody, MailError, MailOptions, MailStats, Mailer, SendFuture},
    model::{Language, MailKind, ResetToken},
    recovery::CompleteResetError,
};

use crate::support::{ADA, PASSWORD, World, completion, email};

const NEW: &str = "another long passphrase";

/// Recipient, kind, language, and the token of an email.
type Recorded = (String, MailKind, Language, Option<ResetToken>);

/// Records emails, unless an error is set.
#[derive(Default)]
struct RecordingMailer {
    mails: Mutex<Vec<Recorded>>,
    /// The lifetimes of the links in them.
    lifetimes: Mutex<Vec<Duration>>,
    /// What every call fails with.
    error: Mutex<Option<MailError>>,
}

impl Mailer for RecordingMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> SendFuture<'a> {
        Box::pin(async move {
            if let Some(error) = self.error.lock().unwrap().clone() {
                return Err(error);
            }
            let token = match &mail.body {
                MailBody::Reset { token, lifetime } => {
                    self.lifetimes.lock().unwrap().push(*lifetime);
                    Some(token.clone())
                }
                _ => None,
            };
            let recorded = (mail.to.as_str().to_owned(), mail.body.kind(), mail.language, token);
            self.mails.lock().unwrap().push(recorded);
            Ok(())
        })
    }
}

impl RecordingMailer {
    fn fail_with(&self, error: Option<MailError>) {
        *self.error.lock().unwrap() = error;
    }

    fn count(&self) -> usize {
        self.mails.lock().unwrap().len()
    }

    fn kinds(&self) -> Vec<MailKind> {
        self.mails.lock().unwrap().iter().map(|(_, kind, ..)| *kind).collect()
    }

    /// The token of the latest mail.
    fn token(&self) -> ResetToken {
        self.mails.lock().unwrap().last().unwrap().3.clone().unwrap()
    }
}

impl World {
    async fn asks(&self, address: &str) {
        self.auth.request_reset(&email(address), &RequestContext::default()).await.unwrap();
    }

    async fn resets(&self, token: &ResetToken) -> Result<(), CompleteResetError> {
        self.complete_reset(completion(ADA, token, NEW)).await.map(drop)
    }
}

async fn with_mail() -> (World, RecordingMailer) {
    let world =
        World::with_mail(MailOptions { notices: true, new_device_notices: true, ..Default::default() }).await;
    world.register(ADA).await;
    (world, RecordingMailer::default())
}

/// asvs 6.4.3, 6.6.2
#[tokio::test]
async fn a_link_is_sent_to_the_stored_address_and_sets_a_password_once() {
    let (world, mailer) = with_mail().await;
    let context = RequestContext { language: Language::French, ..RequestContext::default() };
    world.auth.request_reset(&email("ADA@example.ORG."), &context).await.unwrap();

    let delivered = world.auth.deliver_due(&mailer).await.unwrap();

    assert_eq!(delivered, DeliveryReport { sent: 1, ..DeliveryReport::default() });
    let (to, kind, language, token) = mailer.mails.lock().unwrap()[0].clone();
    assert_eq!((to.as_str(), kind, language), (ADA, MailKind::Reset, Language::French));
    world.resets(&token.clone().unwrap()).await.unwrap();
    assert!(matches!(world.resets(&token.unwrap()).await, Err(CompleteResetError::InvalidToken)));
    assert!(world.log_in(ADA, NEW).await.is_ok() && world.log_in(ADA, PASSWORD).await.is_err());
}

#[tokio::test]
async fn no_link_is_sent_to_an_address_without_an_account() {
    let (world, mailer) = with_mail().await;
    world.asks("nobody@example.org").await;

    let delivered = world.auth.deliver_due(&mailer).await.unwrap();

    assert_eq!(delivered, DeliveryReport { dropped: 1, ..DeliveryReport::default() });
    assert_eq!(world.auth.mail_stats(), MailStats { dropped: 1, ..MailStats::default() });
    assert_eq!(world.auth.deliver_due(&mailer).await.unwrap(), DeliveryReport::default());
}

/// asvs 6.5.5
#[tokio::test]
async fn a_link_is_valid_from_when_it_is_sent_and_a_newer_one_replaces_it() {
    let (world, mailer) = with_mail().await;
    world.asks(ADA).await;
    world.clock.advance(Duration::from_hours(2));
    world.auth.deliver_due(&mailer).await.unwrap();
    let first = mailer.token();
    world.asks(ADA).await;
    world.auth.deliver_due(&mailer).await.unwrap();

    world.clock.advance(Duration::from_mins(30) - Duration::from_secs(1));
    assert!(matches!(world.resets(&first).await, Err(CompleteResetError::InvalidToken)));
    world.resets(&mailer.token()).await.unwrap();
}
