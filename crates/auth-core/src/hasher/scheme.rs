//! Which scheme makes the hash of which password.

use super::{bcrypt, class::Class};

/// What makes new hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Bcrypt, `$2b$`. What it can't hash faithfully (over 71 bytes, or a NUL) is hashed by Argon2id.
    Bcrypt {
        /// Two to the power of this many key set-ups: 4 to 14, at least 10 outside of tests (OWASP).
        cost: u32,
    },
    /// Argon2id with the least that the OWASP Password Storage Cheat Sheet accepts: 19 MiB, 2 passes,
    /// 1 lane.
    Argon2id,
}

/// How one hash is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    Bcrypt { cost: u32 },
    Argon2id { memory_kib: u32, passes: u32 },
}

/// OWASP Password Storage Cheat Sheet; RFC 9106 section 4 for what the parameters mean.
const ARGON2ID: Recipe = Recipe::Argon2id { memory_kib: 19 * 1024, passes: 2 };

impl Recipe {
    /// What the scheme does with an ordinary password.
    pub const fn standard(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Bcrypt { cost } => Self::Bcrypt { cost },
            Scheme::Argon2id => ARGON2ID,
        }
    }

    /// What policy makes of this password today. Nothing is ever cut off.
    pub fn of(scheme: Scheme, password: &[u8]) -> Self {
        if password.len() > bcrypt::LONGEST || password.contains(&0) {
            ARGON2ID
        } else {
            Self::standard(scheme)
        }
    }

    /// What it costs.
    pub const fn class(self) -> Class {
        match self {
            Self::Bcrypt { cost } => Class::Bcrypt { cost },
            Self::Argon2id { memory_kib, passes } => Class::Argon2 { memory_kib, passes },
        }
    }
}
