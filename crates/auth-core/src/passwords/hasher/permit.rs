//! The permit to hash, and what it is used for: verifying and hashing passwords.

use std::{fmt, sync::Arc};

use auth_db::model::{NewPassword, Password, PasswordHash};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Inner,
    job::{Input, Job},
    queue::Admission,
    stored::{Prehash, SALT, Shape, Stored},
};
use crate::EntropyError;

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// The password is right.
    Match {
        /// Whether the current scheme would make a different hash.
        outdated: bool,
    },
    /// The password is wrong, or the hash can't be verified.
    Mismatch,
}

/// A hash could not be computed, so there is no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The computation failed, or its thread panicked.
    #[error("a password hash could not be computed")]
    Computation,
    /// No random bytes were available for a salt.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// The permit to hash the passwords of one login, registration or reset within the time budget. Dropping it frees its share
/// of the budget.
#[must_use]
pub struct HashPermit {
    hasher: Arc<Inner>,
    admission: Admission,
}

impl HashPermit {
    pub(super) const fn new(hasher: Arc<Inner>, admission: Admission) -> Self {
        Self { hasher, admission }
    }

    /// Verifies `candidate` against a stored hash.
    ///
    /// Bcrypt compares the first 72 bytes of a candidate without NUL: other libraries truncate longer passwords when they
    /// hash, and new hashes include the terminator, so this weakens nothing. A candidate that can't match (with a NUL) is
    /// hashed all the same. A candidate that is not in Unicode normal form is tried in both forms, because other systems
    /// hash passwords as typed. A hash that can't be verified is a mismatch, at the cost of a decoy.
    ///
    /// # Errors
    ///
    /// [`HashError`] if there is no verdict.
    pub async fn verify(&mut self, candidate: &Password, hash: &PasswordHash) -> Result<Verdict, HashError> {
        let Some(stored) = Stored::parse(hash) else {
            tracing::warn!("a stored password hash is malformed, of an unknown scheme or too costly");
            return self.verify_decoy(candidate, None).await;
        };
        let password = bytes(&candidate.normalized());
        let typed = as_typed(candidate);
        let hashes = 1 + u32::from(typed.is_some());
        if self.matches(&password, &stored, hashes).await? {
            let algorithm = self.hasher.scheme.algorithm_for(&password);
            let is_current = stored.algorithm == algorithm
                && stored.format().is_some_and(|formatted| formatted.expose() == hash.expose());
            return Ok(Verdict::Match { outdated: !is_current });
        }
        // Another system may have hashed the password without normalizing it. The new hash is of the normal form.
        match typed {
            Some(typed) if self.matches(&typed, &stored, 1).await? => Ok(Verdict::Match { outdated: true }),
            _ => Ok(Verdict::Mismatch),
        }
    }

    /// Does the work of [`HashPermit::verify`] without a stored hash: it takes as long, and never matches. The decoy has the
    /// given shape, or that of a new hash.
    ///
    /// # Errors
    ///
    /// [`HashError`] as in [`HashPermit::verify`].
    pub async fn verify_decoy(
        &mut self,
        candidate: &Password,
        shape: Option<Shape>,
    ) -> Result<Verdict, HashError> {
        let shape = shape.unwrap_or_else(|| Shape::of_new(self.hasher.scheme.algorithm()));
        let decoy = shape.fill(|bytes| self.hasher.entropy.fill(bytes))?;
        let typed = as_typed(candidate);
        let hashes = 1 + u32::from(typed.is_some());
        // The digest of a decoy is random, so the results have no meaning.
        let _ = self.matches(&bytes(&candidate.normalized()), &decoy, hashes).await?;
        if let Some(typed) = typed {
            let _ = self.matches(&typed, &decoy, 1).await?;
        }
        Ok(Verdict::Mismatch)
    }

    /// Hashes a new password with the current scheme.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub async fn hash(&mut self, password: &NewPassword) -> Result<PasswordHash, HashError> {
        self.rehash(password.as_password()).await
    }

    /// Hashes a verified password with the current scheme. The policy for new passwords does not apply.
    ///
    /// # Errors
    ///
    /// [`HashError`].
    pub async fn rehash(&mut self, password: &Password) -> Result<PasswordHash, HashError> {
        let password = bytes(&password.normalized());
        let algorithm = self.hasher.scheme.algorithm_for(&password);
        let salt: [u8; SALT] = self.hasher.entropy.array()?;
        let Ok(mut stored) = Shape::of_new(algorithm).fill(|_| Ok::<_, std::convert::Infallible>(()));
        stored.salt = salt.to_vec();
        stored.digest = self.digest(password, &stored, 1).await?;
        stored.format().ok_or(HashError::Computation)
    }

    /// Whether the digest of a password equals the stored one. This is the first of `hashes` computations.
    ///
    /// Bcrypt repeats a password up to a NUL, so that different passwords would match. A password with a NUL is hashed as
    /// any other, and never matches.
    async fn matches(
        &mut self,
        password: &Zeroizing<Vec<u8>>,
        stored: &Stored,
        hashes: u32,
    ) -> Result<bool, HashError> {
        let (password, can_match) = match (stored.algorithm, stored.prehash) {
            (_, Prehash::Sha256Hex) => (sha256_hex(password), true),
            (super::algorithm::Algorithm::Bcrypt { .. }, Prehash::Nothing) => {
                (password.clone(), !password.contains(&0))
            }
            (_, Prehash::Nothing) => (password.clone(), true),
        };
        let computed = self.digest(password, stored, hashes).await?;
        Ok(bool::from(computed.ct_eq(&stored.digest)) && can_match)
    }

    /// Computes the digest of a password with the algorithm and salt of `stored`, on a hashing thread. This is the first of
    /// `hashes` computations.
    async fn digest(
        &mut self,
        password: Zeroizing<Vec<u8>>,
        stored: &Stored,
        hashes: u32,
    ) -> Result<Vec<u8>, HashError> {
        let Stored { algorithm, ref salt, ref digest, .. } = *stored;
        self.admission.adjust(algorithm, hashes);
        let input = Input { algorithm, password, salt: salt.clone(), length: digest.len() };
        let (job, digest) = Job::new(self.admission.requester(), input);
        self.hasher.queue.push(job);
        digest.await.map_err(|_| HashError::Computation)
    }
}

impl fmt::Debug for HashPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashPermit(..)")
    }
}

fn bytes(password: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.as_bytes().to_vec())
}

/// A candidate as typed, if that differs from its normal form.
fn as_typed(candidate: &Password) -> Option<Zeroizing<Vec<u8>>> {
    (candidate.as_typed() != candidate.normalized().as_str()).then(|| bytes(candidate.as_typed()))
}

fn sha256_hex(password: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(password)));
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Zeroizing::new(digits.map(|digit| DIGITS[usize::from(digit)]).collect())
}
