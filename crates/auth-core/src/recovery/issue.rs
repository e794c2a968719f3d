//! Issuing reset tokens.

use auth_db::{
    model::{Email, ResetToken},
    users,
};

use crate::{Auth, ServiceError};

/// Why no reset token was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueResetError {
    /// The address has no account, or a disabled one.
    #[error("no user has this address")]
    UnknownEmail,
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl Auth {
    /// Issues a reset token for the user with this address. It replaces an earlier one.
    ///
    /// The holder of the token can take over the account, so only the owner of the address may get it.
    ///
    /// # Errors
    ///
    /// [`IssueResetError`].
    #[tracing::instrument(level = "debug", name = "core.issue_reset_token", skip_all)]
    pub async fn issue_reset_token(&self, email: &Email) -> Result<ResetToken, IssueResetError> {
        let parts = self.parts();
        let user =
            users::find_by_email(parts.env.db.read(), email.key()).await.map_err(ServiceError::from)?;
        let Some(user) = user else { return Err(IssueResetError::UnknownEmail) };
        let lifetime = parts.resets.lifetime();
        let issued = parts.resets.issue_if(user.id, async |_| Ok(Some(lifetime))).await?;
        issued.map(|issued| issued.token).ok_or(IssueResetError::UnknownEmail)
    }
}
