//! The worker: claims what is due, makes what it needs, sends it, and marks it.

use std::time::Duration as StdDuration;

use auth_db::{
    model::{Email, MailKind, User},
    outbox::{self, Waiting},
    users,
};
use time::{Duration, OffsetDateTime};

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

/// Reset links that are sent to one address within an hour: each further one would end the one that its owner is about
/// to use (zitadel#12622).
const RESETS_AN_HOUR: u64 = 3;

/// How long it is known what was sent.
const REMEMBERED: Duration = Duration::hours(1);

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
    /// Mails that nobody gets: the address has no account, or got three links within the hour.
    pub dropped: usize,
    /// Mails that were given up.
    pub given_up: usize,
    /// Whether the mail server could not be reached; then the rest was not tried.
    pub unreachable: bool,
}

impl Delivered {
    /// Whether nothing was due.
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What a worker does before it looks again.
enum Pause {
    None,
    For(StdDuration),
    UntilWanted,
}

/// What became of one mail.
enum Outcome {
    Sent,
    Postponed,
    Dropped,
    GivenUp,
    Unreachable,
    /// Another worker has it.
    NotOurs,
}

impl Auth {
    /// Sends the mails that are wanted, until [`Auth::stop_mail`] or its task is ended. Any number of workers may do so
    /// on one database.
    ///
    /// Where the task is ended, what was being sent is sent again a minute later, by whichever worker looks then.
    pub async fn deliver_mail(&self, mailer: &impl Mailer) {
        let mut stopped = self.parts().mail_stopped.subscribe();
        let mut rest = INTERVAL;
        loop {
            let pause = match self.deliver_due(mailer).await {
                Ok(Delivered { unreachable: true, .. }) => {
                    let pause = rest;
                    rest = (rest * 2).min(LONGEST_REST);
                    Pause::For(pause)
                }
                Ok(delivered) => {
                    rest = INTERVAL;
                    if delivered.is_nothing() { Pause::UntilWanted } else { Pause::None }
                }
                Err(cause) => {
                    tracing::warn!(%cause, "could not look for mails to send");
                    Pause::UntilWanted
                }
            };
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return,
                () = self.pause_mail(pause) => {}
            }
        }
    }

    async fn pause_mail(&self, pause: Pause) {
        match pause {
            Pause::None => {}
            Pause::For(time) => tokio::time::sleep(time).await,
            // Whether somebody called or it is time: both are reasons to look.
            Pause::UntilWanted => {
                let _ = tokio::time::timeout(INTERVAL, self.parts().mail_wanted.notified()).await;
            }
        }
    }

    /// Has [`Auth::deliver_mail`] return, in this process, as soon as the mail that is being sent has been: for a program
    /// that is about to end.
    pub fn stop_mail(&self) {
        self.parts().mail_stopped.send_replace(true);
    }

    /// Sends the mails that are due now, at most 32 of them.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; what was not marked as sent is sent by a later round.
    #[tracing::instrument(level = "debug", name = "core.deliver_due", skip_all)]
    pub async fn deliver_due(&self, mailer: &impl Mailer) -> Result<Delivered, Unavailable> {
        let now = self.now();
        self.parts().db.write(async |tx| outbox::purge(&tx, now - REMEMBERED, BATCH).await).await?;
        let mut delivered = Delivered::default();
        let round = self.deliver_round(mailer, now, &mut delivered).await;
        // Also where it was cut short.
        self.parts().mail_counters.add(&delivered);
        round.map(|()| delivered)
    }

    async fn deliver_round(
        &self,
        mailer: &impl Mailer,
        now: OffsetDateTime,
        delivered: &mut Delivered,
    ) -> Result<(), Unavailable> {
        for mail in outbox::due(self.parts().db.read(), now, BATCH).await? {
            if *self.parts().mail_stopped.borrow() {
                break;
            }
            match self.deliver(mailer, &mail).await? {
                Outcome::Sent => delivered.sent += 1,
                Outcome::Postponed => delivered.postponed += 1,
                Outcome::Dropped => delivered.dropped += 1,
                Outcome::GivenUp => delivered.given_up += 1,
                Outcome::NotOurs => {}
                Outcome::Unreachable => {
                    delivered.unreachable = true;
                    break;
                }
            }
        }
        Ok(())
    }

    async fn deliver(&self, mailer: &impl Mailer, mail: &Waiting) -> Result<Outcome, Unavailable> {
        let (db, now) = (&self.parts().db, self.now());
        if !db.write(async |tx| outbox::claim(&tx, mail, now + LEASE).await).await? {
            return Ok(Outcome::NotOurs);
        }
        if now - mail.created_at >= GIVEN_UP_AFTER {
            return self.give_up(mail, "it was tried for a day").await;
        }
        let Some(letter) = self.letter(mail).await? else {
            return self.end_of(mail, Outcome::Dropped).await;
        };
        let in_time = tokio::time::timeout(SENDING, mailer.send(&letter)).await;
        match in_time.unwrap_or_else(|_| Err(MailFailed::Unreachable("no answer in time".to_owned()))) {
            Ok(()) => {
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

    /// What is to be sent; none if nobody is to get it.
    async fn letter(&self, mail: &Waiting) -> Result<Option<Letter>, Unavailable> {
        let Some(user) = self.owner_of(&mail.wanted.email_key).await? else { return Ok(None) };
        let content = match mail.wanted.kind {
            MailKind::Reset => {
                let (db, since) = (self.parts().db.read(), self.now() - REMEMBERED);
                if outbox::count_before(db, mail, since).await? >= RESETS_AN_HOUR {
                    tracing::info!(user_id = %user.id, "no further reset link: there were enough within the hour");
                    return Ok(None);
                }
                let Some(token) = self.put_reset(&user).await? else { return Ok(None) };
                Content::Reset { token, lifetime: self.policy().reset_lifetime }
            }
            MailKind::PasswordChanged => Content::PasswordChanged,
            MailKind::NewDevice => {
                Content::NewDevice { device: mail.wanted.detail.clone().unwrap_or_default() }
            }
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
