//! The engine that limits attempts: by client in memory, by account and device in the database.
//!
//! [`Throttle::begin`] takes an attempt of a client and returns the guard [`Attempt`]. Dropping the guard counts as a
//! failure, so a cancelled request costs an attempt. Switched off, the guard does nothing.

mod account;
mod attempt;
mod client;
mod in_flight;
mod network;

use std::{net::IpAddr, num::NonZeroU32, sync::Arc, time::Duration};

use auth_db::{
    model::{DeviceTokenDigest, Email, EmailKey},
    throttles,
};
use ipnet::IpNet;

pub(crate) use self::{
    account::{Account, clear_failures},
    attempt::Attempt,
    network::Network,
};
use self::{client::ClientLimits, in_flight::AttemptsInFlight};
use crate::{
    LogLimit, RequestContext, ServiceError, devices::Devices, environment::Environment, sessions::BATCH,
};

/// Limits of a client, which is an IPv4 address or an IPv6 network of 64 bits, and the memory that they use.
///
/// The limits of an account are not options: five free failures, then delays that double from one second to half an hour
/// ([`FailedAttempts`](auth_db::model::FailedAttempts)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// The maximum number of accounts whose failures are stored, existing or not; those that fail within half a minute are
    /// added. Beyond it, accounts with the fewest failures share rows. About 150 bytes each.
    pub accounts: u64,
    /// The maximum number of clients in memory, for each purpose. About 300 bytes each.
    pub clients: u64,
    /// Failed attempts of a client per minute, with bursts of twice as many.
    pub guesses_per_minute: NonZeroU32,
    /// Registrations of a client per hour.
    pub registrations_per_hour: NonZeroU32,
    /// Reset requests of a client per hour.
    pub resets_per_hour: NonZeroU32,
    /// Networks whose clients have no limits. The limits of accounts apply to them.
    pub exempt: Vec<IpNet>,
}

/// 100,000 accounts and clients; 20 failed attempts a minute, 5 registrations and 10 reset requests an hour; no exempt
/// networks.
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

/// Too many attempts. Nothing was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many attempts")]
pub struct Throttled {
    /// The time until the next attempt is admitted.
    pub retry_after: Duration,
}

/// Why an attempt was not made.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// There were too many attempts before it.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// What an attempt is for. Each purpose has its own limit per client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To guess a password or a reset token.
    Guess,
    /// To register an account.
    Registration,
    /// To request a reset link.
    ResetRequest,
}

/// Who makes an attempt, and at which account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    client: Option<IpAddr>,
    address_is_shared: bool,
    account: Option<(&'a EmailKey, Option<DeviceTokenDigest>)>,
}

impl<'a> Subject<'a> {
    /// A client.
    pub const fn client(context: &RequestContext) -> Self {
        let RequestContext { client, address_is_shared, .. } = context;
        Self { client: client.address, address_is_shared: *address_is_shared, account: None }
    }

    /// A client at an account.
    pub fn account(email: &'a Email, context: &RequestContext) -> Self {
        let device = context.device.as_ref().map(auth_db::model::DeviceToken::digest);
        Self { account: Some((email.key(), device)), ..Self::client(context) }
    }
}

/// The limits of attempts. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub(crate) struct Throttle(Arc<Inner>);

struct Inner {
    env: Environment,
    devices: Devices,
    /// None if attempts are not limited.
    limits: Option<Limits>,
}

struct Limits {
    capacity: u64,
    clients: ClientLimits,
    in_flight: AttemptsInFlight,
    log: Arc<LogLimit>,
}

impl Throttle {
    pub fn new(env: Environment, devices: Devices, options: Option<ThrottleOptions>) -> Self {
        let limits = options.map(|options| {
            let log = Arc::new(LogLimit::new(100, Duration::from_secs(10)));
            Limits {
                capacity: options.accounts,
                clients: ClientLimits::new(&options, &env.clock, &log),
                in_flight: AttemptsInFlight::default(),
                log,
            }
        });
        Self(Arc::new(Inner { env, devices, limits }))
    }

    /// Takes one attempt of a client.
    ///
    /// If many clients may share its address, a known device of the account, or an account without failures, is admitted
    /// beyond the limit.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    pub async fn begin(&self, subject: Subject<'_>, purpose: Purpose) -> Result<Attempt, AttemptError> {
        let Some(limits) = &self.0.limits else { return Ok(Attempt::unlimited()) };
        match limits.clients.of(purpose).take(subject.client) {
            Ok(()) => Ok(Attempt::new(self.clone(), subject.client, purpose)),
            Err(throttled) => match subject.account {
                Some((email, device)) if subject.address_is_shared => {
                    let account = self.account(email, device).await?;
                    if account.may_be_owner(self.0.env.now()) {
                        Ok(Attempt::new(self.clone(), None, purpose))
                    } else {
                        Err(throttled.into())
                    }
                }
                _ => Err(throttled.into()),
            },
        }
    }

    /// Moves the accounts beyond the capacity into shared rows. Returns their number.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; the next call retries.
    pub async fn evict_surplus(&self) -> Result<u64, ServiceError> {
        let Some(Limits { capacity, .. }) = self.0.limits else { return Ok(0) };
        let mut total = 0;
        loop {
            let evict = async |tx| throttles::evict_surplus(&tx, capacity, BATCH as u64).await;
            let evicted = self.0.env.db.write(evict).await?;
            total += evicted;
            if evicted < BATCH as u64 {
                return Ok(total);
            }
        }
    }
}

impl Limits {
    /// Rejects an attempt at an account.
    fn reject(&self, retry_after: Duration) -> Throttled {
        if let Some(suppressed) = self.log.admit() {
            tracing::info!(
                event = "throttled",
                by = "account",
                suppressed,
                "an attempt was rejected: too many at this account"
            );
        }
        Throttled { retry_after }
    }
}
