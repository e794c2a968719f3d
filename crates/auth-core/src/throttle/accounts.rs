//! How often an account may be tried, from wherever: stored, so that it holds on all nodes and after a restart.

use auth_db::{
    Conflict, DbError, Transaction, devices,
    model::{DeviceToken, DeviceTokenDigest, Email, Tries},
    throttles::{self, AccountDigest},
};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tracing::Instrument;

use super::{Throttled, TryError};
use crate::{Auth, Unavailable};

/// How often a reservation is tried where others bring the first one of an account at the same moment.
const ATTEMPTS: u32 = 3;

/// A try that counts as failed until it is settled.
#[derive(Debug, Clone)]
pub struct Reservation {
    whose: Whose,
    reserved: Tries,
}

/// Whose allowance a try was taken from.
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

    /// The password was right: a device starts anew; for the account it is as if there had been no try, and the
    /// failures of others stay.
    pub async fn succeeded(&self, tx: &Transaction) -> Result<(), DbError> {
        match self.whose {
            Whose::Device(device) => devices::set_tries(tx, &device, &Tries::NONE).await,
            Whose::Account(account) => self.refund(tx, &account).await,
        }
    }

    /// Nothing was found out: it is as if there had been no try.
    async fn withdrawn(&self, tx: &Transaction) -> Result<(), DbError> {
        match self.whose {
            Whose::Device(device) => {
                let Some(found) = devices::lock(tx, &device).await? else { return Ok(()) };
                devices::set_tries(tx, &device, &found.tries.refund(&self.reserved)).await
            }
            Whose::Account(account) => self.refund(tx, &account).await,
        }
    }

    async fn refund(&self, tx: &Transaction, account: &AccountDigest) -> Result<(), DbError> {
        let Some(tries) = throttles::lock(tx, account).await? else { return Ok(()) };
        match tries.refund(&self.reserved) {
            Tries { failures: 0, .. } => throttles::delete(tx, account).await,
            tries => throttles::update(tx, account, &tries).await,
        }
    }
}

/// What stands for an account: the same for all spellings of its address, and whether somebody has it or not.
fn account_digest(email: &Email) -> AccountDigest {
    Sha256::digest(email.key().as_bytes()).into()
}

/// A completed reset: whoever failed before, it counts no more.
pub async fn clear(tx: &Transaction, email: &Email) -> Result<(), DbError> {
    throttles::delete(tx, &account_digest(email)).await
}

impl Auth {
    /// Takes one try at an account, before anything is known of it; none if there are no throttles.
    pub(crate) async fn reserve(
        &self,
        email: &Email,
        device: Option<&DeviceToken>,
    ) -> Result<Option<Reservation>, TryError> {
        if self.parts().throttle.is_none() {
            return Ok(None);
        }
        let now = self.now();
        let device = self.known_device(email, device, now).await.map_err(Unavailable::from)?;
        let account = account_digest(email);
        for _ in 1..ATTEMPTS {
            match self.reserve_once(account, device, now).await {
                Err(DbError::Conflict(Conflict::Throttle)) => {}
                reserved => return told(reserved),
            }
        }
        told(self.reserve_once(account, device, now).await)
    }

    /// The device that a token stands for, if it is one of the account's owner.
    async fn known_device(
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
        now: OffsetDateTime,
    ) -> Result<Result<Reservation, Duration>, DbError> {
        let reserve = async |tx: Transaction| {
            if let Some(digest) = device
                && let Some(device) = devices::lock(&tx, &digest).await?
            {
                let reserved = match device.tries.reserve(now) {
                    Ok(reserved) => reserved,
                    Err(wait) => return Ok(Err(wait)),
                };
                devices::set_tries(&tx, &digest, &reserved).await?;
                return Ok(Ok(Reservation { whose: Whose::Device(digest), reserved }));
            }
            let stored = throttles::lock(&tx, &account).await?;
            let reserved = match stored.unwrap_or(Tries::NONE).reserve(now) {
                Ok(reserved) => reserved,
                Err(wait) => return Ok(Err(wait)),
            };
            match stored {
                Some(_) => throttles::update(&tx, &account, &reserved).await?,
                None => throttles::insert(&tx, &account, &reserved).await?,
            }
            Ok(Ok(Reservation { whose: Whose::Account(account), reserved }))
        };
        self.parts().db.write(reserve).await
    }

    /// The password was right: the try counts as none.
    pub(crate) async fn settle(&self, reservation: Option<&Reservation>) -> Result<(), Unavailable> {
        let Some(reserved) = reservation else { return Ok(()) };
        let settled = self.parts().db.write(async |tx| reserved.succeeded(&tx).await).await;
        if settled.is_err() {
            self.withdraw(reservation);
        }
        Ok(settled?)
    }

    /// Gives a try back of which nothing was found out, because of a fault of ours. Where that fails, it stays one
    /// that failed.
    ///
    /// In a task of its own: the database may be what ails, and the answer does not wait for it a second time.
    pub(crate) fn withdraw(&self, reservation: Option<&Reservation>) {
        let Some(reservation) = reservation.cloned() else { return };
        let auth = self.clone();
        let withdraw = async move {
            let write = auth.parts().db.write(async |tx| reservation.withdrawn(&tx).await);
            if let Err(cause) = write.await {
                tracing::warn!(%cause, "a try that was not made counts as failed");
            }
        };
        tokio::spawn(withdraw.in_current_span());
    }
}

fn told(reserved: Result<Result<Reservation, Duration>, DbError>) -> Result<Option<Reservation>, TryError> {
    match reserved.map_err(Unavailable::from)? {
        Ok(reservation) => Ok(Some(reservation)),
        Err(wait) => {
            tracing::info!(
                event = "throttled",
                by = "account",
                "a try was refused: too many at this account"
            );
            let retry_after = wait.try_into().unwrap_or(std::time::Duration::from_secs(1));
            Err(Throttled { retry_after }.into())
        }
    }
}
