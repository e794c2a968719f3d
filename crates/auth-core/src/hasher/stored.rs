//! Stored hashes: read with bounds on what they may cost, written, made up.

use argon2::{
    Algorithm, Params, Version,
    password_hash::phc::{self, Output, Salt},
};
use auth_db::model::PasswordHash;
use bcrypt_lanes::{BcryptHash, Version as BcryptVersion};

use super::{bcrypt, class::Class, foreign, kdf::Kdf, scheme::Recipe};

/// The length of an Argon2id digest that we write, in bytes.
pub const ARGON2ID_DIGEST: usize = 32;

/// A stored hash that we can check.
#[derive(Debug, Clone)]
pub enum Stored {
    Bcrypt { hash: BcryptHash, prehash: Prehash },
    Computed { kdf: Kdf, digest: Vec<u8> },
}

/// What was done to a password before it was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prehash {
    Nothing,
    /// Django's way around bcrypt's 72 bytes: SHA-256, in hexadecimal.
    Sha256Hex,
}

impl Stored {
    /// Reads a stored hash; none if it is of another scheme, malformed, or would cost more than we allow.
    pub fn parse(hash: &PasswordHash) -> Option<Self> {
        let text = hash.expose();
        bcrypt::parse(text)
            .map(|hash| Self::Bcrypt { hash, prehash: Prehash::Nothing })
            .or_else(|| foreign::parse(text))
    }

    /// A digest that was computed within the bounds.
    pub fn computed(kdf: Kdf, digest: Vec<u8>) -> Option<Self> {
        let kdf = kdf.within_bounds(digest.len())?;
        Some(Self::Computed { kdf, digest })
    }

    /// Puts a computed digest beside its salt.
    pub fn new(recipe: Recipe, salt: [u8; 16], digest: &[u8]) -> Option<Self> {
        match recipe {
            Recipe::Bcrypt { cost } => {
                let hash = BcryptHash::new(BcryptVersion::TwoB, cost, salt, digest.try_into().ok()?).ok()?;
                Some(Self::Bcrypt { hash, prehash: Prehash::Nothing })
            }
            Recipe::Argon2id { memory_kib, passes } => {
                let params = Params::new(memory_kib, passes, 1, Some(digest.len())).ok()?;
                let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
                let kdf = Kdf::Argon2 { algorithm, version, params, salt: salt.to_vec() };
                Some(Self::Computed { kdf, digest: digest.to_vec() })
            }
        }
    }

    /// Writes it as it is stored; only what we make can be written.
    pub fn format(&self) -> Option<PasswordHash> {
        let text = match self {
            Self::Bcrypt { hash, prehash: Prehash::Nothing } => hash.to_string(),
            Self::Computed { kdf: Kdf::Argon2 { algorithm, version, params, salt }, digest } => {
                phc::PasswordHash {
                    algorithm: algorithm.ident(),
                    version: Some((*version).into()),
                    params: params.try_into().ok()?,
                    salt: Some(Salt::new(salt).ok()?),
                    hash: Some(Output::new(digest).ok()?),
                }
                .to_string()
            }
            Self::Bcrypt { .. } | Self::Computed { .. } => return None,
        };
        PasswordHash::parse(text).ok()
    }

    /// One of the same scheme, cost and lengths, with a salt and a digest that `fill` makes.
    pub fn like<E>(&self, fill: impl Fn(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        match self {
            Self::Bcrypt { hash, prehash } => {
                let (mut salt, mut digest) = ([0; 16], [0; 23]);
                fill(&mut salt)?;
                fill(&mut digest)?;
                let made = BcryptHash::new(hash.version(), hash.cost(), salt, digest);
                Ok(Self::Bcrypt { hash: made.unwrap_or(*hash), prehash: *prehash })
            }
            Self::Computed { kdf, digest } => {
                let (mut kdf, mut digest) = (kdf.clone(), digest.clone());
                fill(kdf.salt_mut())?;
                fill(&mut digest)?;
                Ok(Self::Computed { kdf, digest })
            }
        }
    }

    /// What it costs to check.
    pub fn class(&self) -> Class {
        match self {
            Self::Bcrypt { hash, .. } => Class::Bcrypt { cost: hash.cost() },
            Self::Computed { kdf, .. } => kdf.class(),
        }
    }

    /// What is compared, in constant time.
    pub fn digest(&self) -> &[u8] {
        match self {
            Self::Bcrypt { hash, .. } => hash.digest(),
            Self::Computed { digest, .. } => digest,
        }
    }

    /// Whether policy would make this hash today by this recipe.
    pub fn is_made_by(&self, recipe: Recipe) -> bool {
        match (self, recipe) {
            (Self::Bcrypt { hash, prehash: Prehash::Nothing }, Recipe::Bcrypt { cost }) => {
                hash.version() == BcryptVersion::TwoB && hash.cost() == cost
            }
            (
                Self::Computed { kdf: Kdf::Argon2 { algorithm, version, params, .. }, digest },
                Recipe::Argon2id { memory_kib, passes },
            ) => {
                let costs = (params.m_cost(), params.t_cost(), params.p_cost());
                (*algorithm, *version) == (Algorithm::Argon2id, Version::V0x13)
                    && costs == (memory_kib, passes, 1)
                    && digest.len() == ARGON2ID_DIGEST
            }
            _ => false,
        }
    }
}
