//! Changing the password: other sessions are revoked, and the current one gets a new token.

use std::sync::Arc;

use auth_db::{
    DbError, Transaction, devices,
    model::{
        InvalidPassword, Methods, NewPassword, Password, SecretString, Session, SessionId,
        SessionTokenDigest, UserChanges, UserId,
    },
    resets, users,
};
use time::OffsetDateTime;

use super::reauthenticate::{Reauthenticated, ReauthenticationError};
use crate::{
    Auth, RequestContext, ServiceError,
    devices::NewDevice,
    login::{LoggedIn, rotate_session},
    outbox::Notice,
    precondition::Precondition,
    sessions::{AuthenticatedSession, Revoked},
    throttle::Attempt,
};

/// What changes a password.
#[derive(Debug)]
pub struct PasswordChange {
    /// The current password.
    pub password: Password,
    /// The new password as typed. It is checked against the policy only if the current one is right.
    pub new_password: SecretString,
}

/// Why a password was not changed. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangePasswordError {
    /// The user was not reauthenticated.
    #[error(transparent)]
    Reauthentication(#[from] ReauthenticationError),
    /// The new password is not acceptable.
    #[error("the new password {0}")]
    InvalidPassword(#[from] InvalidPassword),
    /// The session was revoked, or the password changed, meanwhile.
    #[error("the session was revoked")]
    SessionRevoked,
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// The transaction of a change.
struct Change {
    user: UserId,
    session: SessionId,
    precondition: Precondition,
    changes: UserChanges,
    digest: SessionTokenDigest,
    methods: Methods,
    notice: Notice,
    new_device: Option<NewDevice>,
    attempt: Attempt,
    now: OffsetDateTime,
}

impl Auth {
    /// Changes a user's own password. One transaction stores the hash and a notice, revokes all other sessions, all other
    /// devices and the outstanding reset, and gives this session a new token.
    ///
    /// # Errors
    ///
    /// [`ChangePasswordError`].
    #[tracing::instrument(level = "debug", name = "core.change_password", skip_all)]
    pub async fn change_password(
        &self,
        current: &AuthenticatedSession,
        change: PasswordChange,
        context: &RequestContext,
    ) -> Result<LoggedIn, ChangePasswordError> {
        let PasswordChange { password, new_password } = change;
        let mut reauthenticated = self.reauthenticate_by_password(current, &password, context).await?;
        let changes = self.hash_new_password(&mut reauthenticated, new_password).await;
        let changes = match changes {
            Ok(changes) => changes,
            Err(error) => {
                match error {
                    ChangePasswordError::Service(_) => reauthenticated.attempt.cancel(),
                    // The current password was right.
                    _ => reauthenticated.attempt.succeed_now().await?,
                }
                return Err(error);
            }
        };
        self.store_change(current, reauthenticated, changes, context).await
    }

    async fn hash_new_password(
        &self,
        reauthenticated: &mut Reauthenticated,
        new_password: SecretString,
    ) -> Result<UserChanges, ChangePasswordError> {
        let parts = self.parts();
        let new = NewPassword::parse(new_password, &parts.policy.password)?;
        parts.denylist.check(&new, &reauthenticated.authenticated.user().email)?;
        let hash = reauthenticated.permit.hash(&new).await.map_err(ServiceError::from)?;
        Ok(UserChanges::hashed_password(hash))
    }

    async fn store_change(
        &self,
        current: &AuthenticatedSession,
        reauthenticated: Reauthenticated,
        changes: UserChanges,
        context: &RequestContext,
    ) -> Result<LoggedIn, ChangePasswordError> {
        let Reauthenticated { authenticated, precondition, attempt, permit } = reauthenticated;
        drop(permit);
        let (parts, now) = (self.parts(), self.now());
        let user = authenticated.user();
        let token = parts.env.entropy.token(parts.policy.token_format).map_err(ServiceError::from)?;
        let issued = parts.devices.issue(user.id, &context.client).await.inspect_err(|_| attempt.cancel())?;
        let (device, new_device) = issued.unzip();
        let digest = token.digest();
        let change = Arc::new(Change {
            user: user.id,
            session: current.session.id,
            precondition,
            changes,
            digest,
            methods: authenticated.methods(),
            notice: parts.outbox.password_changed(&user.email, context),
            new_device,
            attempt,
            now,
        });
        let write = {
            let change = Arc::clone(&change);
            move |tx| {
                let change = Arc::clone(&change);
                async move { change.write(&tx).await }
            }
        };
        let written = parts.sessions.write(Some(user.id), write).await;
        let Some(session) = written.inspect_err(|_| change.attempt.cancel())? else {
            change.attempt.succeed_now().await?;
            return Err(ChangePasswordError::SessionRevoked);
        };
        parts.sessions.opened(digest, now);
        parts.outbox.wake();
        tracing::info!(event = "password.changed", user_id = %user.id, "a password was changed");
        Ok(LoggedIn::new(session, token, device, now))
    }
}

impl Change {
    /// Returns the current session with its new token; none if the precondition does not hold.
    async fn write(&self, tx: &Transaction) -> Result<(Option<Session>, Revoked), DbError> {
        let (user, now) = (self.user, self.now);
        if self.precondition.lock(tx).await?.is_none() {
            return Ok((None, Revoked::NONE));
        }
        users::update_user(tx, user, &self.changes, now).await?;
        resets::revoke(tx, user).await?;
        let rotated = rotate_session(tx, user, self.session, &self.digest, self.methods, now).await?;
        let Some((session, revoked)) = rotated else { return Err(DbError::NoResultFound) };
        devices::delete_all_of(tx, user).await?;
        if let Some(new_device) = &self.new_device {
            new_device.insert(tx).await?;
        }
        self.attempt.succeed(tx).await?;
        self.notice.insert(tx, now).await?;
        Ok((Some(session), revoked))
    }
}
