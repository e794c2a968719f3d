//! Random bytes, injected so that tests control them.

use auth_db::model::{SessionId, Token, TokenFormat};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// A source of unpredictable random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] if none are available. The content of `bytes` must then not be used.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The random number generator of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the adapter of the real generator")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(bytes).map_err(|_| EntropyError)
    }
}

/// No random bytes are available.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random bytes are available")]
pub struct EntropyError;

impl dyn Entropy + '_ {
    pub(crate) fn array<const N: usize>(&self) -> Result<[u8; N], EntropyError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn token<K>(&self, format: TokenFormat) -> Result<Token<K>, EntropyError> {
        let bits = Zeroizing::new(self.array()?);
        Ok(Token::random(*bits, format))
    }

    pub(crate) fn session_id(&self, now: OffsetDateTime) -> Result<SessionId, EntropyError> {
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
}
