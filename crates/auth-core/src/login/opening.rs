//! The writes of opening a session.
//!
//! On an embedded database they are one transaction. A database server may be distant, and each statement of a transaction
//! waits for the response to the previous one. There the session is stored first, by a statement that checks the credential
//! and commits by itself, and concurrent statements follow (docs/adr/0019). If the process ends in between, a surplus
//! session remains until the next login, an attempt counts as failed, or a device is not known.

use auth_db::{
    Conflict, Database, DbError, Transaction, Writer, device_kinds, devices,
    model::{Device, DeviceTokenDigest, Session, SessionTokenDigest},
    sessions,
};
use time::OffsetDateTime;
use tokio::{join, try_join};

use crate::{
    devices::{DeviceKinds, DueNotice, NewDevice},
    outbox::Notice,
    sessions::Revoked,
    throttle::Attempt,
};

/// A session to be opened, with everything that is written because of it.
pub struct Opening {
    pub session: Session,
    pub digest: SessionTokenDigest,
    /// The version of the credential that was verified.
    pub credential_version: i64,
    /// The session of the request, which is revoked.
    pub replaced: Option<SessionTokenDigest>,
    /// The user's sessions when the login began; none if no other login can write meanwhile.
    pub earlier: Option<Vec<SessionTokenDigest>>,
    /// The maximum number of sessions of a user, including this one.
    pub sessions_per_user: usize,
    pub new_device: Option<NewDevice>,
    /// The notice of the new device.
    pub notice: Notice,
    pub attempt: Attempt,
}

/// The result of opening a session.
pub struct Opened {
    /// The number of revoked sessions.
    pub revoked: usize,
    /// Whether the new device is stored.
    pub device_is_stored: bool,
}

/// The stored devices of a user.
struct StoredDevices {
    devices: Vec<(DeviceTokenDigest, Device)>,
    kinds: DeviceKinds,
}

impl Opening {
    /// Writes everything; nothing if the credential has changed or the account is disabled.
    ///
    /// # Errors
    ///
    /// [`DbError`] if the session could not be stored. Later failures are only logged, because the user has logged in.
    pub async fn write(&self, db: &Database) -> Result<(Option<Opened>, Revoked), DbError> {
        if db.is_embedded() {
            db.write(async |tx| self.write_in_transaction(&tx).await).await
        } else {
            self.write_in_statements(db).await
        }
    }

    async fn write_in_transaction(&self, tx: &Transaction) -> Result<(Option<Opened>, Revoked), DbError> {
        if !self.insert(tx).await? {
            return Ok((None, Revoked::NONE));
        }
        let revoked = self.revoke_surplus(tx).await?;
        let mut device_is_stored = false;
        if let Some(new_device) = &self.new_device {
            let known = self.known(tx).await?;
            device_is_stored = self.store(tx, new_device, &known).await?;
            if let Some(due) = self.due_notice(new_device, &known) {
                self.notify(tx, new_device, &due).await?;
            }
        }
        self.attempt.succeed(tx).await?;
        Ok((Some(Opened { revoked: revoked.count(), device_is_stored }), revoked))
    }

    async fn write_in_statements(&self, db: &Database) -> Result<(Option<Opened>, Revoked), DbError> {
        let on = db.autocommit();
        match self.insert(&on).await {
            // If the connection broke, the statement ran again: only this process has the token.
            Ok(true) | Err(DbError::Conflict(Conflict::SessionId | Conflict::SessionToken)) => {}
            Ok(false) => return Ok((None, Revoked::NONE)),
            Err(error) => return Err(error),
        }
        let keep_device = async {
            match &self.new_device {
                Some(new_device) => self.keep(db, new_device).await,
                None => Ok(false),
            }
        };
        let (revoked, kept, succeeded) =
            join!(self.revoke_surplus(&on), keep_device, self.attempt.succeed(&on));
        let warn = |cause: &DbError, what: &str| {
            tracing::warn!(session_id = %self.session.id, %cause, "after a login, {what}");
        };
        let revoked = revoked.unwrap_or_else(|cause| {
            warn(&cause, "surplus sessions were not revoked");
            Revoked::UNKNOWN
        });
        let device_is_stored = kept.unwrap_or_else(|cause| {
            warn(&cause, "the device was not stored");
            false
        });
        if let Err(cause) = succeeded {
            warn(&cause, "the attempt still counts as failed");
        }
        Ok((Some(Opened { revoked: revoked.count(), device_is_stored }), revoked))
    }

