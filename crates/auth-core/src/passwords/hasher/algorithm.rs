//! Password hashing algorithms: what a hash costs, what it may cost, and its computation.

use std::time::Duration;

use argon2::{Argon2, Block, Params};
use pbkdf2::{
    pbkdf2_hmac,
    sha2::{Sha256, Sha512},
};

/// The maximum memory of a stored Argon2 hash, in KiB.
const MAX_ARGON2_MEMORY_KIB: u32 = 128 * 1024;
/// The maximum memory times passes of a stored Argon2 hash, in KiB.
const MAX_ARGON2_WORK_KIB: u64 = 512 * 1024;
/// The maximum memory of a stored scrypt hash, in bytes.
const MAX_SCRYPT_MEMORY: u128 = 64 * 1024 * 1024;
/// The maximum memory times repetitions of a stored scrypt hash, in bytes.
const MAX_SCRYPT_WORK: u128 = 512 * 1024 * 1024;
/// The maximum rounds of a stored PBKDF2 hash.
const MAX_PBKDF2_ROUNDS: u32 = 2_000_000;
/// The maximum cost of a stored bcrypt hash.
const MAX_BCRYPT_COST: u32 = 14;
/// The maximum lanes or repetitions of a stored hash. They are computed one after the other; no known system uses more.
const MAX_PARALLELISM: u32 = 16;
/// The maximum length of a digest, in bytes.
const MAX_DIGEST: usize = 64;

/// An algorithm with its cost parameters.
///
/// Hashes of equal algorithms take equally long, and bcrypt hashes of equal cost can be computed side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Two to the power of `cost` key set-ups.
    Bcrypt { cost: u32 },
    /// `passes` over `memory_kib` KiB.
    Argon2 { variant: Argon2Variant, version: Argon2Version, memory_kib: u32, passes: u32, lanes: u32 },
    /// `p` times over 128 `r` bytes times two to the power of `log_n`.
    Scrypt { log_n: u8, r: u32, p: u32 },
    /// `rounds` consecutive hashes.
    Pbkdf2 { hash: Sha2, rounds: u32 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Argon2Variant {
    D,
    I,
    Id,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Argon2Version {
    V10,
    V13,
}

/// The hash function of PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sha2 {
    Sha256,
    Sha512,
}

impl Algorithm {
    /// Argon2id with the minimum parameters of the OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane. RFC 9106
    /// section 4 explains them.
    pub const ARGON2ID: Self = Self::Argon2 {
        variant: Argon2Variant::Id,
        version: Argon2Version::V13,
        memory_kib: 19 * 1024,
        passes: 2,
        lanes: 1,
    };

    /// Whether a stored hash may have this algorithm and a digest of this length.
    pub fn is_affordable(self, digest_length: usize) -> bool {
        let is_affordable = match self {
            Self::Bcrypt { cost } => cost <= MAX_BCRYPT_COST,
            Self::Argon2 { memory_kib, passes, lanes, .. } => {
                memory_kib <= MAX_ARGON2_MEMORY_KIB
                    && u64::from(memory_kib) * u64::from(passes) <= MAX_ARGON2_WORK_KIB
                    && lanes <= MAX_PARALLELISM
            }
            Self::Scrypt { log_n, r, p } => {
                let n = 1_u128.checked_shl(u32::from(log_n).min(64)).unwrap_or(u128::MAX);
                let memory = n.saturating_mul(128 * u128::from(r));
                memory <= MAX_SCRYPT_MEMORY
                    && memory.saturating_mul(u128::from(p)) <= MAX_SCRYPT_WORK
                    && p <= MAX_PARALLELISM
            }
            Self::Pbkdf2 { rounds, .. } => (1..=MAX_PBKDF2_ROUNDS).contains(&rounds),
        };
        is_affordable && (1..=MAX_DIGEST).contains(&digest_length)
    }

    /// The expected computing time before any hash was measured: that of a core of about 2020.
    pub fn estimate(self) -> Duration {
        match self {
            Self::Bcrypt { cost } => Duration::from_millis(250).mul_f64(2_f64.powi(exponent(cost) - 12)),
            Self::Argon2 { memory_kib, passes, .. } => {
                Duration::from_micros(u64::from(memory_kib) * u64::from(passes))
            }
            Self::Scrypt { log_n, r, p } => {
                let blocks = (u64::from(r) * u64::from(p)) << log_n.min(31);
                Duration::from_nanos(blocks.saturating_mul(400))
            }
            Self::Pbkdf2 { rounds, .. } => Duration::from_nanos(u64::from(rounds) * 300),
        }
    }

    /// A stable encoding, for digests. It must not change: decoys are chosen by it.
    pub fn encode(self) -> [u8; 24] {
        let (tag, numbers) = match self {
            Self::Bcrypt { cost } => ([1, 0, 0, 0], [cost, 0, 0, 0, 0]),
            Self::Argon2 { variant, version, memory_kib, passes, lanes } => {
                ([2, variant as u8, version as u8, 0], [memory_kib, passes, lanes, 0, 0])
            }
            Self::Scrypt { log_n, r, p } => ([3, log_n, 0, 0], [r, p, 0, 0, 0]),
            Self::Pbkdf2 { hash, rounds } => ([4, hash as u8, 0, 0], [rounds, 0, 0, 0, 0]),
        };
        let mut encoded = [0; 24];
        encoded[..4].copy_from_slice(&tag);
        for (place, number) in encoded[4..].chunks_exact_mut(4).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
        encoded
    }

    /// Computes a digest by any algorithm but bcrypt, which the engine computes. `block` is Argon2's memory, kept between
    /// hashes. None if the parameters are invalid.
    pub fn digest(
        self,
        password: &[u8],
        salt: &[u8],
        length: usize,
        block: &mut Vec<Block>,
    ) -> Option<Vec<u8>> {
        let mut digest = vec![0; length];
        match self {
            Self::Bcrypt { .. } => return None,
            Self::Argon2 { variant, version, .. } => {
                let params = self.argon2_params(length)?;
                let needed = params.block_count();
                if block.len() < needed {
                    block.resize(needed, Block::default());
                }
                Argon2::new(variant.into(), version.into(), params)
                    .hash_password_into_with_memory(password, salt, &mut digest, &mut block[..needed])
                    .ok()?;
            }
            Self::Scrypt { log_n, r, p } => {
                let params = scrypt::Params::new(log_n, r, p).ok()?;
                scrypt::scrypt(password, salt, &params, &mut digest).ok()?;
            }
            Self::Pbkdf2 { hash: Sha2::Sha256, rounds } => {
                pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut digest);
            }
            Self::Pbkdf2 { hash: Sha2::Sha512, rounds } => {
                pbkdf2_hmac::<Sha512>(password, salt, rounds, &mut digest);
            }
        }
        Some(digest)
    }

    /// The parameters of Argon2 for a digest of this length; none for another algorithm, or if they are invalid.
    pub fn argon2_params(self, digest_length: usize) -> Option<Params> {
        let Self::Argon2 { memory_kib, passes, lanes, .. } = self else { return None };
        Params::new(memory_kib, passes, lanes, Some(digest_length)).ok()
    }
}

