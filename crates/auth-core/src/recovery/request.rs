//! Requesting a reset link by email.

use auth_db::model::Email;

use crate::{
    AttemptError, Auth, RequestContext, ServiceError,
    throttle::{Purpose, Subject},
};

impl Auth {
    /// Requests a reset link for an address. An email is sent if the address has an account.
    ///
    /// Nothing is looked up, so neither the result nor its time reveals whether the account exists.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    #[tracing::instrument(level = "debug", name = "core.request_reset", skip_all)]
    pub async fn request_reset(&self, email: &Email, context: &RequestContext) -> Result<(), AttemptError> {
        let parts = self.parts();
        let attempt = parts.throttle.begin(Subject::client(context), Purpose::ResetRequest).await?;
        let requested = parts.outbox.request_reset(email.key(), context.language).await;
        requested.map_err(ServiceError::from).inspect_err(|_| attempt.cancel())?;
        tracing::info!(event = "reset.asked", by = "mail", "a reset link was requested");
        Ok(())
    }
}
