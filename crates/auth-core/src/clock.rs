//! The time, injected so that tests control it.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use auth_db::model::instant;
use time::OffsetDateTime;

/// A clock.
pub trait Clock: Send + Sync {
    /// The present instant in UTC, to the microsecond, which is the precision of the database.
    fn now(&self) -> OffsetDateTime;

    /// The time since some fixed moment. It never decreases, even if the clock is set back.
    fn elapsed(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the adapter of the real clock")]
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.replace_microsecond(now.microsecond()).unwrap_or(now)
    }

    #[expect(clippy::disallowed_methods, reason = "the adapter of the real clock")]
    fn elapsed(&self) -> Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        FIRST.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that a test moves.
#[derive(Debug)]
pub struct ManualClock(Mutex<Moment>);

#[derive(Debug)]
struct Moment {
    now: OffsetDateTime,
    elapsed: Duration,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub const fn at(start: OffsetDateTime) -> Self {
        Self(Mutex::new(Moment { now: start, elapsed: Duration::ZERO }))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let mut moment = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moment.now = instant::after(moment.now, by);
        moment.elapsed = moment.elapsed.saturating_add(by);
    }

    /// Sets the clock back. The elapsed time is unchanged.
    pub fn set_back(&self, by: Duration) {
        let mut moment = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moment.now = instant::before(moment.now, by);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn elapsed(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_clock_has_whole_microseconds() {
        assert_eq!(SystemClock.now().nanosecond() % 1000, 0);
    }
}
