//! The worker: claims due emails, composes and sends them.

use std::{collections::HashSet, time::Duration};

use auth_db::{
    model::{MailKind, User, instant},
    outbox::{self, QueuedMail},
    users,
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use time::OffsetDateTime;

use super::{
    Mail, MailBody, MailError, Mailer, Outbox,
    backoff::{Backoff, INTERVAL, delay_after, now},
};
use crate::{ServiceError, reset_issuer::IssuedReset};

/// The number of emails that one query reads.
const BATCH: u64 = 32;

/// The time for which a worker claims an email. If the worker is gone by then, another one claims it.
const LEASE: Duration = Duration::from_mins(1);

/// The timeout for sending an email: well within the lease, so that no other worker sends it meanwhile.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// The time after which an email is given up.
const GIVE_UP_AFTER: Duration = Duration::from_hours(24);

/// The number of emails that one worker sends concurrently.
const SENDERS: usize = 8;

/// What one run of the worker did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryReport {
    /// Emails that were sent.
    pub sent: usize,
    /// Emails that are to be sent again.
    pub postponed: usize,
    /// Emails that are not sent: the address has no account, or reached its limit.
    pub dropped: usize,
    /// Emails that were given up.
    pub given_up: usize,
    /// Whether the mail server was unreachable. The remaining emails were then not attempted.
    pub unreachable: bool,
}

impl DeliveryReport {
    const fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Sent => self.sent += 1,
            Outcome::Postponed => self.postponed += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::GivenUp => self.given_up += 1,
            Outcome::Unreachable => self.unreachable = true,
            Outcome::Claimed => {}
        }
    }
}

/// The outcome of one email.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    Postponed,
    Dropped,
    GivenUp,
    Unreachable,
    /// Another worker has claimed it.
    Claimed,
}

