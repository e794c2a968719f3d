//! How often an account may be tried, from wherever: stored, so that it holds on all nodes and after a restart.

use std::sync::Arc;

use auth_db::{
    Conflict, DbError, Transaction, devices,
    model::{DeviceToken, DeviceTokenDigest, Email, FailedAttempts},
    throttles::{self, AccountDigest, Stored},
};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::time::Instant;
use tracing::Instrument;

use super::{AttemptError, in_flight::InFlight};
use crate::{Auth, Unavailable};

/// How often a reservation is tried where others bring the first one of an account at the same moment.
const ATTEMPTS: u32 = 3;

/// How long an attempt waits for others at the same account that are being checked: a few batches of hashes.
const LONGEST_WAIT_FOR_OTHERS: std::time::Duration = std::time::Duration::from_secs(10);

/// An attempt that counts as failed until it is settled.
#[derive(Debug, Clone)]
pub struct Reservation {
    whose: Whose,
    reserved: FailedAttempts,
    /// Attempts of the same allowance wait until the last clone is gone.
    _in_flight: Arc<InFlight>,
}

/// Whose allowance an attempt was taken from.
#[derive(Debug, Clone, Copy)]
enum Whose {
    /// That of the account: of everybody who is not known to be its owner.
    Account(AccountDigest),
    /// That of a device on which the owner logged in before.
    Device(DeviceTokenDigest),
}

impl Reservation {
    /// The device that it was taken from, if it was one.
    pub fn is_of_device(&self) -> bool {
        matches!(self.whose, Whose::Device(_))
    }

    /// The password was right: a device starts anew; for the account it is as if there had been no attempt, and the
    /// failures of others stay.
    pub async fn succeeded(&self, tx: &Transaction) -> Result<(), DbError> {
        match self.whose {
            Whose::Device(device) => devices::set_failed_attempts(tx, &device, &FailedAttempts::NONE).await,
            Whose::Account(account) => self.refund(tx, &account).await,
        }
    }

    /// Nothing was found out: it is as if there had been no attempt.
    async fn withdrawn(&self, tx: &Transaction) -> Result<(), DbError> {
        match self.whose {
            Whose::Device(device) => {
                let Some(found) = devices::lock(tx, &device).await? else { return Ok(()) };
                devices::set_failed_attempts(tx, &device, &found.failed_attempts.refund(&self.reserved)).await
            }
            Whose::Account(account) => self.refund(tx, &account).await,
        }
    }

    async fn refund(&self, tx: &Transaction, account: &AccountDigest) -> Result<(), DbError> {
        let Stored::Own(attempts) = throttles::lock(tx, account).await? else { return Ok(()) };
        match attempts.refund(&self.reserved) {
            FailedAttempts { failures: 0, .. } => throttles::delete(tx, account).await,
            attempts => throttles::update(tx, account, &attempts).await,
        }
    }
}

/// What stands for an account: the same for all spellings of its address, and whether somebody has it or not.
fn account_digest(email: &Email) -> AccountDigest {
    Sha256::digest(email.key().as_bytes()).into()
}

/// A completed reset: whatever failed before, it counts no more.
pub async fn clear(tx: &Transaction, email: &Email, now: OffsetDateTime) -> Result<(), DbError> {
    let account = account_digest(email);
    match throttles::lock(tx, &account).await? {
        Stored::Nothing => Ok(()),
        Stored::Own(_) => {
            throttles::update(tx, &account, &FailedAttempts { latest_at: now, ..FailedAttempts::NONE }).await
        }
        // A row of its own, so that what stands for others is not taken for it.
        Stored::Shared(_) => {
            throttles::insert(tx, &account, &FailedAttempts { latest_at: now, ..FailedAttempts::NONE }).await
        }
    }
}

impl Auth {
    /// Takes one attempt at an account, before anything is known of it; none if there are no throttles.
    pub(crate) async fn reserve(
        &self,
        email: &Email,
        device: Option<&DeviceToken>,
    ) -> Result<Option<Reservation>, AttemptError> {
        let Some(throttle) = &self.parts().throttle else { return Ok(None) };
        let now = self.now();
        let device = self.known_device(email, device, now).await.map_err(Unavailable::from)?;
        let account = account_digest(email);
        let key = device.map_or(account, |device| *device.as_bytes());
        let deadline = Instant::now() + LONGEST_WAIT_FOR_OTHERS;
        loop {
            let turn = throttle.in_flight.turn(key).await;
            match self.reserve_now(account, device).await? {
                Ok(Reserved { whose, reserved }) => {
                    let in_flight = Arc::new(turn.begin());
                    return Ok(Some(Reservation { whose, reserved, _in_flight: in_flight }));
                }
                // The others may succeed: right passwords that are being checked are not failures of each other.
                Err(wait) => {
                    let Some(others) = turn.others() else { return Err(throttle.refuse(wait).into()) };
                    if !others.wait_for_change(deadline).await {
                        return Err(throttle.refuse(wait).into());
                    }
                }
            }
        }
    }

