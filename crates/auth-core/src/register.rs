//! Registering: an address that nobody has, and a password.

use auth_db::{
    Conflict, DbError,
    model::{Client, Email, InvalidPassword, NewPassword, PasswordHash, User},
    users,
};

use crate::{Auth, Requester, Throttled, Unavailable};

/// What somebody sends to get an account.
#[derive(Debug)]
pub struct Registration {
    /// Which address.
    pub email: Email,
    /// Which password.
    pub password: NewPassword,
    /// Who asks.
    pub client: Client,
}

/// Why a registration did not happen.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Somebody has the address, in this or another spelling.
    #[error("User {email} already exists")]
    AlreadyExists {
        /// The address, as it was given.
        email: Email,
    },
    /// The password is too easily guessed, by itself or with this address.
    #[error("the password {0}")]
    InvalidPassword(#[from] InvalidPassword),
    /// This client registered too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// What any use case can meet.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Auth {
    /// Registers a user who asks for it: [`register_user`](Auth::register_user), as often as one client may.
    ///
    /// A password that is refused costs no attempt, and neither does a fault of ours.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]; nothing is stored then.
    pub async fn register(&self, registration: Registration) -> Result<User, RegisterError> {
        let Registration { email, password, client } = registration;
        self.parts().denylist.admit(&password, &email)?;
        let limit = self.parts().throttle.as_ref().map(|throttle| &throttle.clients.registrations);
        limit.map_or(Ok(()), |limit| limit.take(client.address))?;
        let registered =
            self.register_admitted(email, &password, Requester::of_address(client.address)).await;
        if matches!(registered, Err(RegisterError::Unavailable(_))) {
            limit.inspect(|limit| limit.give_back(client.address));
        }
        registered
    }

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
        self.parts().denylist.admit(&password, &email)?;
        self.register_admitted(email, &password, Requester::default()).await
    }

    pub(crate) async fn register_admitted(
        &self,
        email: Email,
        password: &NewPassword,
        requester: Requester,
    ) -> Result<User, RegisterError> {
        let mut slot = self.parts().hasher.admit(requester).map_err(Unavailable::from)?;
        let hash = slot.hash(password).await.map_err(Unavailable::from)?;
        drop(slot);

        match self.add_user(&email, &hash).await? {
            Some(user) => {
                tracing::info!(event = "user.registered", user_id = %user.id, "a user registered");
                Ok(user)
            }
            None => Err(RegisterError::AlreadyExists { email }),
        }
    }

    /// Stores a new user; none if the address is taken.
    pub(crate) async fn add_user(
        &self,
        email: &Email,
        hash: &PasswordHash,
    ) -> Result<Option<User>, Unavailable> {
        let now = self.now();
        let add =
            self.parts().db.write(async |tx| users::add_user(&tx, email.clone(), hash.clone(), now).await);
        match add.await {
            Ok(user) => Ok(Some(user)),
            Err(DbError::Conflict(Conflict::Email)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
