//! The limits of a client, in the memory of each node.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use auth_db::model::is_private;
use governor::{
    Quota, RateLimiter,
    clock::Clock as GovernorClock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use ipnet::IpNet;
use moka::sync::Cache;

use super::{Network, Purpose, ThrottleOptions, Throttled};
use crate::{Clock, LogLimit};

/// The limits of each client, by purpose.
pub struct ClientLimits {
    guesses: Limit,
    registrations: Limit,
    resets: Limit,
}

impl ClientLimits {
    pub fn new(options: &ThrottleOptions, clock: &Arc<dyn Clock>, log: &Arc<LogLimit>) -> Self {
        let exempt: Arc<[IpNet]> = options.exempt.clone().into();
        let limit = |quota| Limit::new(quota, options.clients, Arc::clone(&exempt), clock, Arc::clone(log));
        let guesses = options.guesses_per_minute;
        Self {
            guesses: limit(Quota::per_minute(guesses).allow_burst(guesses.saturating_add(guesses.get()))),
            registrations: limit(Quota::per_hour(options.registrations_per_hour)),
            resets: limit(Quota::per_hour(options.resets_per_hour)),
        }
    }

    pub const fn of(&self, purpose: Purpose) -> &Limit {
        match purpose {
            Purpose::Guess => &self.guesses,
            Purpose::Registration => &self.registrations,
            Purpose::ResetRequest => &self.resets,
        }
    }
}

/// One limit of each client.
pub struct Limit {
    quota: Quota,
    clock: Monotonic,
    log: Arc<LogLimit>,
    /// For clients that may be proxies.
    proxy_log: LogLimit,
    exempt: Arc<[IpNet]>,
    clients: Cache<Network, Arc<Remaining>>,
}

/// The remaining attempts of one client.
struct Remaining {
    limiter: RateLimiter<NotKeyed, InMemoryState, Monotonic, NoOpMiddleware<Nanos>>,
    /// Refunded attempts.
    refunded: AtomicU32,
}

impl Limit {
    fn new(
        quota: Quota,
        capacity: u64,
        exempt: Arc<[IpNet]>,
        clock: &Arc<dyn Clock>,
        log: Arc<LogLimit>,
    ) -> Self {
        let full_again = quota.replenish_interval() * quota.burst_size().get();
        Self {
            quota,
            clock: Monotonic(Arc::clone(clock)),
            log,
            proxy_log: LogLimit::new(1, Duration::from_hours(1)),
            exempt,
            // By the real clock: after this time an idle client has all its attempts again.
            clients: Cache::builder().max_capacity(capacity).time_to_idle(full_again * 2).build(),
        }
    }

    /// Takes one attempt of a client. A client without an address, or of an exempt network, has no limit.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if none is left.
    pub fn take(&self, client: Option<IpAddr>) -> Result<(), Throttled> {
        let Some(client) = client else { return Ok(()) };
        if self.exempt.iter().any(|network| network.contains(&client.to_canonical())) {
            return Ok(());
        }
        let remaining = self.clients.get_with(Network::of(client), || {
            let limiter = RateLimiter::direct_with_clock(self.quota, self.clock.clone());
            Arc::new(Remaining { limiter, refunded: AtomicU32::new(0) })
        });
        let one_less = |left: u32| left.checked_sub(1);
        if remaining.refunded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Ok(());
        }
        remaining.limiter.check().map_err(|not_until| {
            self.log_rejection(client);
            Throttled { retry_after: not_until.wait_time_from(self.clock.now()) }
        })
    }

    fn log_rejection(&self, client: IpAddr) {
        if let Some(suppressed) = self.log.admit() {
            tracing::info!(
                event = "throttled",
                by = "client",
                suppressed,
                "an attempt was rejected: too many by this client"
            );
        }
        // All visitors that come through an unlisted proxy are this client.
        if is_private(client) && self.proxy_log.admit().is_some() {
            tracing::warn!(
                client = %client,
                "the limit of a client with a private address is used up: if it is a proxy, add it to \
                 AUTH_TRUSTED_PROXIES; if many people share it, to AUTH_THROTTLE_EXEMPT"
            );
        }
    }

    /// Refunds an attempt.
    pub fn refund(&self, client: Option<IpAddr>) {
        if let Some(remaining) = client.and_then(|client| self.clients.get(&Network::of(client))) {
            let one_more = |left: u32| (left < self.quota.burst_size().get()).then_some(left + 1);
            // An error means that the maximum is reached already.
            let _ = remaining.refunded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        }
    }
}