impl From<Argon2Variant> for argon2::Algorithm {
    fn from(variant: Argon2Variant) -> Self {
        match variant {
            Argon2Variant::D => Self::Argon2d,
            Argon2Variant::I => Self::Argon2i,
            Argon2Variant::Id => Self::Argon2id,
        }
    }
}

impl From<Argon2Version> for argon2::Version {
    fn from(version: Argon2Version) -> Self {
        match version {
            Argon2Version::V10 => Self::V0x10,
            Argon2Version::V13 => Self::V0x13,
        }
    }
}

fn exponent(cost: u32) -> i32 {
    i32::try_from(cost).unwrap_or(31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unknown addresses keep their decoys only as long as this does not change.
    #[test]
    fn the_encoding_is_stable() {
        let hex = |algorithm: Algorithm| algorithm.encode().map(|byte| format!("{byte:02x}")).concat();

        assert_eq!(hex(Algorithm::Bcrypt { cost: 12 }), "010000000000000c00000000000000000000000000000000");
        assert_eq!(hex(Algorithm::ARGON2ID), "0202010000004c0000000002000000010000000000000000");
        assert_eq!(
            hex(Algorithm::Scrypt { log_n: 15, r: 8, p: 1 }),
            "030f00000000000800000001000000000000000000000000"
        );
        assert_eq!(
            hex(Algorithm::Pbkdf2 { hash: Sha2::Sha512, rounds: 600_000 }),
            "04010000000927c000000000000000000000000000000000"
        );
    }
}
