//! Deleting a user.

use auth_db::{model::UserId, users};

use crate::{Auth, Unavailable, sessions::Ended};

impl Auth {
    /// Deletes a user with all that hangs on the account; answers whether there was one.
    ///
    /// The sessions end at once, and the id is never given to anybody else.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.delete_user", skip_all, fields(user_id = %user))]
    pub async fn delete_user(&self, user: UserId) -> Result<bool, Unavailable> {
        let auth = self.clone();
        let delete = async move {
            let write = auth.parts().db.write(async |tx| {
                users::lock(&tx, user).await?;
                let ended = Ended::all_of(&tx, user).await?;
                Ok((users::delete_user(&tx, user).await?, ended))
            });
            write.await
        };
        let deleted = self.parts().sessions.ending(Some(user), delete).await?;
        if deleted {
            tracing::info!(event = "user.deleted", user_id = %user, "a user was deleted");
        }
        Ok(deleted)
    }
}
