//! The speed of the hashing threads: the measured ratio of CPU time to elapsed time.

use std::time::{Duration, Instant};

/// The time constant with which measurements lose their weight. A starved pool is back at full speed about a second after
/// other programs end, and a batch that takes a second replaces most of the earlier measurements.
const TIME_CONSTANT: Duration = Duration::from_millis(500);

/// The minimum assumed speed: a thread that was stopped for a minute must recover.
const MIN_SPEED: f64 = 0.01;

/// The share of a core that a hashing thread gets, by recent measurements: 1 on an idle machine, 0.5 beside one busy
/// program on each core.
#[derive(Debug, Default)]
pub struct Pace {
    latest: Option<(Instant, f64)>,
}

impl Pace {
    /// The speed at `now`: without measurements it returns to 1.
    pub fn speed(&self, now: Instant) -> f64 {
        let Some((at, speed)) = self.latest else { return 1.0 };
        1.0 - (1.0 - speed) * weight_after(now.saturating_duration_since(at))
    }

    /// Records that a batch had `computed` CPU time in the `elapsed` time up to `now`.
    pub fn measured(&mut self, computed: Duration, elapsed: Duration, now: Instant) {
        if elapsed.is_zero() {
            return;
        }
        let measured = (computed.as_secs_f64() / elapsed.as_secs_f64()).clamp(MIN_SPEED, 1.0);
        let began = now.checked_sub(elapsed).unwrap_or(now);
        let kept = weight_after(elapsed);
        self.latest = Some((now, self.speed(began) * kept + measured * (1.0 - kept)));
    }
}

/// The speed of a batch that has been running for `elapsed` and needs `expected` CPU time. It is `usual` until the batch
/// takes longer than expected, and then lower.
pub fn speed_of_running(expected: Duration, elapsed: Duration, usual: f64) -> f64 {
    if elapsed.is_zero() {
        return usual;
    }
    usual.min((expected.as_secs_f64() / elapsed.as_secs_f64()).max(MIN_SPEED))
}

/// The weight of a measurement after some time.
fn weight_after(time: Duration) -> f64 {
    (-time.as_secs_f64() / TIME_CONSTANT.as_secs_f64()).exp()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests use real instants")]
mod tests {
    use super::*;

    const BATCH: Duration = Duration::from_millis(400);

    #[test]
    fn a_pool_that_shares_its_cores_is_measured_within_two_batches() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..2 {
            now += BATCH * 5;
            pace.measured(BATCH, BATCH * 5, now);
        }

        assert!((0.19..0.22).contains(&pace.speed(now)), "{}", pace.speed(now));
    }

    /// Twelve seconds of starvation must not make an idle machine reject logins.
    #[test]
    fn a_starved_pool_is_back_at_full_speed_a_second_after_the_load_has_ended() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..6 {
            now += Duration::from_secs(2);
            pace.measured(Duration::from_millis(20), Duration::from_secs(2), now);
        }
        assert!(pace.speed(now) < 0.05);

        assert!(pace.speed(now + Duration::from_secs(1)) > 0.8, "while nothing is hashed");
        for _ in 0..4 {
            now += BATCH;
            pace.measured(BATCH, BATCH, now);
        }
        assert!(pace.speed(now) > 0.9, "and while hashes are computed: {}", pace.speed(now));
    }

    #[test]
    fn a_batch_that_takes_longer_than_it_should_is_slow_before_it_ends() {
        assert!((speed_of_running(BATCH, BATCH / 2, 0.8) - 0.8).abs() < 1e-9);
        assert!((speed_of_running(BATCH, BATCH * 4, 0.8) - 0.25).abs() < 1e-9);
        assert!(speed_of_running(BATCH, Duration::from_hours(1), 1.0) >= MIN_SPEED);
    }
}
