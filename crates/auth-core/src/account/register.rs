//! Registering an account.

use auth_db::{
    Conflict, DbError,
    model::{Email, InvalidPassword, NewPassword, PasswordHash, User},
    users,
};

use crate::{
    AttemptError, Auth, RequestContext, ServiceError,
    passwords::Requester,
    throttle::{Purpose, Subject, Throttled},
};

/// Why an account was not registered. Nothing is stored.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The address has an account, in this or another spelling.
    #[error("User {email} already exists")]
    AlreadyExists {
        /// The address, as it was given.
        email: Email,
    },
    /// The password is too easily guessed.
    #[error("the password {0}")]
    InvalidPassword(#[from] InvalidPassword),
    /// The client registered too often.
    #[error(transparent)]
    Throttled(#[from] Throttled),
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<AttemptError> for RegisterError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Throttled(throttled) => throttled.into(),
            AttemptError::Service(cause) => cause.into(),
        }
    }
}

impl Auth {
    /// Registers an account on behalf of a client, within the client's limit.
    ///
    /// Neither a rejected password nor a failure of the service counts towards the limit.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    pub async fn register(
        &self,
        email: Email,
        password: NewPassword,
        context: &RequestContext,
    ) -> Result<User, RegisterError> {
        let parts = self.parts();
        parts.denylist.check(&password, &email)?;
        let attempt = parts.throttle.begin(Subject::client(context), Purpose::Registration).await?;
        let requester = Requester::of_address(context.client.address);
        let registered = self.add_account(email, &password, requester).await;
        if let Err(RegisterError::Service(_)) = registered {
            attempt.cancel();
        }
        registered
    }

    /// Creates an account on behalf of the program, without limits.
    ///
    /// The unique index of the database decides whether the address is free, so of concurrent calls one succeeds. The
    /// password is hashed in any case.
    ///
    /// # Errors
    ///
    /// [`RegisterError`].
    #[tracing::instrument(level = "debug", name = "core.create_user", skip_all)]
    pub async fn create_user(&self, email: Email, password: NewPassword) -> Result<User, RegisterError> {
        self.parts().denylist.check(&password, &email)?;
        self.add_account(email, &password, Requester::default()).await
    }

    /// Hashes an acceptable password and stores the account.
    pub(crate) async fn add_account(
        &self,
        email: Email,
        password: &NewPassword,
        requester: Requester,
    ) -> Result<User, RegisterError> {
        let mut permit = self.parts().hasher.acquire(requester).map_err(ServiceError::from)?;
        let hash = permit.hash(password).await.map_err(ServiceError::from)?;
        drop(permit);

        match self.insert_user(&email, &hash).await? {
            Some(user) => {
                tracing::info!(event = "user.registered", user_id = %user.id, "a user registered");
                Ok(user)
            }
            None => Err(RegisterError::AlreadyExists { email }),
        }
    }

    /// Stores a new user; none if the address is taken.
    pub(crate) async fn insert_user(
        &self,
        email: &Email,
        hash: &PasswordHash,
    ) -> Result<Option<User>, ServiceError> {
        let now = self.now();
        let add = async |tx| users::add_user(&tx, email.clone(), hash.clone(), now).await;
        match self.parts().env.db.write(add).await {
            Ok(user) => Ok(Some(user)),
            Err(DbError::Conflict(Conflict::Email)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
