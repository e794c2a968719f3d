//! A limit on the log lines that clients can cause.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Admits a number of lines in each period, and counts the suppressed ones.
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

    /// Admits a line, with the number of lines that were suppressed before it, if there were any. None suppresses this line.
    pub fn admit(&self) -> Option<Option<u64>> {
        self.admit_at(now())
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

/// Real time, because the log is read in real time.
#[expect(clippy::disallowed_methods, reason = "the log is read in real time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_counted_in_the_next_one() {
        let (limit, period) = (LogLimit::new(3, Duration::from_secs(10)), Duration::from_secs(10));
        let began = now();

        let first: Vec<_> = (0..5).map(|_| limit.admit_at(began)).collect();
        assert_eq!(first, [Some(None), Some(None), Some(None), None, None]);
        assert_eq!(limit.admit_at(began + period), Some(Some(2)));
        assert_eq!(limit.admit_at(began + period), Some(None));
    }
}
