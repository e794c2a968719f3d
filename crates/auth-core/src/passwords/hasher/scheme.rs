//! Schemes for new hashes.

use super::{algorithm::Algorithm, bcrypt};

/// The scheme of new hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Bcrypt, `$2b$`. Passwords that it can't hash entirely (more than 71 bytes, or with a NUL) are hashed by Argon2id.
    Bcrypt {
        /// The logarithm of the number of key set-ups: 4 to 14, at least 10 outside of tests (OWASP Password Storage Cheat
        /// Sheet).
        cost: u32,
    },
    /// Argon2id with the minimum parameters of the OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane.
    Argon2id,
}

impl Scheme {
    /// The algorithm for ordinary passwords.
    pub(super) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Bcrypt { cost } => Algorithm::Bcrypt { cost },
            Self::Argon2id => Algorithm::ARGON2ID,
        }
    }

    /// The algorithm for this password. No password is ever cut off.
    pub(super) fn algorithm_for(self, password: &[u8]) -> Algorithm {
        if password.len() > bcrypt::LONGEST || password.contains(&0) {
            Algorithm::ARGON2ID
        } else {
            self.algorithm()
        }
    }
}
