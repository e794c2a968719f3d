//! What the worker did so far.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::worker::Outcome;

/// What the workers of this process did since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailFigures {
    /// Mails that were sent.
    pub sent: u64,
    /// Times that one had to be tried again.
    pub postponed: u64,
    /// Mails that were not sent: the address has no account, or got as many as it may.
    pub dropped: u64,
    /// Mails that were given up: whoever waits for one of these waits in vain.
    pub given_up: u64,
}

/// The same, while it is counted.
#[derive(Default)]
pub struct Counters {
    sent: AtomicU64,
    postponed: AtomicU64,
    dropped: AtomicU64,
    given_up: AtomicU64,
    /// How long it usually takes to make and send a mail, in microseconds.
    usual_micros: AtomicU64,
}

impl Counters {
    /// A mail was made and sent within this time.
    pub fn sent_within(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let learn = |usual: u64| Some(if usual == 0 { micros } else { usual - usual / 4 + micros / 4 });
        // It never refuses.
        let _ = self.usual_micros.fetch_update(Ordering::Relaxed, Ordering::Relaxed, learn);
    }

    /// How long it usually takes.
    pub fn usual_sending_time(&self) -> Duration {
        Duration::from_micros(self.usual_micros.load(Ordering::Relaxed))
    }

    pub fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Sent => &self.sent,
            Outcome::Postponed => &self.postponed,
            Outcome::Dropped => &self.dropped,
            Outcome::GivenUp => &self.given_up,
            Outcome::Unreachable | Outcome::NotOurs => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn read(&self) -> MailFigures {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MailFigures {
            sent: read(&self.sent),
            postponed: read(&self.postponed),
            dropped: read(&self.dropped),
            given_up: read(&self.given_up),
        }
    }
}
