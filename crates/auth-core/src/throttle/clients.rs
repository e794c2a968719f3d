//! How often one client may try: in the memory of each node.

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

use super::{ThrottleOptions, Throttled};
use crate::{Clock, LogLimit};

/// The limits of each client, by what it tries.
pub struct Clients {
    /// Passwords and reset tokens that are wrong.
    pub guesses: Limit,
    pub registrations: Limit,
    pub resets: Limit,
}

impl Clients {
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
}

/// One limit, for each client by itself.
pub struct Limit {
    quota: Quota,
    clock: Monotonic,
    log: Arc<LogLimit>,
    /// For a client that may be a proxy.
    proxy_log: LogLimit,
    exempt: Arc<[IpNet]>,
    each: Cache<Network, Arc<One>>,
}

/// What one client has left.
struct One {
    limiter: RateLimiter<NotKeyed, InMemoryState, Monotonic, NoOpMiddleware<Nanos>>,
    /// Attempts that were refunded.
    given_back: AtomicU32,
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
            // By the real clock: a client that is forgotten has all its attempts again by then, and more is not lost.
            each: Cache::builder().max_capacity(capacity).time_to_idle(full_again * 2).build(),
        }
    }

    /// Takes one attempt of a client; one without an address, or that is exempt, has no limit.
    ///
    /// # Errors
    ///
    /// [`Throttled`] if there is none left.
    pub fn take(&self, client: Option<IpAddr>) -> Result<(), Throttled> {
        let Some(client) = client else { return Ok(()) };
        if self.exempt.iter().any(|network| network.contains(&client.to_canonical())) {
            return Ok(());
        }
        let one = self.each.get_with(Network::of(client), || {
            let limiter = RateLimiter::direct_with_clock(self.quota, self.clock.clone());
            Arc::new(One { limiter, given_back: AtomicU32::new(0) })
        });
        let one_less = |left: u32| left.checked_sub(1);
        if one.given_back.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Ok(());
        }
        one.limiter.check().map_err(|not_until| {
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
        // Through a proxy that is not known as one, all visitors are this client.
        if is_private(client) && self.proxy_log.admit().is_some() {
            tracing::warn!(
                client = %client,
                "the limit of a client with a private address is used up: if it is a proxy, add it to \
                 AUTH_TRUSTED_PROXIES; if many people share it, to AUTH_THROTTLE_EXEMPT"
            );
        }
    }

    /// Gives an attempt back that did not fail.
    pub fn give_back(&self, client: Option<IpAddr>) {
        if let Some(one) = client.and_then(|client| self.each.get(&Network::of(client))) {
            let one_more = |left: u32| (left < self.quota.burst_size().get()).then_some(left + 1);
            // As many as can ever be left are left: that is no failure.
            let _ = one.given_back.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        }
    }
}

/// What counts as one client: whoever has an IPv6 address has a network of 64 bits to choose it from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(u64, bool);

impl Network {
    /// What stands for it in a digest.
    pub fn to_bytes(self) -> [u8; 9] {
        let Self(bits, is_v6) = self;
        let mut bytes = [u8::from(is_v6); 9];
        bytes[..8].copy_from_slice(&bits.to_be_bytes());
        bytes
    }

    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits()), false),
            IpAddr::V6(address) => Self(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX), true),
        }
    }
}

/// Our clock, as `governor` asks for the time.
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

    fn limits() -> (Clients, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(OffsetDateTime::UNIX_EPOCH));
        let log = Arc::new(LogLimit::new(1, Duration::from_secs(1)));
        let exempt = vec!["198.51.100.0/24".parse().unwrap()];
        let options = ThrottleOptions { clients: 1000, exempt, ..ThrottleOptions::default() };
        (Clients::new(&options, &(Arc::clone(&clock) as Arc<dyn Clock>), &log), clock)
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
            (&limits.guesses, 40, time::Duration::minutes(1), 20),
            (&limits.registrations, 5, time::Duration::hours(1), 5),
            (&limits.resets, 10, time::Duration::hours(1), 10),
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
    fn who_comes_too_early_is_told_when_to_come_and_is_let_in_then() {
        let (limits, clock) = limits();
        let client = Some("192.0.2.1".parse().unwrap());
        taken(&limits.guesses, "192.0.2.1");

        let Throttled { retry_after } = limits.guesses.take(client).unwrap_err();
        assert_eq!(retry_after, Duration::from_secs(3));
        clock.advance(time::Duration::try_from(retry_after).unwrap());

        assert!(limits.guesses.take(client).is_ok());
    }

    #[test]
    fn what_is_given_back_can_be_taken_again_and_no_more_than_that() {
        let (limits, _) = limits();
        let client = Some("192.0.2.1".parse().unwrap());
        for _ in 0..1000 {
            limits.guesses.take(client).unwrap();
            limits.guesses.give_back(client);
        }

        assert_eq!(taken(&limits.guesses, "192.0.2.1"), 40);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (limits, clock) = limits();
        assert_eq!(taken(&limits.guesses, "192.0.2.1"), 40);
        clock.advance(time::Duration::days(-365));
        clock.advance(time::Duration::minutes(1));

        assert_eq!(taken(&limits.guesses, "192.0.2.1"), 20);
    }
}
