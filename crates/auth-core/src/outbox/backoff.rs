//! The delays between attempts to send emails.

use std::time::Duration;

use tokio::time::Instant;

use super::worker::Outcome;

/// The delay after the first failure of an email. Each further failure doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(15);

/// The maximum delay between two attempts.
const MAX_DELAY: Duration = Duration::from_mins(15);

/// The polling interval of the outbox.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// The maximum delay after the mail server was unreachable.
const MAX_UNREACHABLE_DELAY: Duration = Duration::from_secs(30);

/// The delay while the mail server is unreachable.
pub struct Backoff {
    next: Duration,
    pub until: Option<Instant>,
}

impl Backoff {
    pub const NONE: Self = Self { next: INTERVAL, until: None };

    /// Whether emails may be attempted.
    pub fn is_over(&self) -> bool {
        self.until.is_none_or(|until| now() >= until)
    }

    /// Takes the outcome of an attempt into account.
    pub fn after(&mut self, outcome: Outcome) {
        match outcome {
            // Several concurrent failures count as one.
            Outcome::Unreachable if self.is_over() => {
                self.until = Some(now() + self.next);
                self.next = (self.next * 2).min(MAX_UNREACHABLE_DELAY);
            }
            Outcome::Sent => *self = Self::NONE,
            _ => {}
        }
    }
}

/// The delay after a number of failed attempts.
pub fn delay_after(attempts: u32) -> Duration {
    (FIRST_DELAY * (1 << attempts.min(16))).min(MAX_DELAY)
}

/// Real time: how long sending takes, and when the mail server is attempted again.
#[expect(clippy::disallowed_methods, reason = "sending takes real time")]
pub fn now() -> Instant {
    Instant::now()
}
