//! Throttles: how often somebody may try.

mod accounts;
mod clients;
mod guesses;
mod in_flight;
mod reservation;

use std::{sync::Arc, time::Duration};

pub use self::accounts::{Begun, clear};
pub use self::clients::Network;
pub use self::reservation::Reservation;
use self::{clients::Clients, in_flight::AttemptsInFlight};
use crate::{Clock, LogLimit, Unavailable};

/// How much throttles remember.
///
/// What they allow is no option: five free failures for each account, then pauses that double from one second to
/// half an hour ([`FailedAttempts`](auth_db::model::FailedAttempts)); for each client, which is an IPv4 address or an IPv6 network of
/// 64 bits, 20 failed attempts a minute with a burst of 40, 5 registrations and 10 requests for a reset an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Accounts whose failures are stored at the most, whether they exist or not; what arrives within half a minute
    /// comes on top. Over it, those with the fewest failures go first. About 150 bytes each.
    pub accounts: u64,
    /// Clients that are remembered in memory at the most, for each kind of attempt. About 300 bytes each.
    pub clients: u64,
}

/// 100,000 of each.
impl Default for ThrottleOptions {
    fn default() -> Self {
        Self { accounts: 100_000, clients: 100_000 }
    }
}

/// There were too many attempts: nothing was looked up, and nothing hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many tries")]
pub struct Throttled {
    /// When the next one is taken.
    pub retry_after: Duration,
}

/// Why an attempt was not made, or could not be.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// There were too many before it.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The throttles in force.
pub struct Throttle {
    pub options: ThrottleOptions,
    pub clients: Clients,
    in_flight: AttemptsInFlight,
    log: Arc<LogLimit>,
}

impl Throttle {
    pub fn new(options: ThrottleOptions, clock: &Arc<dyn Clock>) -> Self {
        let log = Arc::new(LogLimit::new(100, Duration::from_secs(10)));
        let clients = Clients::new(options.clients, clock, &log);
        Self { clients, options, in_flight: AttemptsInFlight::default(), log }
    }

    /// Refuses an attempt at an account.
    fn refuse(&self, wait: time::Duration) -> Throttled {
        if let Some(suppressed) = self.log.admit() {
            tracing::info!(
                event = "throttled",
                by = "account",
                suppressed,
                "an attempt was rejected: too many at this account"
            );
        }
        Throttled { retry_after: wait.try_into().unwrap_or(Duration::from_secs(1)) }
    }
}
