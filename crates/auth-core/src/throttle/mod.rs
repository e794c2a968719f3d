//! Throttles: how often somebody may try.

mod accounts;
mod clients;
mod guesses;
mod in_flight;
mod reservation;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use ipnet::IpNet;

pub use self::accounts::{Begun, clear};
pub use self::clients::Network;
pub use self::reservation::Reservation;
use self::{clients::Clients, in_flight::AttemptsInFlight};
use crate::{Clock, LogLimit, Unavailable};

/// How much throttles remember, and how much they allow a client: an IPv4 address, or an IPv6 network of 64 bits.
///
/// What they allow at an account is no option: five free failures, then pauses that double from one second to half an hour
/// ([`FailedAttempts`](auth_db::model::FailedAttempts)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Most accounts whose failures are stored, existing or not; what arrives within half a minute
    /// comes on top. Over it, those with the fewest failures go first. About 150 bytes each.
    pub accounts: u64,
    /// Most clients kept in memory, for each kind of attempt. About 300 bytes each.
    pub clients: u64,
    /// Attempts of a client that may fail in a minute; twice as many at once.
    pub guesses_per_minute: NonZeroU32,
    /// Registrations of a client in an hour.
    pub registrations_per_hour: NonZeroU32,
    /// Requests of a client for a reset in an hour.
    pub resets_per_hour: NonZeroU32,
    /// Networks whose clients have no such limit: those at an account go on.
    pub exempt: Vec<IpNet>,
}

/// 100,000 of each; 20 failed attempts a minute, 5 registrations and 10 requests for a reset an hour; nobody is exempt.
impl Default for ThrottleOptions {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            accounts: 100_000,
            clients: 100_000,
            guesses_per_minute: number(20),
            registrations_per_hour: number(5),
            resets_per_hour: number(10),
            exempt: Vec::new(),
        }
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
        let clients = Clients::new(&options, clock, &log);
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
