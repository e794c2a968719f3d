//! What the worker did so far.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Delivered;

/// What the workers of this process did since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MailFigures {
    /// Mails that were sent.
    pub sent: u64,
    /// Times that one had to be tried again.
    pub postponed: u64,
    /// Mails that nobody was to get: the address has no account, or got three links within the hour.
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
}

impl Counters {
    pub fn add(&self, delivered: &Delivered) {
        for (counter, more) in [
            (&self.sent, delivered.sent),
            (&self.postponed, delivered.postponed),
            (&self.dropped, delivered.dropped),
            (&self.given_up, delivered.given_up),
        ] {
            counter.fetch_add(more as u64, Ordering::Relaxed);
        }
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
