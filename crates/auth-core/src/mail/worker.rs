//! The worker: claims what is due, makes what it needs, sends it, and marks it.

use std::{collections::HashSet, time::Duration as StdDuration};

use auth_db::{
    model::{Email, MailKind, User},
    outbox::{self, Waiting},
    users,
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use time::{Duration, OffsetDateTime};
use tokio::time::Instant;

use super::{Content, Letter, MailFailed, MailFigures, Mailer};
use crate::{Auth, Unavailable};

/// Mails that one round reads.
const BATCH: u64 = 32;

/// How long a worker has for one mail. If it is gone by then, another one takes it.
const LEASE: Duration = Duration::minutes(1);

/// How long sending one may take: well within the lease, so that nobody else sends it meanwhile.
const SENDING: StdDuration = StdDuration::from_secs(30);

/// The pause after the first failure of a mail; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::seconds(15);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::minutes(15);

/// How long a mail is tried.
const GIVEN_UP_AFTER: Duration = Duration::hours(24);

/// Mails that one worker sends at once: a slow one takes one of these places.
const SENDERS: usize = 8;

/// How often a worker looks that nobody called.
const INTERVAL: StdDuration = StdDuration::from_secs(1);

/// The longest time for which a worker looks at nothing because the mail server can't be reached.
const LONGEST_REST: StdDuration = StdDuration::from_secs(30);

/// What one round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Mails that were sent.
    pub sent: usize,
    /// Mails that will be tried again.
    pub postponed: usize,
    /// Mails that are not sent: the address has no account, or got as many as it may.
    pub dropped: usize,
    /// Mails that were given up.
    pub given_up: usize,
    /// Whether the mail server could not be reached; then the rest was not tried.
    pub unreachable: bool,
}

impl Delivered {
    fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Sent => self.sent += 1,
            Outcome::Postponed => self.postponed += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::GivenUp => self.given_up += 1,
            Outcome::Unreachable => self.unreachable = true,
            Outcome::NotOurs => {}
        }
    }
}

/// What became of one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    Postponed,
    Dropped,
    GivenUp,
    Unreachable,
    /// Another worker has it.
    NotOurs,
}

/// How long a worker leaves a mail server alone that can't be reached.
struct Rest {
    next: StdDuration,
    until: Option<Instant>,
}

impl Rest {
    const NONE: Self = Self { next: INTERVAL, until: None };

    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() >= until)
    }

    fn after(&mut self, outcome: Outcome) {
        match outcome {
            // Several may fail at once, which is one failure.
            Outcome::Unreachable if self.is_over() => {
                self.until = Some(Instant::now() + self.next);
                self.next = (self.next * 2).min(LONGEST_REST);
            }
            Outcome::Sent => *self = Self::NONE,
            _ => {}
        }
    }
}

