//! Registering: an address that nobody has, and a password.

use auth_db::{
    Conflict, DbError,
    model::{Email, NewPassword, User},
    users,
};

use crate::{Auth, Unavailable};

/// Why a registration did not happen.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Somebody has the address, in this or another spelling.
    #[error("User {email} already exists")]
    AlreadyExists {
        /// The address, as it was given.
        email: Email,
    },
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// Registers a user.
    ///
    /// Nobody looks first whether the address is free: the database's unique index decides, so that of any
    /// number of registrations at once one succeeds. The password is hashed in any case.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]; nothing is stored then.
    #[tracing::instrument(level = "debug", name = "core.register_user", skip_all)]
    pub async fn register_user(&self, email: Email, password: NewPassword) -> Result<User, RegisterError> {
        let parts = self.parts();
        let mut slot = parts.hasher.admit().map_err(Unavailable::from)?;
        let hash = slot.hash(&password).await.map_err(Unavailable::from)?;
        drop(slot);

        let now = self.now();
        let added =
            parts.db.write(async |tx| users::add_user(&tx, email.clone(), hash.clone(), now).await).await;
        match added {
            Ok(user) => {
                tracing::info!(user_id = %user.id, "a user registered");
                Ok(user)
            }
            Err(DbError::Conflict(Conflict::Email)) => Err(RegisterError::AlreadyExists { email }),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }
}
