//! Deleting one's own account.

use auth_db::model::Password;

use super::confirm::{ConfirmError, Confirmation};
use crate::{Auth, CurrentUser};

impl Auth {
    /// Deletes a user's own account with all that hangs on it, if it is the right password.
    ///
    /// # Errors
    ///
    /// [`ConfirmError`]; nothing is deleted then.
    #[tracing::instrument(level = "debug", name = "core.delete_account", skip_all)]
    pub async fn delete_account(
        &self,
        current: &CurrentUser,
        password: &Password,
        confirmation: &Confirmation,
    ) -> Result<(), ConfirmError> {
        self.confirm_and_settle(current, password, confirmation).await?;
        self.delete_user(current.id).await?;
        Ok(())
    }
}
