//! Stored hashes: parsed with bounds on their cost, formatted, and imitated by decoys.

use argon2::password_hash::phc::{self, Output, Salt};
use auth_db::model::PasswordHash;
use bcrypt_lanes::{BcryptHash, Version as BcryptVersion};

use super::{algorithm::Algorithm, bcrypt, imported};

/// The length of a new salt, in bytes.
pub const SALT: usize = 16;
/// The length of a bcrypt digest, in bytes.
const BCRYPT_DIGEST: usize = 23;
/// The length of a new Argon2id digest, in bytes.
const ARGON2ID_DIGEST: usize = 32;

/// A stored hash that can be verified.
#[derive(Debug, Clone)]
pub struct Stored {
    pub algorithm: Algorithm,
    pub prehash: Prehash,
    pub salt: Vec<u8>,
    pub digest: Vec<u8>,
}

/// What is done to a password before it is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prehash {
    Nothing,
    /// SHA-256 in hexadecimal, with which Django avoids bcrypt's limit of 72 bytes.
    Sha256Hex,
}

/// Algorithm and lengths of a stored hash: what a decoy of it has in common with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    pub algorithm: Algorithm,
    pub prehash: Prehash,
    salt_length: usize,
    digest_length: usize,
}

impl Stored {
    /// Parses a stored hash. None if its algorithm is unsupported, it is malformed, or it would cost too much.
    pub fn parse(hash: &PasswordHash) -> Option<Self> {
        let text = hash.expose();
        bcrypt::parse(text)
            .map(|hash| Self::of_bcrypt(&hash, Prehash::Nothing))
            .or_else(|| imported::parse(text))
    }

    /// A hash that another system made. None if it would cost too much.
    pub fn imported(algorithm: Algorithm, salt: Vec<u8>, digest: Vec<u8>) -> Option<Self> {
        let stored = Self { algorithm, prehash: Prehash::Nothing, salt, digest };
        algorithm.is_affordable(stored.digest.len()).then_some(stored)
    }

    pub fn of_bcrypt(hash: &BcryptHash, prehash: Prehash) -> Self {
        let algorithm = Algorithm::Bcrypt { cost: hash.cost() };
        Self { algorithm, prehash, salt: hash.salt().to_vec(), digest: hash.digest().to_vec() }
    }

    /// Formats it for the database. None unless it is a hash that this program makes.
    pub fn format(&self) -> Option<PasswordHash> {
        let text = match (self.algorithm, self.prehash) {
            (Algorithm::Bcrypt { cost }, Prehash::Nothing) => {
                let (salt, digest) =
                    (self.salt.as_slice().try_into().ok()?, self.digest.as_slice().try_into().ok()?);
                BcryptHash::new(BcryptVersion::TwoB, cost, salt, digest).ok()?.to_string()
            }
            (Algorithm::Argon2 { variant, version, .. }, Prehash::Nothing) => phc::PasswordHash {
                algorithm: argon2::Algorithm::from(variant).ident(),
                version: Some(argon2::Version::from(version).into()),
                params: (&self.algorithm.argon2_params(self.digest.len())?).try_into().ok()?,
                salt: Some(Salt::new(&self.salt).ok()?),
                hash: Some(Output::new(&self.digest).ok()?),
            }
            .to_string(),
            _ => return None,
        };
        PasswordHash::parse(text).ok()
    }

    pub fn shape(&self) -> Shape {
        let (salt_length, digest_length) = (self.salt.len(), self.digest.len());
        Shape { algorithm: self.algorithm, prehash: self.prehash, salt_length, digest_length }
    }
}

impl Shape {
    /// The shape of a new hash of this algorithm.
    pub const fn of_new(algorithm: Algorithm) -> Self {
        let digest_length = match algorithm {
            Algorithm::Bcrypt { .. } => BCRYPT_DIGEST,
            _ => ARGON2ID_DIGEST,
        };
        Self { algorithm, prehash: Prehash::Nothing, salt_length: SALT, digest_length }
    }

    /// A hash of this shape whose salt and digest `fill` makes.
    pub fn fill<E>(self, fill: impl Fn(&mut [u8]) -> Result<(), E>) -> Result<Stored, E> {
        let (mut salt, mut digest) = (vec![0; self.salt_length], vec![0; self.digest_length]);
        fill(&mut salt)?;
        fill(&mut digest)?;
        Ok(Stored { algorithm: self.algorithm, prehash: self.prehash, salt, digest })
    }

    /// A stable encoding, for digests. It must not change: decoys are chosen by it.
    pub fn encode(self) -> Vec<u8> {
        let length = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let mut encoded = self.algorithm.encode().to_vec();
        encoded.push(self.prehash as u8);
        encoded.extend(length(self.salt_length));
        encoded.extend(length(self.digest_length));
        encoded
    }
}