/// The injected clock for `governor`.
#[derive(Clone)]
struct Monotonic(Arc<dyn Clock>);

impl GovernorClock for Monotonic {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::ManualClock;

    fn limits() -> (ClientLimits, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(OffsetDateTime::UNIX_EPOCH));
        let log = Arc::new(LogLimit::new(1, Duration::from_secs(1)));
        let exempt = vec!["198.51.100.0/24".parse().unwrap()];
        let options = ThrottleOptions { clients: 1000, exempt, ..ThrottleOptions::default() };
        (ClientLimits::new(&options, &(Arc::clone(&clock) as Arc<dyn Clock>), &log), clock)
    }

    fn taken(limit: &Limit, client: &str) -> usize {
        let client = Some(client.parse().unwrap());
        (0..1000).take_while(|_| limit.take(client).is_ok()).count()
    }

    /// asvs 2.1.3, 2.4.1
    #[test]
    fn each_client_has_its_burst_and_gets_more_with_time() {
        let (limits, clock) = limits();
        for (limit, burst, interval, more) in [
            (&limits.guesses, 40, Duration::from_mins(1), 20),
            (&limits.registrations, 5, Duration::from_hours(1), 5),
            (&limits.resets, 10, Duration::from_hours(1), 10),
        ] {
            assert_eq!(taken(limit, "192.0.2.1"), burst);
            assert_eq!(taken(limit, "192.0.2.2"), burst);
            clock.advance(interval);
            assert_eq!(taken(limit, "192.0.2.1"), more);
        }
    }

    #[test]
    fn a_client_of_an_exempt_network_has_no_limit() {
        let (limits, _) = limits();

        assert_eq!(taken(&limits.registrations, "198.51.100.7"), 1000);
        assert_eq!(taken(&limits.registrations, "::ffff:198.51.100.7"), 1000);
        assert_eq!(taken(&limits.registrations, "198.51.101.7"), 5);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let (limits, _) = limits();

        assert_eq!(taken(&limits.registrations, "2001:db8:0:1::1"), 5);
        assert_eq!(taken(&limits.registrations, "2001:db8:0:1:ffff::2"), 0);
        assert_eq!(taken(&limits.registrations, "2001:db8:0:2::1"), 5);
        assert_eq!(taken(&limits.registrations, "::ffff:192.0.2.1"), 5);
        assert_eq!(taken(&limits.registrations, "192.0.2.1"), 0);
    }

    #[test]
    fn a_rejected_client_is_admitted_after_the_reported_time() {
        let (limits, clock) = limits();
        let client = Some("192.0.2.1".parse().unwrap());
        taken(&limits.guesses, "192.0.2.1");

        let Throttled { retry_after } = limits.guesses.take(client).unwrap_err();
        assert_eq!(retry_after, Duration::from_secs(3));
        clock.advance(retry_after);

        assert!(limits.guesses.take(client).is_ok());
    }

    #[test]
    fn a_refunded_attempt_can_be_taken_again_and_no_more() {
        let (limits, _) = limits();
        let client = Some("192.0.2.1".parse().unwrap());
        for _ in 0..1000 {
            limits.guesses.take(client).unwrap();
            limits.guesses.refund(client);
        }

        assert_eq!(taken(&limits.guesses, "192.0.2.1"), 40);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_no_client_out() {
        let (limits, clock) = limits();
        assert_eq!(taken(&limits.guesses, "192.0.2.1"), 40);
        clock.set_back(Duration::from_hours(365 * 24));
        clock.advance(Duration::from_mins(1));

        assert_eq!(taken(&limits.guesses, "192.0.2.1"), 20);
    }
}
