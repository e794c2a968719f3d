//! What a job costs: jobs of one class take equally long, and can be computed side by side.

use std::time::Duration;

use super::kdf::Sha2;

/// Scheme and cost of a computation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Two to the power of `cost` key set-ups.
    Bcrypt { cost: u32 },
    /// `passes` over `memory_kib` KiB.
    Argon2 { memory_kib: u32, passes: u32 },
    /// `p` times over 128 `r` bytes times two to the power of `log_n`.
    Scrypt { log_n: u8, r: u32, p: u32 },
    /// So many hashes, one after the other.
    Pbkdf2 { hash: Sha2, rounds: u32 },
}

impl Class {
    /// How long one takes, before any was measured: what a core of 2020 or so needs.
    pub fn guess(self) -> Duration {
        match self {
            Self::Bcrypt { cost } => Duration::from_millis(250).mul_f64(2_f64.powi(exponent(cost) - 12)),
            Self::Argon2 { memory_kib, passes } => {
                Duration::from_micros(u64::from(memory_kib) * u64::from(passes))
            }
            Self::Scrypt { log_n, r, p } => {
                let blocks = (u64::from(r) * u64::from(p)) << log_n.min(31);
                Duration::from_nanos(blocks.saturating_mul(400))
            }
            Self::Pbkdf2 { rounds, .. } => Duration::from_nanos(u64::from(rounds) * 300),
        }
    }
}

fn exponent(cost: u32) -> i32 {
    i32::try_from(cost).unwrap_or(31)
}
