//! Random keys that all processes on a database share.

use auth_db::{Conflict, DbError, server_keys};

use crate::{Auth, Unavailable};

/// A random key that all processes on a database share.
pub type ServerKey = [u8; server_keys::LENGTH];

impl Auth {
    /// The key of this name; it is made at its first use.
    pub(crate) async fn server_key(&self, name: &str) -> Result<ServerKey, Unavailable> {
        let fresh = self.parts().entropy.array()?;
        match self.find_or_put_key(name, fresh).await {
            // Another process brought one at this moment.
            Err(DbError::Conflict(Conflict::ServerKey)) => Ok(self.find_or_put_key(name, fresh).await?),
            key => Ok(key?),
        }
    }

    async fn find_or_put_key(&self, name: &str, fresh: ServerKey) -> Result<ServerKey, DbError> {
        let now = self.now();
        self.parts().db.write(async |tx| server_keys::find_or_put(&tx, name, fresh, now).await).await
    }
}
