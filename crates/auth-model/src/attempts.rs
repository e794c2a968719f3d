//! Failed attempts at a password, and the delay that they cause.

use std::time::Duration;

use time::OffsetDateTime;

use crate::instant;

/// Failed attempts that cause no delay.
pub const FREE_FAILURES: u32 = 5;

/// The delay after the first failure that is not free. Each further failure doubles it.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The maximum delay. With five free failures and doubling delays an attacker has 62 guesses a day (NIST SP 800-63B-4
/// section 3.2.2 allows 100 consecutive ones).
pub const MAX_DELAY: Duration = Duration::from_mins(30);

/// The time after the latest failure at which all failures are forgotten.
pub const FAILURE_LIFETIME: Duration = Duration::from_hours(24);

/// The delay after a number of failures.
#[must_use]
pub fn delay_after(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(FREE_FAILURES) else { return Duration::ZERO };
    // More doublings than these exceed the maximum by far.
    (FIRST_DELAY * (1 << doublings.min(20))).min(MAX_DELAY)
}

/// The failed attempts at one account or on one device, including those in flight.
///
/// An attempt is counted as failed before its password is hashed. Concurrent attempts therefore get no more guesses than
/// consecutive ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempts {
    /// The number of failures.
    pub failures: u32,
    /// The first instant at which another attempt is admitted.
    pub blocked_until: OffsetDateTime,
    /// The instant at which the latest attempt began.
    pub latest_at: OffsetDateTime,
}

impl FailedAttempts {
    /// No failed attempts.
    pub const NONE: Self = Self {
        failures: 0,
        blocked_until: OffsetDateTime::UNIX_EPOCH,
        latest_at: OffsetDateTime::UNIX_EPOCH,
    };

    /// The same attempts, with instants in the future of `now` replaced by `now`: the clock was ahead when they were
    /// stored.
    ///
    /// The caller stores a changed result even if the attempt is rejected. Otherwise the delay would begin again each
    /// time.
    #[must_use]
    pub fn as_of(self, now: OffsetDateTime) -> Self {
        if self.latest_at <= now {
            return self;
        }
        let blocked_until = self.blocked_until.min(instant::after(now, delay_after(self.failures)));
        Self { blocked_until, latest_at: now, ..self }
    }

    /// The attempts of two accounts that share one row: at least as many failures, and at least as long a delay, as each
    /// of them has.
    #[must_use]
    pub fn merged(self, other: &Self) -> Self {
        Self {
            failures: self.failures.max(other.failures),
            blocked_until: self.blocked_until.max(other.blocked_until),
            latest_at: self.latest_at.max(other.latest_at),
        }
    }

    /// Admits one more attempt at `now`, counted as failed.
    ///
    /// # Errors
    ///
    /// The time until the next attempt is admitted.
    pub fn admit(self, now: OffsetDateTime) -> Result<Self, Duration> {
        let current = self.as_of(now);
        let counted = if current.is_expired(now) { Self::NONE } else { current };
        if let Some(wait) = instant::elapsed(now, counted.blocked_until).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        let failures = counted.failures.saturating_add(1);
        Ok(Self { failures, blocked_until: instant::after(now, delay_after(failures)), latest_at: now })
    }

    /// Refunds an attempt that did not fail. `admitted` is the result of its [`admit`](Self::admit); other attempts may
    /// have been admitted since.
    #[must_use]
    pub fn refund(self, admitted: &Self) -> Self {
        let failures = self.failures.saturating_sub(1);
        let blocked_until = if self == *admitted {
            admitted.latest_at
        } else {
            // The delay of the latest attempt is what it would have been without this one.
            self.blocked_until.min(instant::after(self.latest_at, delay_after(failures)))
        };
        Self { failures, blocked_until, latest_at: self.latest_at }
    }

    /// Whether the failures are forgotten at `now`.
    #[must_use]
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        now >= instant::after(self.latest_at, FAILURE_LIFETIME)
    }
}

