//! Stored hashes: read with bounds on what they may cost, written, made up.

use argon2::{
    Algorithm, Params, Version,
    password_hash::phc::{self, Output, Salt},
};
use auth_db::model::PasswordHash;
use bcrypt_lanes::{BcryptHash, Version as BcryptVersion};

use super::{bcrypt, class::Class, scheme::Recipe};

/// The most memory that a stored Argon2 hash may ask for, in KiB.
const MOST_MEMORY_KIB: u32 = 128 * 1024;
/// The most memory times passes that a stored Argon2 hash may ask for, in KiB.
const MOST_WORK_KIB: u64 = 512 * 1024;

/// A stored hash that we can check.
#[derive(Debug, Clone)]
pub enum Stored {
    Bcrypt(BcryptHash),
    Argon2id { params: Params, salt: Vec<u8>, digest: Vec<u8> },
}

impl Stored {
    /// Reads a stored hash; none if it is of another scheme, malformed, or would cost more than we allow.
    pub fn parse(hash: &PasswordHash) -> Option<Self> {
        let text = hash.expose();
        if text.starts_with("$argon2id$") {
            return Self::parse_argon2id(text);
        }
        bcrypt::parse(text).map(Self::Bcrypt)
    }

    fn parse_argon2id(text: &str) -> Option<Self> {
        let hash = phc::PasswordHash::new(text).ok()?;
        let version = Version::try_from(hash.version?).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        // Lanes would be computed one after the other; nobody we know of writes more than eight.
        let affordable = params.m_cost() <= MOST_MEMORY_KIB && work <= MOST_WORK_KIB && params.p_cost() <= 8;
        if version != Version::V0x13 || !affordable {
            return None;
        }
        let (salt, digest) = (hash.salt?.as_ref().to_vec(), hash.hash?.as_bytes().to_vec());
        Some(Self::Argon2id { params, salt, digest })
    }

    /// Puts a computed digest beside its salt.
    pub fn new(recipe: Recipe, salt: [u8; 16], digest: &[u8]) -> Option<Self> {
        match recipe {
            Recipe::Bcrypt { cost } => {
                let digest = digest.try_into().ok()?;
                BcryptHash::new(BcryptVersion::TwoB, cost, salt, digest).ok().map(Self::Bcrypt)
            }
            Recipe::Argon2id { memory_kib, passes } => {
                let params = Params::new(memory_kib, passes, 1, Some(digest.len())).ok()?;
                Some(Self::Argon2id { params, salt: salt.to_vec(), digest: digest.to_vec() })
            }
        }
    }

    /// Writes it as it is stored.
    pub fn format(&self) -> Option<PasswordHash> {
        let text = match self {
            Self::Bcrypt(bcrypt) => bcrypt.to_string(),
            Self::Argon2id { params, salt, digest } => phc::PasswordHash {
                algorithm: Algorithm::Argon2id.ident(),
                version: Some(Version::V0x13.into()),
                params: params.try_into().ok()?,
                salt: Some(Salt::new(salt).ok()?),
                hash: Some(Output::new(digest).ok()?),
            }
            .to_string(),
        };
        PasswordHash::parse(text).ok()
    }

    /// What it costs to check.
    pub fn class(&self) -> Class {
        match self {
            Self::Bcrypt(bcrypt) => Class::Bcrypt { cost: bcrypt.cost() },
            Self::Argon2id { params, .. } => {
                Class::Argon2id { memory_kib: params.m_cost(), passes: params.t_cost() }
            }
        }
    }

    /// Whether policy would make this hash today by this recipe.
    pub fn is_made_by(&self, recipe: Recipe) -> bool {
        match (self, recipe) {
            (Self::Bcrypt(stored), Recipe::Bcrypt { cost }) => {
                stored.version() == BcryptVersion::TwoB && stored.cost() == cost
            }
            (Self::Argon2id { params, digest, .. }, Recipe::Argon2id { memory_kib, passes }) => {
                let costs = (params.m_cost(), params.t_cost(), params.p_cost());
                costs == (memory_kib, passes, 1) && digest.len() == ARGON2ID_DIGEST
            }
            _ => false,
        }
    }
}

/// The length of an Argon2id digest that we write, in bytes.
pub const ARGON2ID_DIGEST: usize = 32;
