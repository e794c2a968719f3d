//! Time and chance, handed in so that tests can decide both.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Instant,
};

use auth_db::model::{SessionId, Token, TokenFormat};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant, in UTC, to the microsecond: what a database keeps of it.
    fn now(&self) -> OffsetDateTime;

    /// How long it is since some moment of the past: never less than before, even if the clock is set back.
    fn elapsed(&self) -> std::time::Duration;
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one adapter to the real clock")]
    fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.replace_microsecond(now.microsecond()).unwrap_or(now)
    }

    fn elapsed(&self) -> std::time::Duration {
        static FIRST: OnceLock<Instant> = OnceLock::new();
        FIRST.get_or_init(Instant::now).elapsed()
    }
}

/// A clock that moves only when it is told to: for tests, here and in programs that use this crate.
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

    /// Moves the clock, backwards for a negative duration.
    pub fn advance(&self, by: Duration) {
        let mut moment = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        moment.now = moment.now.saturating_add(by);
        moment.elapsed = moment.elapsed.saturating_add(by.max(Duration::ZERO));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now
    }

    fn elapsed(&self) -> std::time::Duration {
        let elapsed = self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed;
        // It is never negative.
        elapsed.unsigned_abs()
    }
}

/// Gives random bytes that nobody can guess.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`EntropyFailed`] if there are none to be had; nothing is then made of what was filled.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailed>;
}

/// The generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the one adapter to the real generator")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyFailed> {
        getrandom::fill(bytes).map_err(|_| EntropyFailed)
    }
}

/// The generator of random bytes failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes to be had")]
pub struct EntropyFailed;

/// What is made of random bytes.
impl dyn Entropy {
    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], EntropyFailed> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn token<K>(&self, format: TokenFormat) -> Result<Token<K>, EntropyFailed> {
        let bits = Zeroizing::new(self.array()?);
        Ok(Token::random(*bits, format))
    }

    pub(crate) fn session_id(&self, now: OffsetDateTime) -> Result<SessionId, EntropyFailed> {
        let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Ok(SessionId::mint(millis, &self.array()?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use auth_db::model::SessionKind;

    use super::*;

    /// asvs 6.5.3, 6.5.4, 7.2.2, 7.2.3, 11.5.1: all 128 bits vary, and none repeats.
    #[test]
    fn tokens_are_unique_and_use_all_their_bits() {
        let entropy: &dyn Entropy = &SystemEntropy;
        let token = || entropy.token::<SessionKind>(TokenFormat::Opaque128).unwrap();
        let texts: Vec<_> = (0..100_000).map(|_| token().expose()).collect();

        let distinct: HashSet<&str> = texts.iter().map(|text| text.as_str()).collect();
        assert_eq!(distinct.len(), texts.len());
        for position in (0..36).filter(|position| ![8, 13, 18, 23].contains(position)) {
            let digits: HashSet<u8> = texts.iter().map(|text| text.as_bytes()[position]).collect();
            assert_eq!(digits.len(), 16, "position {position} is fixed");
        }
    }

    #[test]
    fn the_real_clock_has_whole_microseconds() {
        assert_eq!(SystemClock.now().nanosecond() % 1000, 0);
    }
}
