//! Attempts to log in: how many may fail, and how long to wait then.

use time::{Duration, OffsetDateTime};

/// Attempts that may fail before anybody has to wait.
pub const FREE_FAILURES: u32 = 5;

/// The wait after the last free failure; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::SECOND;

/// The longest wait. With five free failures and doubling pauses that makes 62 guesses in a day (NIST SP 800-63B-4
/// section 3.2.2 allows 100 in a row).
pub const LONGEST_PAUSE: Duration = Duration::minutes(30);

/// How long failures count after the latest of them.
pub const FAILURES_COUNT_FOR: Duration = Duration::hours(24);

/// How long to wait after so many failures.
#[must_use]
pub fn pause_after(failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(FREE_FAILURES) else { return Duration::ZERO };
    // More doublings than these are longer than the longest by far.
    (FIRST_PAUSE * (1_i32 << doublings.min(20))).min(LONGEST_PAUSE)
}

/// The attempts that failed, or are under way, for one account or on one device.
///
/// An attempt is reserved before its password is hashed: it counts as failed from then on, so that of any number at once
/// no more get through than one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedAttempts {
    /// How many failed.
    pub failures: u32,
    /// First instant at which another one is taken.
    pub blocked_until: OffsetDateTime,
    /// When the latest began.
    pub latest_at: OffsetDateTime,
}

impl FailedAttempts {
    /// None so far.
    pub const NONE: Self = Self {
        failures: 0,
        blocked_until: OffsetDateTime::UNIX_EPOCH,
        latest_at: OffsetDateTime::UNIX_EPOCH,
    };

    /// The same, with instants in the future of `now` taken for `now`: the clock was ahead when they were stored.
    ///
    /// If that changes anything, the caller stores the result, even if the attempt is refused: otherwise the wait would
    /// begin anew each time.
    #[must_use]
    pub fn as_of(self, now: OffsetDateTime) -> Self {
        if self.latest_at <= now {
            return self;
        }
        let blocked_until = self.blocked_until.min(now.saturating_add(pause_after(self.failures)));
        Self { blocked_until, latest_at: now, ..self }
    }

    /// What is known of an account whose own row may have made room, by what was merged into the row that stands for it
    /// and others: at least as many failures as it had.
    #[must_use]
    pub fn merged(self, other: &Self) -> Self {
        Self {
            failures: self.failures.max(other.failures),
            blocked_until: self.blocked_until.max(other.blocked_until),
            latest_at: self.latest_at.max(other.latest_at),
        }
    }

    /// Takes one more try at `now`.
    ///
    /// # Errors
    ///
    /// How long to wait, if it is too early.
    pub fn reserve(self, now: OffsetDateTime) -> Result<Self, Duration> {
        let present = self.as_of(now);
        let counted = if present.is_forgotten(now) { Self::NONE } else { present };
        let wait = counted.blocked_until - now;
        if wait.is_positive() {
            return Err(wait);
        }
        let failures = counted.failures.saturating_add(1);
        Ok(Self { failures, blocked_until: now.saturating_add(pause_after(failures)), latest_at: now })
    }

    /// Gives an attempt back that was `reserved`, because it did not fail; others may have been taken since.
    #[must_use]
    pub fn refund(self, reserved: &Self) -> Self {
        let failures = self.failures.saturating_sub(1);
        let blocked_until = if self == *reserved {
            reserved.latest_at
        } else {
            // The wait of the latest is what it would have been without this one.
            self.blocked_until.min(self.latest_at.saturating_add(pause_after(failures)))
        };
        Self { failures, blocked_until, latest_at: self.latest_at }
    }

    /// Whether they no longer count at `now`.
    #[must_use]
    pub fn is_forgotten(&self, now: OffsetDateTime) -> bool {
        now >= self.latest_at.saturating_add(FAILURES_COUNT_FOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(seconds)
    }

    #[test]
    fn five_failures_are_free_and_pauses_double_up_to_half_an_hour() {
        let pauses: Vec<i64> = (0..100).map(|failures| pause_after(failures).whole_seconds()).collect();

        assert_eq!(pauses[..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(pauses[15..], [[1024].as_slice(), &[1800; 84]].concat());
        assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
    }

    /// asvs 6.1.1, 6.3.1: a client that attempts without pause.
    #[test]
    fn sixty_two_guesses_are_taken_in_a_day_and_fewer_in_each_that_follows() {
        let (mut attempts, mut days) = (FailedAttempts::NONE, [0; 3]);
        for second in 0..3 * 86_400 {
            if let Ok(reserved) = attempts.reserve(at(second)) {
                attempts = reserved;
                days[usize::try_from(second / 86_400).unwrap()] += 1;
            }
            // As many at once as are taken.
            while let Ok(reserved) = attempts.reserve(at(second)) {
                attempts = reserved;
                days[usize::try_from(second / 86_400).unwrap()] += 1;
            }
        }

        assert_eq!(days, [62, 48, 48]);
    }

    #[test]
    fn a_try_that_came_too_early_says_how_long_to_wait_and_changes_nothing() {
        let mut attempts = FailedAttempts::NONE;
        for _ in 0..FREE_FAILURES {
            attempts = attempts.reserve(at(0)).unwrap();
        }

        assert_eq!(attempts.reserve(at(0)), Err(Duration::SECOND));
        assert_eq!(attempts.reserve(at(0) + Duration::milliseconds(999)), Err(Duration::MILLISECOND));
        assert_eq!(attempts.reserve(at(1)).unwrap().failures, 6);
    }

    #[test]
    fn what_is_given_back_did_not_happen() {
        let mut attempts = FailedAttempts::NONE;
        for _ in 0..7 {
            attempts = attempts.reserve(attempts.blocked_until.max(at(0))).unwrap();
        }
        let now = attempts.blocked_until;
        let reserved = attempts.reserve(now).unwrap();

        let settled = reserved.refund(&reserved);

        assert_eq!(settled.failures, 7);
        assert!(settled.reserve(now).is_ok(), "no pause for a success");

        let other = reserved.reserve(reserved.blocked_until).unwrap();
        let settled = other.refund(&reserved);
        let alone = attempts.reserve(other.latest_at).unwrap();
        assert_eq!(settled, alone, "as if there had been the other one alone");
    }

    #[test]
    fn failures_are_forgotten_a_day_after_the_latest() {
        let attempts = FailedAttempts { failures: 40, blocked_until: at(1800), latest_at: at(0) };

        assert_eq!(attempts.reserve(at(86_399)).unwrap().failures, 41);
        assert_eq!(attempts.reserve(at(86_400)).unwrap().failures, 1);
    }

    /// A clock that was ahead for a moment, by seconds or by years.
    #[test]
    fn an_account_that_failed_in_the_future_waits_for_its_pause_and_no_longer() {
        for ahead in [1, 3600, 86_400 * 3650] {
            let mut attempts = FailedAttempts::NONE;
            for _ in 0..7 {
                attempts = attempts.reserve(attempts.blocked_until.max(at(ahead))).unwrap();
            }

            assert_eq!(attempts.reserve(at(0)), Err(pause_after(7)), "{ahead}");
            let stored = attempts.as_of(at(0));
            assert_eq!((stored.failures, stored.latest_at), (7, at(0)));
            assert!(stored.reserve(at(3)).is_err());
            assert_eq!(stored.reserve(at(4)).unwrap().failures, 8, "{ahead}");
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