impl Outbox {
    /// Sends due emails, several concurrently, until [`Outbox::stop`]. Any number of workers may run on one database.
    ///
    /// If the task is cancelled, the emails that were being sent are sent again a minute later, by any worker.
    pub async fn run_worker(&self, mailer: &dyn Mailer) {
        let mut stopped = self.0.stopped.subscribe();
        let (mut sending, mut ids) = (FuturesUnordered::new(), HashSet::new());
        let mut backoff = Backoff::NONE;
        loop {
            if sending.len() < SENDERS && backoff.is_over() {
                // An email whose sender has not claimed it yet is still due.
                let due = self.due().await.into_iter().filter(|mail| !ids.contains(&mail.id));
                for mail in due.take(SENDERS - sending.len()).collect::<Vec<_>>() {
                    ids.insert(mail.id);
                    sending.push(async move { (mail.id, self.deliver_and_log(mailer, &mail).await) });
                }
            }
            let is_full = sending.len() == SENDERS;
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break,
                Some((id, outcome)) = sending.next(), if !sending.is_empty() => {
                    ids.remove(&id);
                    backoff.after(outcome);
                }
                () = self.wait(&backoff, is_full) => {}
            }
        }
        while sending.next().await.is_some() {}
    }

    async fn due(&self) -> Vec<QueuedMail> {
        outbox::due(self.0.env.db.read(), self.0.env.now(), BATCH).await.unwrap_or_else(|cause| {
            tracing::warn!(%cause, "could not read the outbox");
            Vec::new()
        })
    }

    /// Waits until another email may be due.
    async fn wait(&self, backoff: &Backoff, is_full: bool) {
        match backoff.until {
            Some(until) if !backoff.is_over() => tokio::time::sleep_until(until).await,
            _ if is_full => std::future::pending().await,
            _ => {
                // Both the notification and the end of the interval are reasons to read the outbox.
                let _ = tokio::time::timeout(INTERVAL, self.0.wake.notified()).await;
            }
        }
    }

    /// Sends at most 32 emails that are due, one after the other.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; a later call sends what was not marked as sent.
    pub async fn deliver_due(&self, mailer: &dyn Mailer) -> Result<DeliveryReport, ServiceError> {
        let mut report = DeliveryReport::default();
        for mail in outbox::due(self.0.env.db.read(), self.0.env.now(), BATCH).await? {
            let outcome = self.deliver(mailer, &mail).await?;
            self.0.counters.count(outcome);
            report.count(outcome);
            if report.unreachable {
                break;
            }
        }
        Ok(report)
    }

    async fn deliver_and_log(&self, mailer: &dyn Mailer, mail: &QueuedMail) -> Outcome {
        let outcome = self.deliver(mailer, mail).await.unwrap_or_else(|cause| {
            tracing::warn!(%cause, mail = mail.id, "an email could not be sent");
            Outcome::Claimed
        });
        self.0.counters.count(outcome);
        outcome
    }

    async fn deliver(&self, mailer: &dyn Mailer, mail: &QueuedMail) -> Result<Outcome, ServiceError> {
        let (db, claimed_at) = (&self.0.env.db, self.0.env.now());
        let lease_end = instant::after(claimed_at, LEASE);
        if *self.0.stopped.borrow() || !db.write(async |tx| outbox::claim(&tx, mail, lease_end).await).await?
        {
            return Ok(Outcome::Claimed);
        }
        if instant::elapsed(mail.created_at, claimed_at).is_some_and(|age| age >= GIVE_UP_AFTER) {
            return self.give_up(mail, "it could not be sent within a day").await;
        }
        let began = now();
        let Some(composed) = self.compose(mail).await? else {
            // It occupies a sender for the usual time. Otherwise the arrival of the next emails would reveal whether the
            // address has an account.
            tokio::time::sleep_until(began + self.0.counters.usual_sending_time()).await;
            return self.delete(mail, Outcome::Dropped).await;
        };
        let sent = tokio::time::timeout(SEND_TIMEOUT, mailer.send(&composed)).await;
        // A timeout may be caused by this email alone.
        match sent
            .unwrap_or_else(|_| Err(MailError::Later("the mail server did not respond in time".to_owned())))
        {
            Ok(()) => {
                self.0.counters.record_sending_time(began.elapsed());
                self.mark_sent(mail).await
            }
            Err(error) => self.fail(mail, error, claimed_at).await,
        }
    }

    async fn mark_sent(&self, mail: &QueuedMail) -> Result<Outcome, ServiceError> {
        let at = self.0.env.now();
        self.0.env.db.write(async |tx| outbox::mark_sent(&tx, mail.id, at).await).await?;
        tracing::info!(event = "mail.sent", mail = mail.id, kind = %mail.mail.kind, "an email was sent");
        Ok(Outcome::Sent)
    }

    async fn fail(
        &self,
        mail: &QueuedMail,
        error: MailError,
        claimed_at: OffsetDateTime,
    ) -> Result<Outcome, ServiceError> {
        let outcome = match error {
            MailError::Never(cause) => return self.give_up(mail, &cause).await,
            MailError::Later(cause) => {
                tracing::warn!(mail = mail.id, kind = %mail.mail.kind, cause, "an email was postponed");
                Outcome::Postponed
            }
            MailError::Unreachable(cause) => {
                tracing::warn!(cause, "the mail server can't be reached");
                Outcome::Unreachable
            }
        };
        let next = instant::after(claimed_at, delay_after(mail.attempts));
        self.0.env.db.write(async |tx| outbox::reschedule(&tx, mail.id, next).await).await?;
        Ok(outcome)
    }

    async fn give_up(&self, mail: &QueuedMail, cause: &str) -> Result<Outcome, ServiceError> {
        tracing::error!(
            event = "mail.given_up",
            mail = mail.id,
            kind = %mail.mail.kind,
            attempts = mail.attempts,
            before = self.stats().given_up,
            cause,
            "an email was given up"
        );
        self.delete(mail, Outcome::GivenUp).await
    }

    async fn delete(&self, mail: &QueuedMail, outcome: Outcome) -> Result<Outcome, ServiceError> {
        self.0.env.db.write(async |tx| outbox::delete(&tx, mail.id).await).await?;
        Ok(outcome)
    }

    /// The email to be sent; none if it is to be dropped.
    async fn compose(&self, mail: &QueuedMail) -> Result<Option<Mail>, ServiceError> {
        let Some(user) = users::find_by_email(self.0.env.db.read(), &mail.mail.email).await? else {
            return Ok(None);
        };
        let Some(body) = self.body(mail, &user).await? else {
            tracing::info!(
                event = "mail.dropped",
                mail = mail.id,
                kind = %mail.mail.kind,
                user_id = %user.id,
                "an email was dropped: the address reached its limit for this kind"
            );
            return Ok(None);
        };
        Ok(Some(Mail { to: user.email, language: mail.mail.language, at: mail.created_at, body }))
    }

    async fn body(&self, mail: &QueuedMail, user: &User) -> Result<Option<MailBody>, ServiceError> {
        Ok(match mail.mail.kind {
            MailKind::Reset => {
                let issued = self.issue_reset(mail, user).await?;
                issued.map(|IssuedReset { token, lifetime }| MailBody::Reset { token, lifetime })
            }
            MailKind::PasswordChanged | MailKind::NewDevice if !self.may_notify(mail, user).await? => None,
            MailKind::PasswordChanged => Some(MailBody::PasswordChanged),
            MailKind::NewDevice => {
                Some(MailBody::NewDevice { device: mail.mail.detail.clone().unwrap_or_default() })
            }
        })
    }
}
