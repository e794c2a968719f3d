//! What opening a session writes.
//!
//! Into an embedded database it is one transaction. A database server may be far away, and each statement of a transaction
//! waits for the answer to the one before it. So there the session is stored first, by a statement that checks the
//! credential and commits by itself, and what belongs to it follows by statements that run at the same time. If the
//! process ends in between, a session too many is left until the next login, an attempt counts as failed, or a device
//! is not known.

use auth_db::{
    Conflict, Database, DbError, Transaction, Writer, device_kinds, devices,
    model::{Device, DeviceTokenDigest, Session, SessionTokenDigest},
    sessions,
};
use time::OffsetDateTime;
use tokio::{join, try_join};

use crate::{
    devices::{DeviceKinds, DueNotice, NewDevice},
    mail::Notice,
    sessions::Ended,
    throttle::Reservation,
};

/// A session that is to be opened, with what is written because of it.
pub struct Opening {
    pub session: Session,
    pub digest: SessionTokenDigest,
    /// Of the password that was verified.
    pub credential_version: i64,
    /// The session that the same request carried.
    pub presented: Option<SessionTokenDigest>,
    /// The user's sessions when the login began; none where no other login can come in between.
    pub earlier: Option<Vec<SessionTokenDigest>>,
    /// How many sessions a user may have, this one included.
    pub sessions_per_user: usize,
    pub new_device: Option<NewDevice>,
    /// To the owner, of the new device.
    pub notice: Notice,
    pub reservation: Option<Reservation>,
}

/// What became of it.
pub struct Opened {
    /// How many sessions made room.
    pub ended: usize,
    /// Whether the new device is known from now on.
    pub device_is_stored: bool,
}

/// A user's other devices, as they are stored.
struct StoredDevices {
    devices: Vec<(DeviceTokenDigest, Device)>,
    kinds: DeviceKinds,
}

impl Opening {
    /// Writes everything, unless the credential has changed or the account is disabled: then nothing.
    ///
    /// # Errors
    ///
    /// [`DbError`], if the session could not be stored. What follows it is not worth an error: the user has logged in.
    pub async fn write(&self, db: &Database) -> Result<(Option<Opened>, Ended), DbError> {
        if db.is_embedded() {
            db.write(async |tx| self.write_at_once(&tx).await).await
        } else {
            self.write_one_by_one(db).await
        }
    }

    async fn write_at_once(&self, tx: &Transaction) -> Result<(Option<Opened>, Ended), DbError> {
        if !self.insert(tx).await? {
            return Ok((None, Ended::NONE));
        }
        let ended = self.make_room(tx).await?;
        let mut device_is_stored = false;
        if let Some(new_device) = &self.new_device {
            let known = self.known(tx).await?;
            device_is_stored = self.store(tx, new_device, &known).await?;
            if let Some(due) = self.due_notice(new_device, &known) {
                self.notify(tx, new_device, &due).await?;
            }
        }
        self.settle(tx).await?;
        Ok((Some(Opened { ended: ended.count(), device_is_stored }), ended))
    }

    async fn write_one_by_one(&self, db: &Database) -> Result<(Option<Opened>, Ended), DbError> {
        let on = db.autocommit();
        match self.insert(&on).await {
            // If the connection broke, the statement ran again: nobody else has this token.
            Ok(true) | Err(DbError::Conflict(Conflict::SessionId | Conflict::SessionToken)) => {}
            Ok(false) => return Ok((None, Ended::NONE)),
            Err(error) => return Err(error),
        }
        let keep_device = async {
            match &self.new_device {
                Some(new_device) => self.keep(db, new_device).await,
                None => Ok(false),
            }
        };
        let (ended, kept, settled) = join!(self.make_room(&on), keep_device, self.settle(&on));
        let warn = |cause: &DbError, what: &str| {
            tracing::warn!(session_id = %self.session.id, %cause, "after a login, {what}");
        };
        let ended = ended.unwrap_or_else(|cause| {
            warn(&cause, "surplus sessions were not ended");
            Ended::UNKNOWN
        });
        let device_is_stored = kept.unwrap_or_else(|cause| {
            warn(&cause, "the device was not stored");
            false
        });
        if let Err(cause) = settled {
            warn(&cause, "the attempt still counts as failed");
        }
        Ok((Some(Opened { ended: ended.count(), device_is_stored }), ended))
    }

    async fn insert(&self, on: &impl Writer) -> Result<bool, DbError> {
        sessions::insert_if_current(on, &self.session, &self.digest, self.credential_version).await
    }

    async fn settle(&self, on: &impl Writer) -> Result<(), DbError> {
        match &self.reservation {
            Some(reservation) => reservation.succeeded(on).await,
            None => Ok(()),
        }
    }

    /// Ends the sessions that make room, by a list that includes this one.
    async fn make_room(&self, on: &impl Writer) -> Result<Ended, DbError> {
        let listed = sessions::digests_newest_first(on, self.session.user_id).await?;
        Ended::listed(on, self.surplus(&listed)).await
    }

    /// Which of a user's sessions make room: the one that the request carried, and the oldest.
    ///
    /// Concurrent logins see each other's sessions. All of them keep the newest, so the newest login always stays, and the
    /// last to look leaves no more than allowed. This session may be among those that end, as if the other logins had come
    /// later. It outlives sessions that were there before, although by a clock that is behind it is the older one.
    fn surplus(&self, newest_first: &[SessionTokenDigest]) -> Vec<SessionTokenDigest> {
        let (mut ending, mut others): (Vec<_>, Vec<_>) =
            newest_first.iter().copied().partition(|session| Some(*session) == self.presented);
        let own_rank = others.iter().position(|session| *session == self.digest);
        if own_rank.is_some_and(|rank| rank >= self.sessions_per_user) {
            others.sort_by_key(|session| self.is_earlier(session));
        }
        ending.extend(others.into_iter().skip(self.sessions_per_user));
        ending
    }

    /// Whether a session was opened before this login, by whatever clock.
    fn is_earlier(&self, session: &SessionTokenDigest) -> bool {
        let was_there = self.earlier.as_ref().is_none_or(|earlier| earlier.contains(session));
        *session != self.digest && was_there
    }

    /// Stores the device, and notifies the owner if that is due.
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
            if self.notice.is_wanted() { device_kinds::all_of(on, user).await } else { Ok(Vec::new()) }
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

    /// The notice that the owner is due, if any.
    fn due_notice(&self, new_device: &NewDevice, known: &StoredDevices) -> Option<DueNotice> {
        if !self.notice.is_wanted() {
            return None;
        }
        new_device.due_notice(known.devices.is_empty(), &known.kinds, self.now())
    }

    async fn notify(&self, on: &impl Writer, new_device: &NewDevice, due: &DueNotice) -> Result<(), DbError> {
        // The owner is not notified of the first device of an account.
        if new_device.note(on, due, self.now()).await? && !due.is_first {
            self.notice.put(on, self.now()).await?;
        }
        Ok(())
    }

    const fn now(&self) -> OffsetDateTime {
        self.session.created_at
    }
}
