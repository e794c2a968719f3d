//! Asking for a reset by mail: one row, and the same answer for everybody.

use auth_db::{
    model::{Client, Email, MailKind},
    outbox::{self, Wanted},
};

use crate::{AttemptError, Auth, Throttled, Unavailable};

/// What somebody sends who forgot a password.
#[derive(Debug, Clone)]
pub struct ResetRequest {
    /// Whose account is said to be meant.
    pub email: Email,
    /// Who asks, and in which language the mail is wanted.
    pub client: Client,
}

impl Auth {
    /// Has a reset link sent to whoever has this address; if nobody has, nothing is sent.
    ///
    /// Nothing is looked up, so that neither the answer nor its time tells whether there is such an account.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    #[tracing::instrument(level = "debug", name = "core.ask_for_reset", skip_all)]
    pub async fn ask_for_reset(&self, request: ResetRequest) -> Result<(), AttemptError> {
        self.may_ask_for_reset(&request.client)?;
        let now = self.now();
        let wanted = Wanted {
            kind: MailKind::Reset,
            email_key: request.email.key().to_owned(),
            language: request.client.language,
            detail: None,
        };
        // If the connection breaks, it may be put twice: the limits on emails hold all the same.
        let put = outbox::put(&self.parts().db.autocommit(), &wanted, now).await;
        put.map_err(Unavailable::from).inspect_err(|_| self.did_not_ask(&request.client))?;
        tracing::info!(event = "reset.asked", by = "mail", "a reset link was asked for");
        self.parts().mail_wanted.notify_one();
        Ok(())
    }

    /// Gives back what was taken: it was a fault of ours.
    fn did_not_ask(&self, client: &Client) {
        if let Some(throttle) = &self.parts().throttle {
            throttle.clients.resets.give_back(client.address);
        }
    }

    fn may_ask_for_reset(&self, client: &Client) -> Result<(), Throttled> {
        let throttle = self.parts().throttle.as_ref();
        throttle.map_or(Ok(()), |throttle| throttle.clients.resets.take(client.address))
    }
}
