//! Opening a session: one transaction, after the password was verified.

use auth_db::{
    DbError, Transaction, devices,
    model::{
        Client, Device, DeviceToken, DeviceTokenDigest, Email, MailKind, Session, SessionToken, Tries, User,
        UserId,
    },
    sessions, users,
};
use time::OffsetDateTime;

use crate::{
    Auth, EntropyFailed, Unavailable,
    policy::{DEVICE_LIFETIME, DEVICES_PER_USER},
    sessions::Ended,
    throttle::Reservation,
};

/// A session that was just opened, and the token that carries it.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The session.
    pub session: Session,
    /// Its token: for its owner, once.
    pub token: SessionToken,
    /// What this device is to keep, if it is a new one and tries are counted: for its owner, once.
    pub device: Option<DeviceToken>,
}

/// A device that is to be stored.
pub struct NewDevice {
    device: Device,
    digest: DeviceTokenDigest,
}

impl NewDevice {
    pub async fn store(&self, tx: &Transaction) -> Result<(), DbError> {
        devices::end_all_but_newest(tx, self.device.user_id, DEVICES_PER_USER - 1).await?;
        devices::insert(tx, &self.device, &self.digest).await
    }
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
        self.open_session(&user, client, None, None).await
    }

    /// Opens a session, unless the password is no longer the one that `user` was verified with; settles the try
    /// that led to it.
    ///
    /// The row is locked, then compared: a reset locks the same row first, so one of the two sees the other.
    pub(crate) async fn open_session(
        &self,
        user: &User,
        client: Client,
        presented: Option<&SessionToken>,
        reservation: Option<&Reservation>,
    ) -> Result<Option<LoggedIn>, Unavailable> {
        let parts = self.parts();
        let now = self.now();
        let token = parts.entropy.session_token()?;
        let session = Session {
            id: parts.entropy.session_id(now)?,
            user_id: user.id,
            created_at: now,
            last_seen_at: now,
            expires_at: now.saturating_add(parts.policy.session_lifetime),
            client,
        };
        let is_known = reservation.is_none_or(Reservation::is_of_device);
        let device = if is_known { None } else { self.new_device(user.id, now)? };
        let (device, new_device) = device.unzip();
        let notice = self.notice(MailKind::NewDevice, &user.email, &session.client, session.client.device());

        let (user, digest) = (user.clone(), token.digest());
        let presented = presented.map(SessionToken::digest);
        let (auth, new, reservation) = (self.clone(), session.clone(), reservation.cloned());
        let open = async move {
            let parts = auth.parts();
            let others = parts.policy.sessions_per_user.saturating_sub(1);
            let write = parts.db.write(async |tx| {
                let current = users::lock(&tx, user.id).await?;
                let is_same = |current: &User| {
                    current.credential_version == user.credential_version && current.disabled_at.is_none()
                };
                if !current.as_ref().is_some_and(is_same) {
                    return Ok((None, Ended::NONE));
                }
                let ended = Ended::make_room(&tx, user.id, presented.as_ref(), others).await?;
                sessions::insert(&tx, &new, &digest).await?;
                if let Some(new_device) = &new_device {
                    // The first device of an account is no news.
                    if devices::count_of(&tx, user.id).await? > 0 {
                        notice.put(&tx, now).await?;
                    }
                    new_device.store(&tx).await?;
                }
                if let Some(reservation) = &reservation {
                    reservation.succeeded(&tx).await?;
                }
                Ok((Some(ended.count()), ended))
            });
            write.await
        };
        let opened = parts.sessions.ending(Some(session.user_id), open).await?;
        let Some(ended) = opened else { return Ok(None) };
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
        Ok(Some(LoggedIn { session, token, device }))
    }

    /// What a device gets that is not known yet; nothing where tries are not counted.
    pub(crate) fn new_device(
        &self,
        user: UserId,
        now: OffsetDateTime,
    ) -> Result<Option<(DeviceToken, NewDevice)>, EntropyFailed> {
        if self.parts().throttle.is_none() {
            return Ok(None);
        }
        let token = self.parts().entropy.device_token()?;
        let device = Device {
            user_id: user,
            created_at: now,
            expires_at: now.saturating_add(DEVICE_LIFETIME),
            tries: Tries::NONE,
        };
        let digest = token.digest();
        Ok(Some((token, NewDevice { device, digest })))
    }
}
