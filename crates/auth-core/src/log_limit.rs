//! A bound on the lines of the log that clients can cause.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Admits a number of lines in each period, and counts those that it leaves out.
#[derive(Debug)]
pub struct LogLimit {
    lines: u32,
    period: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    began: Option<Instant>,
    admitted: u32,
    suppressed: u64,
}

impl LogLimit {
    /// At most `lines` in each `period`.
    #[must_use]
    pub fn new(lines: u32, period: Duration) -> Self {
        Self { lines, period, state: Mutex::default() }
    }

    /// Whether a line is to be written: then, how many were left out since the last one, if there were any. None if this
    /// one is left out.
    pub fn admit(&self) -> Option<Option<u64>> {
        self.admit_at(Instant::now())
    }

    #[expect(clippy::option_option, reason = "as above")]
    fn admit_at(&self, now: Instant) -> Option<Option<u64>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.began.is_none_or(|began| now.saturating_duration_since(began) >= self.period) {
            (state.began, state.admitted) = (Some(now), 0);
        }
        if state.admitted == self.lines {
            state.suppressed += 1;
            return None;
        }
        state.admitted += 1;
        let suppressed = std::mem::take(&mut state.suppressed);
        Some((suppressed > 0).then_some(suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_counted_in_the_next_one() {
        let (limit, period) = (LogLimit::new(3, Duration::from_secs(10)), Duration::from_secs(10));
        let began = Instant::now();

        let first: Vec<_> = (0..5).map(|_| limit.admit_at(began)).collect();
        assert_eq!(first, [Some(None), Some(None), Some(None), None, None]);
        assert_eq!(limit.admit_at(began + period), Some(Some(2)));
        assert_eq!(limit.admit_at(began + period), Some(None));
    }
}