    /// Takes one attempt, if there is one left at this moment.
    async fn reserve_now(
        &self,
        account: AccountDigest,
        device: Option<DeviceTokenDigest>,
    ) -> Result<Result<Reserved, Duration>, Unavailable> {
        for _ in 1..ATTEMPTS {
            match self.reserve_once(account, device).await {
                Err(DbError::Conflict(Conflict::Throttle)) => {}
                reserved => return Ok(reserved?),
            }
        }
        Ok(self.reserve_once(account, device).await?)
    }

    /// The device that a token stands for, if it is one of the account's owner.
    pub(crate) async fn known_device(
        &self,
        email: &Email,
        token: Option<&DeviceToken>,
        now: OffsetDateTime,
    ) -> Result<Option<DeviceTokenDigest>, DbError> {
        let Some(digest) = token.map(DeviceToken::digest) else { return Ok(None) };
        let device = devices::find_of_owner(self.parts().db.read(), &digest, email).await?;
        Ok(device.is_some_and(|device| device.is_live(now)).then_some(digest))
    }

    async fn reserve_once(
        &self,
        account: AccountDigest,
        device: Option<DeviceTokenDigest>,
    ) -> Result<Result<Reserved, Duration>, DbError> {
        let now = self.now();
        let reserve = async |tx: Transaction| {
            if let Some(digest) = device
                && let Some(device) = devices::lock(&tx, &digest).await?
            {
                let (reserved, stored) = taken(device.failed_attempts, now);
                if stored != device.failed_attempts {
                    devices::set_failed_attempts(&tx, &digest, &stored).await?;
                }
                return Ok(reserved.map(|reserved| Reserved { whose: Whose::Device(digest), reserved }));
            }
            let found = throttles::lock(&tx, &account).await?;
            let (Stored::Own(attempts) | Stored::Shared(attempts)) = found else {
                let reserved = FailedAttempts::NONE.reserve(now);
                if let Ok(reserved) = &reserved {
                    throttles::insert(&tx, &account, reserved).await?;
                }
                return Ok(reserved.map(|reserved| Reserved { whose: Whose::Account(account), reserved }));
            };
            let (reserved, stored) = taken(attempts, now);
            match found {
                Stored::Own(attempts) if stored != attempts => {
                    throttles::update(&tx, &account, &stored).await?;
                }
                Stored::Shared(attempts) if stored != attempts => {
                    throttles::insert(&tx, &account, &stored).await?;
                }
                _ => {}
            }
            Ok(reserved.map(|reserved| Reserved { whose: Whose::Account(account), reserved }))
        };
        self.parts().db.write(reserve).await
    }

    /// The password was right: the attempt counts as none.
    pub(crate) async fn settle(&self, reservation: Option<&Reservation>) -> Result<(), Unavailable> {
        let Some(reserved) = reservation else { return Ok(()) };
        let settled = self.parts().db.write(async |tx| reserved.succeeded(&tx).await).await;
        if settled.is_err() {
            self.withdraw(reservation);
        }
        Ok(settled?)
    }

    /// Gives an attempt back of which nothing was found out, because of a fault of ours. Where that fails, it stays one
    /// that failed.
    ///
    /// In a task of its own: the database may be what ails, and the answer does not wait for it a second time.
    pub(crate) fn withdraw(&self, reservation: Option<&Reservation>) {
        let Some(reservation) = reservation.cloned() else { return };
        let auth = self.clone();
        let withdraw = async move {
            let write = auth.parts().db.write(async |tx| reservation.withdrawn(&tx).await);
            if let Err(cause) = write.await {
                tracing::warn!(%cause, "an attempt that was not made counts as failed");
            }
        };
        tokio::spawn(withdraw.in_current_span());
    }
}

/// An attempt that was taken in the database.
struct Reserved {
    whose: Whose,
    reserved: FailedAttempts,
}

/// Takes an attempt, and what is to be stored then: also if there was none to take, because instants in the future are
/// corrected.
fn taken(
    attempts: FailedAttempts,
    now: OffsetDateTime,
) -> (Result<FailedAttempts, Duration>, FailedAttempts) {
    match attempts.reserve(now) {
        Ok(reserved) => (Ok(reserved), reserved),
        Err(wait) => (Err(wait), attempts.as_of(now)),
    }
}