impl Auth {
    /// Sends the mails that are wanted, several at once, until [`Auth::stop_mail`] or its task is ended. Any number of
    /// workers may do so on one database.
    ///
    /// If the task is ended, what was being sent is sent again a minute later, by whichever worker looks then.
    pub async fn deliver_mail(&self, mailer: &impl Mailer) {
        let mut stopped = self.parts().mail_stopped.subscribe();
        let (mut sending, mut ids) = (FuturesUnordered::new(), HashSet::new());
        let mut rest = Rest::NONE;
        loop {
            if sending.len() < SENDERS && rest.is_over() {
                match outbox::due(self.parts().db.read(), self.now(), BATCH).await {
                    Ok(due) => {
                        let room = SENDERS - sending.len();
                        // One whose sender has not claimed it yet is still due.
                        let new = due.into_iter().filter(|mail| !ids.contains(&mail.id)).take(room);
                        for mail in new.collect::<Vec<_>>() {
                            ids.insert(mail.id);
                            sending
                                .push(async move { (mail.id, self.deliver_and_count(mailer, &mail).await) });
                        }
                    }
                    Err(cause) => tracing::warn!(%cause, "could not look for mails to send"),
                }
            }
            let is_full = sending.len() == SENDERS;
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break,
                Some((id, outcome)) = sending.next(), if !sending.is_empty() => {
                    ids.remove(&id);
                    rest.after(outcome);
                }
                () = self.pause_mail(&rest, is_full) => {}
            }
        }
        while sending.next().await.is_some() {}
    }
    /// Waits until there may be something to begin.
    async fn pause_mail(&self, rest: &Rest, is_full: bool) {
        match rest.until {
            Some(until) if !rest.is_over() => tokio::time::sleep_until(until).await,
            _ if is_full => std::future::pending().await,
            // A notification and the end of the interval are both reasons to look.
            _ => {
                let _ = tokio::time::timeout(INTERVAL, self.parts().mail_wanted.notified()).await;
            }
        }
    }

    /// Has [`Auth::deliver_mail`] return, in this process, as soon as the mails that are being sent have been: for a
    /// program that is about to end.
    pub fn stop_mail(&self) {
        self.parts().mail_stopped.send_replace(true);
    }

    /// Sends the mails that are due now, one after the other, at most 32 of them.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; what was not marked as sent is sent by a later call.
    #[tracing::instrument(level = "debug", name = "core.deliver_due", skip_all)]
    pub async fn deliver_due(&self, mailer: &impl Mailer) -> Result<Delivered, Unavailable> {
        let mut delivered = Delivered::default();
        for mail in outbox::due(self.parts().db.read(), self.now(), BATCH).await? {
            let outcome = self.deliver(mailer, &mail).await?;
            self.parts().mail_counters.count(outcome);
            delivered.count(outcome);
            if delivered.unreachable {
                break;
            }
        }
        Ok(delivered)
    }

    async fn deliver_and_count(&self, mailer: &impl Mailer, mail: &Waiting) -> Outcome {
        match self.deliver(mailer, mail).await {
            Ok(outcome) => {
                self.parts().mail_counters.count(outcome);
                outcome
            }
            Err(cause) => {
                tracing::warn!(%cause, mail = mail.id, "a mail could not be sent");
                Outcome::NotOurs
            }
        }
    }

    async fn deliver(&self, mailer: &impl Mailer, mail: &Waiting) -> Result<Outcome, Unavailable> {
        let (db, now) = (&self.parts().db, self.now());
        if *self.parts().mail_stopped.borrow()
            || !db.write(async |tx| outbox::claim(&tx, mail, now + LEASE).await).await?
        {
            return Ok(Outcome::NotOurs);
        }
        if now - mail.created_at >= GIVEN_UP_AFTER {
            return self.give_up(mail, "it was tried for a day").await;
        }
        let began = Instant::now();
        let Some(letter) = self.letter(mail).await? else {
            // It takes a sender's place for as long as another one: otherwise the mails behind it would reveal, by when
            // they arrive, whether the address has an account.
            tokio::time::sleep_until(began + self.parts().mail_counters.usual_sending_time()).await;
            return self.end_of(mail, Outcome::Dropped).await;
        };
        let in_time = tokio::time::timeout(SENDING, mailer.send(&letter)).await;
        // It may have been the fault of this mail alone.
        match in_time.unwrap_or_else(|_| Err(MailFailed::Later("no answer in time".to_owned()))) {
            Ok(()) => {
                self.parts().mail_counters.sent_within(began.elapsed());
                let now = self.now();
                db.write(async |tx| outbox::sent(&tx, mail.id, now).await).await?;
                tracing::info!(
                    event = "mail.sent",
                    mail = mail.id,
                    kind = %mail.wanted.kind,
                    "a mail was sent"
                );
                Ok(Outcome::Sent)
            }
            Err(MailFailed::Never(cause)) => self.give_up(mail, &cause).await,
            Err(MailFailed::Later(cause)) => {
                tracing::warn!(mail = mail.id, kind = %mail.wanted.kind, cause, "a mail was postponed");
                self.postpone(mail, now).await?;
                Ok(Outcome::Postponed)
            }
            Err(MailFailed::Unreachable(cause)) => {
                tracing::warn!(cause, "the mail server can't be reached");
                self.postpone(mail, now).await?;
                Ok(Outcome::Unreachable)
            }
        }
    }

    async fn give_up(&self, mail: &Waiting, cause: &str) -> Result<Outcome, Unavailable> {
        tracing::error!(
            event = "mail.given_up",
            mail = mail.id,
            kind = %mail.wanted.kind,
            tries = mail.tries,
            before = self.mail_figures().given_up,
            cause,
            "a mail was given up"
        );
        self.end_of(mail, Outcome::GivenUp).await
    }

    /// What the workers of this process did so far.
    #[must_use]
    pub fn mail_figures(&self) -> MailFigures {
        self.parts().mail_counters.read()
    }

    /// How many mails wait, on all nodes together.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    pub async fn mails_waiting(&self) -> Result<u64, Unavailable> {
        Ok(outbox::count_waiting(self.parts().db.read()).await?)
    }

    async fn end_of(&self, mail: &Waiting, outcome: Outcome) -> Result<Outcome, Unavailable> {
        self.parts().db.write(async |tx| outbox::delete(&tx, mail.id).await).await?;
        Ok(outcome)
    }

    async fn postpone(&self, mail: &Waiting, now: OffsetDateTime) -> Result<(), Unavailable> {
        let until = now.saturating_add(pause_after(mail.tries));
        Ok(self.parts().db.write(async |tx| outbox::postpone(&tx, mail.id, until).await).await?)
    }

    /// What is to be sent; none if nothing is.
    async fn letter(&self, mail: &Waiting) -> Result<Option<Letter>, Unavailable> {
        let Some(user) = self.owner_of(&mail.wanted.email_key).await? else { return Ok(None) };
        let content = match mail.wanted.kind {
            MailKind::Reset => self
                .token_for_mail(mail, &user)
                .await?
                .map(|(token, lifetime)| Content::Reset { token, lifetime }),
            MailKind::PasswordChanged | MailKind::NewDevice if !self.may_notify(mail, &user).await? => None,
            MailKind::PasswordChanged => Some(Content::PasswordChanged),
            MailKind::NewDevice => {
                Some(Content::NewDevice { device: mail.wanted.detail.clone().unwrap_or_default() })
            }
        };
        let Some(content) = content else {
            tracing::info!(
                event = "mail.dropped",
                mail = mail.id,
                kind = %mail.wanted.kind,
                user_id = %user.id,
                "a mail was dropped: the address got enough of its kind"
            );
            return Ok(None);
        };
        Ok(Some(Letter { to: user.email, language: mail.wanted.language, at: mail.created_at, content }))
    }

    async fn owner_of(&self, email_key: &str) -> Result<Option<User>, Unavailable> {
        // A canonical address is one, and its own canonical form.
        let Ok(email) = Email::parse(email_key) else { return Ok(None) };
        Ok(users::find_by_email(self.parts().db.read(), &email).await?)
    }
}

/// How long to wait after so many tries.
fn pause_after(tries: u32) -> Duration {
    1_i32.checked_shl(tries.min(16)).map_or(LONGEST_PAUSE, |times| (FIRST_PAUSE * times).min(LONGEST_PAUSE))
}