    async fn insert(&self, on: &impl Writer) -> Result<bool, DbError> {
        sessions::insert_if_current(on, &self.session, &self.digest, self.credential_version).await
    }

    /// Revokes the surplus sessions.
    async fn revoke_surplus(&self, on: &impl Writer) -> Result<Revoked, DbError> {
        let listed = sessions::digests_newest_first(on, self.session.user_id).await?;
        Revoked::delete_listed(on, self.surplus(&listed)).await
    }

    /// The surplus among a user's sessions, which include the new one: the session of the request, and the oldest.
    ///
    /// Concurrent logins see each other's sessions. All of them keep the newest, so the newest login always stays, and the
    /// last one to read the list leaves no more than allowed. The new session may be surplus itself, as if the other logins
    /// had come later. It takes precedence over sessions that existed before, even if a clock that is behind makes it seem
    /// older.
    fn surplus(&self, newest_first: &[SessionTokenDigest]) -> Vec<SessionTokenDigest> {
        let (mut surplus, mut others): (Vec<_>, Vec<_>) =
            newest_first.iter().copied().partition(|session| Some(*session) == self.replaced);
        let own_rank = others.iter().position(|session| *session == self.digest);
        if own_rank.is_some_and(|rank| rank >= self.sessions_per_user) {
            others.sort_by_key(|session| self.is_earlier(session));
        }
        surplus.extend(others.into_iter().skip(self.sessions_per_user));
        surplus
    }

    /// Whether a session existed before this login, by any clock.
    fn is_earlier(&self, digest: &SessionTokenDigest) -> bool {
        let existed = self.earlier.as_ref().is_none_or(|earlier| earlier.contains(digest));
        *digest != self.digest && existed
    }

    /// Stores the device, and the notice if one is due.
    async fn keep(&self, db: &Database, new_device: &NewDevice) -> Result<bool, DbError> {
        let on = db.autocommit();
        let known = self.known(&on).await?;
        let notify = async {
            match self.due_notice(new_device, &known) {
                None => Ok(()),
                Some(due) if due.is_first => self.notify(&on, new_device, &due).await,
                Some(due) => db.write(async |tx| self.notify(&tx, new_device, &due).await).await,
            }
        };
        let (is_stored, ()) = try_join!(self.store(&on, new_device, &known), notify)?;
        Ok(is_stored)
    }

    async fn known(&self, on: &impl Writer) -> Result<StoredDevices, DbError> {
        let user = self.session.user_id;
        let kinds = async {
            if self.notice.is_enabled() { device_kinds::all_of(on, user).await } else { Ok(Vec::new()) }
        };
        let (devices, kinds) = try_join!(devices::all_of(on, user), kinds)?;
        Ok(StoredDevices { devices, kinds })
    }

    async fn store(
        &self,
        on: &impl Writer,
        new_device: &NewDevice,
        known: &StoredDevices,
    ) -> Result<bool, DbError> {
        let insert = new_device.insert_if_current(on, self.credential_version);
        let (is_stored, ()) = try_join!(insert, new_device.displace(on, &known.devices))?;
        Ok(is_stored)
    }

    /// The notice, if one is due.
    fn due_notice(&self, new_device: &NewDevice, known: &StoredDevices) -> Option<DueNotice> {
        if !self.notice.is_enabled() {
            return None;
        }
        new_device.due_notice(known.devices.is_empty(), &known.kinds, self.now())
    }

    async fn notify(&self, on: &impl Writer, new_device: &NewDevice, due: &DueNotice) -> Result<(), DbError> {
        // The owner is not notified of the first device of an account.
        if new_device.record_notice(on, due, self.now()).await? && !due.is_first {
            self.notice.insert(on, self.now()).await?;
        }
        Ok(())
    }

    const fn now(&self) -> OffsetDateTime {
        self.session.created_at
    }
}
