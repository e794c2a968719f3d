//! Deleting one's own account.

use auth_db::{model::Password, users};

use super::confirm::{ConfirmError, Confirmation, Confirmed};
use crate::{Auth, CurrentUser, Unavailable, basis::Basis, sessions::Ended};

impl Auth {
    /// Deletes a user's own account with all that hangs on it, if it is the right password.
    ///
    /// # Errors
    ///
    /// [`ConfirmError`]; nothing is deleted then. [`ConfirmError::Ended`] if the password was changed or the session
    /// revoked while the password was checked.
    #[tracing::instrument(level = "debug", name = "core.delete_account", skip_all)]
    pub async fn delete_account(
        &self,
        current: &CurrentUser,
        password: &Password,
        confirmation: &Confirmation,
    ) -> Result<(), ConfirmError> {
        let Confirmed { basis, reservation, slot, .. } =
            self.confirm_by_password(current, password, confirmation).await?;
        drop(slot);
        match self.delete_on(current, basis).await {
            Ok(true) => {
                tracing::info!(event = "user.deleted", user_id = %current.id, "a user was deleted");
                Ok(self.settle(reservation.as_ref()).await?)
            }
            Ok(false) => {
                self.settle(reservation.as_ref()).await?;
                Err(ConfirmError::Ended)
            }
            Err(error) => {
                self.withdraw(reservation.as_ref());
                Err(error.into())
            }
        }
    }

    async fn delete_on(&self, current: &CurrentUser, basis: Basis) -> Result<bool, Unavailable> {
        let (auth, user) = (self.clone(), current.id);
        let delete = async move {
            let write = auth.parts().db.write(async |tx| {
                if basis.lock(&tx).await?.is_none() {
                    return Ok((false, Ended::NONE));
                }
                let ended = Ended::all_of(&tx, user).await?;
                Ok((users::delete_user(&tx, user).await?, ended))
            });
            write.await
        };
        self.parts().sessions.ending(Some(user), delete).await
    }
}
