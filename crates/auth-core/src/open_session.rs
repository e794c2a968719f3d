//! Opening a session, after the password was verified.

use auth_db::{
    DbError,
    model::{Client, DeviceToken, Email, MailKind, Session, SessionToken, SessionTokenDigest, User},
    sessions, users,
};

use crate::{
    Auth, Unavailable,
    opening::{Opened, Opening},
    throttle::Reservation,
};

/// A session that was just opened, and the token that carries it.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The session.
    pub session: Session,
    /// Its token: for its owner, once.
    pub token: SessionToken,
    /// What this device is to keep, if it is a new one and attempts are counted: for its owner, once.
    pub device: Option<DeviceToken>,
}

/// What a login brings besides its password.
pub struct Login {
    pub client: Client,
    /// The session that the same request carried.
    pub presented: Option<SessionToken>,
    /// The user's sessions when the login began, where it is more than one transaction.
    pub earlier: Option<Vec<SessionTokenDigest>>,
    /// Whether the user has logged in on this device before, or devices are of no interest.
    pub device_is_known: bool,
    pub reservation: Option<Reservation>,
}

impl Auth {
    /// Opens a session for the user with this address; none if there is no such user.
    ///
    /// **It checks no password**: for programs that embed this crate and know by other means who is there.
    ///
    /// # Errors
    ///
    /// [`Unavailable`].
    #[tracing::instrument(level = "debug", name = "core.create_session", skip_all)]
    pub async fn create_session(
        &self,
        email: &Email,
        client: Client,
    ) -> Result<Option<LoggedIn>, Unavailable> {
        let Some(user) = users::find_by_email(self.parts().db.read(), email).await? else {
            return Ok(None);
        };
        let earlier = self.sessions_before(email).await?;
        let on = Login { client, presented: None, earlier, device_is_known: true, reservation: None };
        self.open_session(&user, on).await
    }

    /// The sessions of the user with this address, where another login may come between the statements of one.
    pub(crate) async fn sessions_before(
        &self,
        email: &Email,
    ) -> Result<Option<Vec<SessionTokenDigest>>, DbError> {
        let db = &self.parts().db;
        if db.is_embedded() {
            return Ok(None);
        }
        sessions::digests_of_owner(db.read(), email).await.map(Some)
    }

    /// Opens a session, unless the password is no longer the one that `user` was verified with; settles the attempt
    /// that led to it.
    pub(crate) async fn open_session(
        &self,
        user: &User,
        login: Login,
    ) -> Result<Option<LoggedIn>, Unavailable> {
        let Login { client, presented, earlier, device_is_known, reservation } = login;
        let parts = self.parts();
        let now = self.now();
        let token = parts.entropy.token(parts.policy.token_format)?;
        let session = Session {
            id: parts.entropy.session_id(now)?,
            user_id: user.id,
            created_at: now,
            last_seen_at: now,
            expires_at: now.saturating_add(parts.policy.session_lifetime),
            client,
        };
        let new_device =
            if device_is_known { None } else { self.new_device(user.id, &session.client, now).await? };
        let (device, new_device) = new_device.unzip();
        let digest = token.digest();
        let opening = Opening {
            digest,
            credential_version: user.credential_version,
            presented: presented.as_ref().map(SessionToken::digest),
            earlier,
            sessions_per_user: usize::try_from(parts.policy.sessions_per_user).unwrap_or(usize::MAX),
            new_device,
            notice: self.notice(MailKind::NewDevice, &user.email, &session.client, session.client.device()),
            reservation,
            session: session.clone(),
        };
        let db = parts.db.clone();
        // On the heap: the futures that it is passed through have room for it otherwise.
        let open = Box::pin(async move { opening.write(&db).await });
        let opened = parts.sessions.ending(Some(user.id), open).await?;
        let Some(Opened { ended, device_is_stored }) = opened else { return Ok(None) };
        if ended > 0 {
            let user_id = session.user_id;
            tracing::info!(
                event = "sessions.ended",
                reason = "login",
                %user_id,
                count = ended,
                "sessions made room"
            );
        }
        parts.sessions.opened(digest, now);
        parts.mail_wanted.notify_one();
        Ok(Some(LoggedIn { session, token, device: device.filter(|_| device_is_stored) }))
    }
}
