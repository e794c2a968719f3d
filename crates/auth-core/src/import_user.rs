//! Importing: a user of another system, with the hash that it left behind.

use auth_db::model::{Email, PasswordHash, User};

use crate::{Auth, Unavailable, hasher::can_verify};

/// Why a user was not imported. Nothing is stored then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Somebody has the address, in this or another spelling.
    #[error("User {email} already exists")]
    AlreadyExists {
        /// The address, as it was given.
        email: Email,
    },
    /// The hash is of a scheme that is not verified, malformed, or asks for more than is allowed: nobody
    /// could ever log in with it.
    #[error("the password hash is not one that can be verified, or asks for too much")]
    UnsupportedHash,
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// Takes over a user of another system, who goes on logging in with the password that its hash was made
    /// of; the first login replaces the hash by one of today's policy.
    ///
    /// Verified are bcrypt (`$2a$`, `$2b$`, `$2y$`), Argon2, scrypt and PBKDF2 in PHC strings, Werkzeug's
    /// (`scrypt:…`, `pbkdf2:sha256:…`) and Django's (`pbkdf2_sha256$…`, `argon2$…`, `bcrypt_sha256$…`,
    /// `scrypt$…`), within bounds on what they may cost.
    ///
    /// # Errors
    ///
    /// [`ImportError`].
    #[tracing::instrument(level = "debug", name = "core.import_user", skip_all)]
    pub async fn import_user(&self, email: Email, hash: PasswordHash) -> Result<User, ImportError> {
        if !can_verify(&hash) {
            return Err(ImportError::UnsupportedHash);
        }
        match self.add_user(&email, &hash).await? {
            Some(user) => {
                self.parts().decoys.count(&hash);
                tracing::info!(event = "user.imported", user_id = %user.id, "a user was imported");
                Ok(user)
            }
            None => Err(ImportError::AlreadyExists { email }),
        }
    }
}
