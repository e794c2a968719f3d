//! What was let in may do: verify a password, and hash one.

use std::{fmt, sync::Arc};

use auth_db::model::{NewPassword, Password, PasswordHash};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    Shared,
    job::{Job, Task},
    queue::Reservation,
    scheme::Recipe,
    stored::{ARGON2ID_DIGEST, Prehash, Stored},
};
use crate::EntropyFailed;

/// Whether a password is the one that a hash was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It is.
    Match {
        /// Whether policy would make another hash of it today.
        outdated: bool,
    },
    /// It is not, or the hash is one that we do not check.
    Mismatch,
}

/// A hash could not be computed: a fault of ours, and no verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashFailed {
    /// The computation failed, or its thread did.
    #[error("a password hash could not be computed")]
    Computation,
    /// There was no salt to be had.
    #[error(transparent)]
    Entropy(#[from] EntropyFailed),
}

/// The right to hash within the budget, for one login, registration or reset. Dropping it makes room.
#[must_use]
pub struct Slot {
    shared: Arc<Shared>,
    reservation: Reservation,
}

impl Slot {
    pub(super) fn new(shared: Arc<Shared>, reservation: Reservation) -> Self {
        Self { shared, reservation }
    }

    /// Whether `candidate` is the password that `hash` was made of.
    ///
    /// Bcrypt compares the first 72 bytes of a candidate without NUL: other libraries cut longer passwords
    /// when they hashed, and hashes of ours hold the terminator, so nothing is weakened. A candidate that
    /// can't match (a NUL in it) is hashed all the same. One that was not typed in normal form is tried both
    /// ways, because others hash passwords as typed. A hash of an unknown scheme, or of a cost out of
    /// bounds, is a mismatch at the price of a decoy.
    ///
    /// # Errors
    ///
    /// [`HashFailed`] if there is no verdict.
    pub async fn verify(&mut self, candidate: &Password, hash: &PasswordHash) -> Result<Verdict, HashFailed> {
        let Some(stored) = Stored::parse(hash) else {
            tracing::warn!("a stored password hash is malformed, of an unknown scheme or too costly");
            return self.verify_decoy(candidate).await;
        };
        let password = bytes(&candidate.normalized());
        let typed = as_typed(candidate);
        let hashes = 1 + u32::from(typed.is_some());
        if self.matches(&password, &stored, hashes).await? {
            let outdated = !stored.is_made_by(Recipe::of(self.shared.scheme, &password));
            return Ok(Verdict::Match { outdated });
        }
        // Whoever made the hash may not have normalised: then the password is tried as typed, and the hash
        // that takes its place is one of the normalised form.
        match typed {
            Some(typed) if self.matches(&typed, &stored, 1).await? => Ok(Verdict::Match { outdated: true }),
            _ => Ok(Verdict::Mismatch),
        }
    }

    /// Does what [`Slot::verify`] does where there is no hash: takes as long, and never matches.
    ///
    /// # Errors
    ///
    /// [`HashFailed`] if there is no verdict.
    pub async fn verify_decoy(&mut self, candidate: &Password) -> Result<Verdict, HashFailed> {
        let recipe = Recipe::standard(self.shared.scheme);
        let like = Stored::new(recipe, [0; 16], &vec![0; digest_length(recipe)]);
        self.verify_decoy_like(candidate, &like.ok_or(HashFailed::Computation)?).await
    }

    /// The same with a decoy of the scheme, cost and lengths of another hash.
    pub(crate) async fn verify_decoy_like(
        &mut self,
        candidate: &Password,
        like: &Stored,
    ) -> Result<Verdict, HashFailed> {
        let decoy = like.like(|bytes| self.shared.entropy.fill(bytes))?;
        let typed = as_typed(candidate);
        let hashes = 1 + u32::from(typed.is_some());
        // The digest is made of chance and never computed: that it matches has no meaning.
        let _ = self.matches(&bytes(&candidate.normalized()), &decoy, hashes).await?;
        if let Some(typed) = typed {
            let _ = self.matches(&typed, &decoy, 1).await?;
        }
        Ok(Verdict::Mismatch)
    }

    /// The hash of a new password, as policy makes it today.
    ///
    /// # Errors
    ///
    /// [`HashFailed`].
    pub async fn hash(&mut self, password: &NewPassword) -> Result<PasswordHash, HashFailed> {
        self.rehash(password.as_password()).await
    }

    /// The hash of a password that is known to be right, as policy makes it today: its length and
    /// strength are not judged again.
    ///
    /// # Errors
    ///
    /// [`HashFailed`].
    pub async fn rehash(&mut self, password: &Password) -> Result<PasswordHash, HashFailed> {
        let password = bytes(&password.normalized());
        let recipe = Recipe::of(self.shared.scheme, &password);
        let salt: [u8; 16] = self.shared.entropy.array()?;
        let blank =
            Stored::new(recipe, salt, &vec![0; digest_length(recipe)]).ok_or(HashFailed::Computation)?;
        let digest = self.digest(password, &blank, 1).await?;
        Stored::new(recipe, salt, &digest).and_then(|stored| stored.format()).ok_or(HashFailed::Computation)
    }

    /// Whether the digest of a password is the stored one; the first of so many `hashes`.
    ///
    /// Bcrypt begins a password anew at a NUL, so that others would match: one with a NUL is hashed as any
    /// other, and never matches.
    async fn matches(
        &mut self,
        password: &Zeroizing<Vec<u8>>,
        stored: &Stored,
        hashes: u32,
    ) -> Result<bool, HashFailed> {
        let (password, can_match) = match stored {
            Stored::Bcrypt { prehash: Prehash::Nothing, .. } => (password.clone(), !password.contains(&0)),
            Stored::Bcrypt { prehash: Prehash::Sha256Hex, .. } => (sha256_hex(password), true),
            Stored::Computed { .. } => (password.clone(), true),
        };
        let computed = self.digest(password, stored, hashes).await?;
        Ok(bool::from(computed.ct_eq(stored.digest())) && can_match)
    }

    /// Computes a password's digest with the salt and the costs of `like`, on a hashing thread: the first of
    /// so many `hashes` of that kind.
    async fn digest(
        &mut self,
        password: Zeroizing<Vec<u8>>,
        like: &Stored,
        hashes: u32,
    ) -> Result<Vec<u8>, HashFailed> {
        let class = like.class();
        self.reservation.adjust(class, hashes);
        let task = match like {
            Stored::Bcrypt { hash, .. } => Task::Bcrypt { cost: hash.cost(), salt: *hash.salt() },
            Stored::Computed { kdf, digest } => Task::Computed { kdf: kdf.clone(), length: digest.len() },
        };
        let (job, digest) = Job::new(self.reservation.requester(), class, task, password);
        self.shared.queue.push(job);
        digest.await.map_err(|_| HashFailed::Computation)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot(..)")
    }
}

fn digest_length(recipe: Recipe) -> usize {
    match recipe {
        Recipe::Bcrypt { .. } => 23,
        Recipe::Argon2id { .. } => ARGON2ID_DIGEST,
    }
}

fn bytes(password: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(password.as_bytes().to_vec())
}

/// A candidate as it was typed, if that is not its normalised form.
fn as_typed(candidate: &Password) -> Option<Zeroizing<Vec<u8>>> {
    (candidate.as_typed() != candidate.normalized().as_str()).then(|| bytes(candidate.as_typed()))
}

fn sha256_hex(password: &[u8]) -> Zeroizing<Vec<u8>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(password)));
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Zeroizing::new(digits.map(|digit| DIGITS[usize::from(digit)]).collect())
}
