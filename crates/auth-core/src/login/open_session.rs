//! Opening a session for an authenticated user, and giving one a new token.

use std::time::Duration;

use auth_db::{
    DbError, Transaction,
    model::{
        DeviceToken, Email, Methods, Session, SessionId, SessionToken, SessionTokenDigest, UserId, instant,
    },
    sessions::{self, Which},
    users,
};
use time::OffsetDateTime;

use super::{
    Authenticated,
    opening::{Opened, Opening},
};
use crate::{
    Auth, RequestContext, ServiceError, policy::DEVICE_LIFETIME, sessions::Revoked, throttle::Attempt,
};

/// A session that was opened or got a new token, with the tokens for its client.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The session.
    pub session: Session,
    /// The session token. Only the client gets it, once.
    pub token: SessionToken,
    /// The remaining lifetime of the session, for its cookie.
    pub lifetime: Duration,
    /// The device token for a new device, if device tokens are issued. Only the client gets it, once.
    pub device: Option<DeviceToken>,
}

impl LoggedIn {
    /// The lifetime of a device token, for its cookie.
    pub const DEVICE_LIFETIME: Duration = DEVICE_LIFETIME;

    pub(crate) fn new(
        session: Session,
        token: SessionToken,
        device: Option<DeviceToken>,
        now: OffsetDateTime,
    ) -> Self {
        let lifetime = instant::elapsed(now, session.expires_at).unwrap_or_default();
        Self { session, token, lifetime, device }
    }
}

impl Auth {
    /// Opens a session for the user with this address, **without a password**; none if the user does not exist.
    ///
    /// It is for programs that embed this crate and have authenticated the user by other means.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    #[tracing::instrument(level = "debug", name = "core.open_session_without_password", skip_all)]
    pub async fn open_session_without_password(
        &self,
        email: &Email,
        context: &RequestContext,
    ) -> Result<Option<LoggedIn>, ServiceError> {
        let Some(user) = users::find_by_email(self.parts().env.db.read(), email.key()).await? else {
            return Ok(None);
        };
        let earlier = self.digests_before_login(email).await?;
        let authenticated = Authenticated::new(user, Methods::NONE);
        self.open_session(authenticated, context, Attempt::unlimited().for_known_device(), earlier).await
    }

    /// The sessions of the user with this address, on a database on which other logins may write between the statements of
    /// one.
    pub(super) async fn digests_before_login(
        &self,
        email: &Email,
    ) -> Result<Option<Vec<SessionTokenDigest>>, DbError> {
        let db = &self.parts().env.db;
        if db.is_embedded() {
            return Ok(None);
        }
        sessions::digests_of_owner(db.read(), email.key()).await.map(Some)
    }

    /// Opens a session, unless the user's credential has changed, and lets the attempt succeed. `earlier` is the result of
    /// [`digests_before_login`](Self::digests_before_login).
    pub(super) async fn open_session(
        &self,
        authenticated: Authenticated,
        context: &RequestContext,
        attempt: Attempt,
        earlier: Option<Vec<SessionTokenDigest>>,
    ) -> Result<Option<LoggedIn>, ServiceError> {
        let (parts, now) = (self.parts(), self.now());
        let opening = self.opening(&authenticated, context, attempt, earlier, now).await;
        let (opening, token, device) = opening?;
        let (session, digest) = (opening.session.clone(), opening.digest);
        let db = parts.env.db.clone();
        // On the heap, because the futures around it would contain it otherwise.
        let open = Box::pin(async move {
            let opened = opening.write(&db).await;
            if opened.is_err() {
                opening.attempt.cancel();
            }
            opened
        });
        let opened = parts.sessions.revoking(Some(session.user_id), open).await?;
        let Some(Opened { revoked, device_is_stored }) = opened else { return Ok(None) };
        if revoked > 0 {
            tracing::info!(
                event = "sessions.ended",
                reason = "login",
                user_id = %session.user_id,
                count = revoked,
                "surplus sessions were revoked"
            );
        }
        parts.sessions.opened(digest, now);
        parts.outbox.wake();
        Ok(Some(LoggedIn::new(session, token, device.filter(|_| device_is_stored), now)))
    }

    async fn opening(
        &self,
        authenticated: &Authenticated,
        context: &RequestContext,
        attempt: Attempt,
        earlier: Option<Vec<SessionTokenDigest>>,
        now: OffsetDateTime,
    ) -> Result<(Opening, SessionToken, Option<DeviceToken>), ServiceError> {
        let (parts, user) = (self.parts(), authenticated.user());
        let token = parts.env.entropy.token(parts.policy.token_format)?;
        let session = Session {
            id: parts.env.entropy.session_id(now)?,
            user_id: user.id,
            created_at: now,
            authenticated_at: now,
            methods: authenticated.methods(),
            last_seen_at: now,
            expires_at: instant::after(now, parts.policy.session_lifetime),
            client: context.client.clone(),
        };
        let device = if attempt.device_is_known() {
            None
        } else {
            parts.devices.issue(user.id, &context.client).await.inspect_err(|_| attempt.cancel())?
        };
        let (device, new_device) = device.unzip();
        let opening = Opening {
            session,
            digest: token.digest(),
            credential_version: user.credential_version,
            replaced: context.session.as_ref().map(SessionToken::digest),
            earlier,
            sessions_per_user: usize::try_from(parts.policy.sessions_per_user).unwrap_or(usize::MAX),
            new_device,
            notice: parts.outbox.new_device(&user.email, context),
            attempt,
        };
        Ok((opening, token, device))
    }
}

/// Revokes all sessions of a user and stores the current one again, with a new token and as just authenticated. Returns none
/// if the current session was revoked before.
pub(crate) async fn rotate_session(
    tx: &Transaction,
    user: UserId,
    current: SessionId,
    digest: &SessionTokenDigest,
    methods: Methods,
    now: OffsetDateTime,
) -> Result<Option<(Session, Revoked)>, DbError> {
    let Some(mut session) = sessions::find_of_user(tx, user, current).await? else { return Ok(None) };
    let revoked = Revoked::delete(tx, Which::AllOf(user)).await?;
    (session.last_seen_at, session.authenticated_at, session.methods) = (now, now, methods);
    sessions::insert(tx, &session, digest).await?;
    Ok(Some((session, revoked)))
}
