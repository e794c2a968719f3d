//! Importing users of another system, with their password hashes.

use auth_db::model::{Email, PasswordHash, User};

use crate::{Auth, ServiceError, passwords::hasher::supports};

/// Why a user was not imported. Nothing is stored.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The address has an account, in this or another spelling.
    #[error("User {email} already exists")]
    AlreadyExists {
        /// The address, as it was given.
        email: Email,
    },
    /// The scheme of the hash is unsupported, or the hash is malformed or too costly.
    #[error("the password hash is not one that can be verified, or it is too costly")]
    UnsupportedHash,
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Auth {
    /// Imports a user of another system, who keeps the password of the hash. The first login replaces the hash by one of the
    /// current scheme.
    ///
    /// Supported are bcrypt (`$2a$`, `$2b$`, `$2y$`); Argon2, scrypt and PBKDF2 as PHC strings; the formats of Werkzeug
    /// (`scrypt:…`, `pbkdf2:sha256:…`) and Django (`pbkdf2_sha256$…`, `argon2$…`, `bcrypt_sha256$…`, `scrypt$…`). Their cost
    /// is bounded.
    ///
    /// # Errors
    ///
    /// [`ImportError`].
    #[tracing::instrument(level = "debug", name = "core.import_user", skip_all)]
    pub async fn import_user(&self, email: Email, hash: PasswordHash) -> Result<User, ImportError> {
        if !supports(&hash) {
            return Err(ImportError::UnsupportedHash);
        }
        match self.insert_user(&email, &hash).await? {
            Some(user) => {
                self.parts().decoys.count(&hash);
                tracing::info!(event = "user.imported", user_id = %user.id, "a user was imported");
                Ok(user)
            }
            None => Err(ImportError::AlreadyExists { email }),
        }
    }
}
