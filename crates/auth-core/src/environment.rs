//! What every engine depends on.

use std::sync::Arc;

use auth_db::{Conflict, Database, DbError, server_keys};
use time::OffsetDateTime;

use crate::{Clock, Entropy, ServiceError};

/// A random key that all nodes share.
pub type ServerKey = [u8; server_keys::LENGTH];

/// The database, the clock and the source of random bytes. Cheap to clone.
#[derive(Clone)]
pub struct Environment {
    pub db: Database,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Environment {
    /// The present instant.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The key of this name, which all nodes share. It is created at its first use.
    pub async fn server_key(&self, name: &str) -> Result<ServerKey, ServiceError> {
        let (new, now) = (self.entropy.array()?, self.now());
        let find_or_insert =
            || self.db.write(async |tx| server_keys::find_or_insert(&tx, name, new, now).await);
        match find_or_insert().await {
            // Another node created the key at the same time.
            Err(DbError::Conflict(Conflict::ServerKey)) => Ok(find_or_insert().await?),
            key => Ok(key?),
        }
    }
}
