//! Statistics of the worker.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::worker::Outcome;

/// What the worker of this process did since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailStats {
    /// Emails that were sent.
    pub sent: u64,
    /// Attempts that are to be repeated.
    pub postponed: u64,
    /// Emails that are not sent: the address has no account, or reached its limit.
    pub dropped: u64,
    /// Emails that could not be sent within a day, or never will be accepted.
    pub given_up: u64,
}

/// The counters behind [`MailStats`].
#[derive(Default)]
pub struct Counters {
    sent: AtomicU64,
    postponed: AtomicU64,
    dropped: AtomicU64,
    given_up: AtomicU64,
    /// The moving average of the time to make and send an email, in microseconds.
    sending_micros: AtomicU64,
}

impl Counters {
    /// Records how long making and sending an email took.
    pub fn record_sending_time(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let update =
            |average: u64| Some(if average == 0 { micros } else { average - average / 4 + micros / 4 });
        // The closure always returns a value, so this can't fail.
        let _ = self.sending_micros.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    /// The usual time to make and send an email.
    pub fn usual_sending_time(&self) -> Duration {
        Duration::from_micros(self.sending_micros.load(Ordering::Relaxed))
    }

    pub fn count(&self, outcome: Outcome) {
        let counter = match outcome {
            Outcome::Sent => &self.sent,
            Outcome::Postponed => &self.postponed,
            Outcome::Dropped => &self.dropped,
            Outcome::GivenUp => &self.given_up,
            Outcome::Unreachable | Outcome::Claimed => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn stats(&self) -> MailStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MailStats {
            sent: load(&self.sent),
            postponed: load(&self.postponed),
            dropped: load(&self.dropped),
            given_up: load(&self.given_up),
        }
    }
}
