//! Argon2, scrypt and PBKDF2: one password after the other, with bounds on what a stored hash may ask for.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use pbkdf2::{
    pbkdf2_hmac,
    sha2::{Sha256, Sha512},
};

use super::class::Class;

/// The most memory that a stored Argon2 hash may ask for, in KiB.
const ARGON2_MEMORY_KIB: u32 = 128 * 1024;
/// The most memory times passes that a stored Argon2 hash may ask for, in KiB.
const ARGON2_WORK_KIB: u64 = 512 * 1024;
/// The most memory that a stored scrypt hash may ask for, in bytes.
const SCRYPT_MEMORY: u128 = 64 * 1024 * 1024;
/// The most memory times repetitions that a stored scrypt hash may ask for, in bytes.
const SCRYPT_WORK: u128 = 512 * 1024 * 1024;
/// The most rounds that a stored PBKDF2 hash may ask for.
const PBKDF2_ROUNDS: u32 = 2_000_000;
/// The most lanes or repetitions that a stored hash may ask for: they are computed one after the other, and
/// nobody we know of writes more.
const PARALLELISM: u32 = 16;
/// The longest digest that is compared, in bytes.
const LONGEST_DIGEST: usize = 64;

/// A computation that makes a digest of a password, within the bounds.
#[derive(Debug, Clone)]
pub enum Kdf {
    Argon2 { algorithm: Algorithm, version: Version, params: Params, salt: Vec<u8> },
    Scrypt { log_n: u8, r: u32, p: u32, salt: Vec<u8> },
    Pbkdf2 { hash: Sha2, rounds: u32, salt: Vec<u8> },
}

/// Which hash PBKDF2 is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sha2 {
    Sha256,
    Sha512,
}

impl Kdf {
    /// The computation, if a stored hash may ask for it, and for a digest of this length.
    pub fn within_bounds(self, digest_length: usize) -> Option<Self> {
        let affordable = match &self {
            Self::Argon2 { params, .. } => {
                let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
                params.m_cost() <= ARGON2_MEMORY_KIB
                    && work <= ARGON2_WORK_KIB
                    && params.p_cost() <= PARALLELISM
            }
            Self::Scrypt { log_n, r, p, .. } => {
                let memory = 128 * u128::from(*r) * 1_u128.checked_shl(u32::from(*log_n).min(64))?;
                let work = memory * u128::from(*p);
                memory <= SCRYPT_MEMORY && work <= SCRYPT_WORK && *p <= PARALLELISM
            }
            Self::Pbkdf2 { rounds, .. } => (1..=PBKDF2_ROUNDS).contains(rounds),
        };
        (affordable && (1..=LONGEST_DIGEST).contains(&digest_length)).then_some(self)
    }

    /// The salt, to be replaced by another of the same length.
    pub fn salt_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Argon2 { salt, .. } | Self::Scrypt { salt, .. } | Self::Pbkdf2 { salt, .. } => salt,
        }
    }

    /// What it costs.
    pub fn class(&self) -> Class {
        match self {
            Self::Argon2 { params, .. } => {
                Class::Argon2 { memory_kib: params.m_cost(), passes: params.t_cost() }
            }
            Self::Scrypt { log_n, r, p, .. } => Class::Scrypt { log_n: *log_n, r: *r, p: *p },
            Self::Pbkdf2 { hash, rounds, .. } => Class::Pbkdf2 { hash: *hash, rounds: *rounds },
        }
    }

    /// Computes a digest. `block` is Argon2's memory, kept between hashes.
    pub fn digest(&self, password: &[u8], length: usize, block: &mut Vec<Block>) -> Option<Vec<u8>> {
        let mut digest = vec![0; length];
        match self {
            Self::Argon2 { algorithm, version, params, salt } => {
                let needed = params.block_count();
                if block.len() < needed {
                    block.resize(needed, Block::default());
                }
                Argon2::new(*algorithm, *version, params.clone())
                    .hash_password_into_with_memory(password, salt, &mut digest, &mut block[..needed])
                    .ok()?;
            }
            Self::Scrypt { log_n, r, p, salt } => {
                let params = scrypt::Params::new(*log_n, *r, *p).ok()?;
                scrypt::scrypt(password, salt, &params, &mut digest).ok()?;
            }
            Self::Pbkdf2 { hash: Sha2::Sha256, rounds, salt } => {
                pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut digest);
            }
            Self::Pbkdf2 { hash: Sha2::Sha512, rounds, salt } => {
                pbkdf2_hmac::<Sha512>(password, salt, *rounds, &mut digest);
            }
        }
        Some(digest)
    }
}