#[cfg(test)]
mod tests {
    use time::Duration as Signed;

    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Signed::days(20_000) + Signed::seconds(seconds)
    }

    #[test]
    fn five_failures_are_free_and_delays_double_up_to_half_an_hour() {
        let delays: Vec<u64> = (0..100).map(|failures| delay_after(failures).as_secs()).collect();

        assert_eq!(delays[..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(delays[15..], [[1024].as_slice(), &[1800; 84]].concat());
        assert_eq!(delay_after(u32::MAX), MAX_DELAY);
    }

    /// asvs 6.1.1, 6.3.1: a client that guesses continuously.
    #[test]
    fn sixty_two_guesses_are_admitted_on_the_first_day_and_fewer_on_later_ones() {
        let (mut attempts, mut days) = (FailedAttempts::NONE, [0; 3]);
        for second in 0..3 * 86_400 {
            if let Ok(admitted) = attempts.admit(at(second)) {
                attempts = admitted;
                days[usize::try_from(second / 86_400).unwrap()] += 1;
            }
            // As many concurrent ones as are admitted.
            while let Ok(admitted) = attempts.admit(at(second)) {
                attempts = admitted;
                days[usize::try_from(second / 86_400).unwrap()] += 1;
            }
        }

        assert_eq!(days, [62, 48, 48]);
    }

    #[test]
    fn an_attempt_that_is_too_early_is_rejected_with_the_remaining_delay() {
        let mut attempts = FailedAttempts::NONE;
        for _ in 0..FREE_FAILURES {
            attempts = attempts.admit(at(0)).unwrap();
        }

        assert_eq!(attempts.admit(at(0)), Err(Duration::from_secs(1)));
        assert_eq!(attempts.admit(at(0) + Duration::from_millis(999)), Err(Duration::from_millis(1)));
        assert_eq!(attempts.admit(at(1)).unwrap().failures, 6);
    }

    #[test]
    fn a_refund_undoes_the_attempt() {
        let mut attempts = FailedAttempts::NONE;
        for _ in 0..7 {
            attempts = attempts.admit(attempts.blocked_until.max(at(0))).unwrap();
        }
        let now = attempts.blocked_until;
        let admitted = attempts.admit(now).unwrap();

        let settled = admitted.refund(&admitted);

        assert_eq!(settled.failures, 7);
        assert!(settled.admit(now).is_ok(), "no delay after a success");

        let other = admitted.admit(admitted.blocked_until).unwrap();
        let settled = other.refund(&admitted);
        let alone = attempts.admit(other.latest_at).unwrap();
        assert_eq!(settled, alone, "as if there had been the other one alone");
    }

    #[test]
    fn failures_are_forgotten_a_day_after_the_latest() {
        let attempts = FailedAttempts { failures: 40, blocked_until: at(1800), latest_at: at(0) };

        assert_eq!(attempts.admit(at(86_399)).unwrap().failures, 41);
        assert_eq!(attempts.admit(at(86_400)).unwrap().failures, 1);
    }

    /// A clock that was ahead for a moment, by seconds or by years.
    #[test]
    fn failures_in_the_future_delay_an_account_no_longer_than_usual() {
        for ahead in [1, 3600, 86_400 * 3650] {
            let mut attempts = FailedAttempts::NONE;
            for _ in 0..7 {
                attempts = attempts.admit(attempts.blocked_until.max(at(ahead))).unwrap();
            }

            assert_eq!(attempts.admit(at(0)), Err(delay_after(7)), "{ahead}");
            let stored = attempts.as_of(at(0));
            assert_eq!((stored.failures, stored.latest_at), (7, at(0)));
            assert!(stored.admit(at(3)).is_err());
            assert_eq!(stored.admit(at(4)).unwrap().failures, 8, "{ahead}");
        }
        let past = FailedAttempts { failures: 6, blocked_until: at(2), latest_at: at(0) };
        assert_eq!(past.as_of(at(1)), past);
    }

    #[test]
    fn merging_forgets_no_failure() {
        let one = FailedAttempts { failures: 3, blocked_until: at(9), latest_at: at(5) };
        let other = FailedAttempts { failures: 7, blocked_until: at(2), latest_at: at(6) };

        let merged = FailedAttempts { failures: 7, blocked_until: at(9), latest_at: at(6) };
        assert_eq!((one.merged(&other), other.merged(&one)), (merged, merged));
    }
}
