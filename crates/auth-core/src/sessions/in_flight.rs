//! Revocations in flight.

use std::sync::atomic::{AtomicU32, Ordering};

use auth_db::model::UserId;

/// The number of counters. Users with the same remainder share one, which costs them a look-up at most.
const COUNTERS: usize = 1024;

/// Counts, by user, revocations that may be committed while their sessions are still in the cache.
///
/// Meanwhile the cache serves no session of these users. Otherwise a second revocation, which finds its sessions deleted and
/// reports that, could be followed by a check that still succeeds.
pub struct InFlightRevocations(Box<[AtomicU32; COUNTERS]>);

impl InFlightRevocations {
    pub fn new() -> Self {
        Self(Box::new([const { AtomicU32::new(0) }; COUNTERS]))
    }

    /// Begins a revocation, which lasts until the guard is dropped.
    pub fn begin(&self, user: UserId) -> RevocationGuard<'_> {
        let counter = self.counter(user);
        counter.fetch_add(1, Ordering::SeqCst);
        RevocationGuard(counter)
    }

    /// Whether a revocation may be in flight for a user.
    pub fn includes(&self, user: UserId) -> bool {
        self.counter(user).load(Ordering::SeqCst) > 0
    }

    fn counter(&self, user: UserId) -> &AtomicU32 {
        &self.0[usize::try_from(user.as_i64()).unwrap_or(0) % COUNTERS]
    }
}

/// A revocation in flight.
pub struct RevocationGuard<'a>(&'a AtomicU32);

impl Drop for RevocationGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
