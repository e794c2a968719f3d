//! An attempt that was taken, until it is known how it ended.

use std::sync::Arc;

use auth_db::{
    DbError, Writer, devices,
    model::{DeviceTokenDigest, FailedAttempts},
    throttles::{self, AccountDigest, Stored},
};
use tracing::Instrument;

use super::in_flight::InFlight;
use crate::{Auth, Unavailable};

/// How often returning an attempt is repeated where others at the same account begin or end at that moment.
const RETRIES: u32 = 20;

/// An attempt that counts as failed until it is settled.
#[derive(Debug, Clone)]
pub struct Reservation {
    whose: Whose,
    reserved: FailedAttempts,
    /// Attempts of the same allowance wait until the last clone is gone.
    _in_flight: Arc<InFlight>,
}

/// Whose allowance an attempt was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// That of the account: of everybody who is not known to be its owner.
    Account(AccountDigest),
    /// That of a device on which the owner logged in before.
    Device(DeviceTokenDigest),
}

impl Whose {
    /// What it is named by.
    pub const fn key(&self) -> &[u8; 32] {
        match self {
            Self::Account(account) => account,
            Self::Device(device) => device.as_bytes(),
        }
    }
}

impl Reservation {
    /// An attempt that was taken; it lasts until the last clone is gone.
    pub fn new(whose: Whose, reserved: FailedAttempts, in_flight: InFlight) -> Self {
        Self { whose, reserved, _in_flight: Arc::new(in_flight) }
    }

    /// The password was right: a device starts anew; for the account it is as if there had been no attempt, and the
    /// failures of others stay.
    pub async fn succeeded(&self, on: &impl Writer) -> Result<(), DbError> {
        match self.whose {
            Whose::Device(device) => devices::set_failed_attempts(on, &device, &FailedAttempts::NONE).await,
            Whose::Account(account) => self.refund(on, &account).await,
        }
    }

    /// Nothing was found out: it is as if there had been no attempt.
    async fn withdrawn(&self, on: &impl Writer) -> Result<(), DbError> {
        match self.whose {
            Whose::Device(device) => self.refund_to_device(on, &device).await,
            Whose::Account(account) => self.refund(on, &account).await,
        }
    }

    async fn refund(&self, on: &impl Writer, account: &AccountDigest) -> Result<(), DbError> {
        // Most often nothing happened since.
        let mut attempts = self.reserved;
        for _ in 0..RETRIES {
            let done = match attempts.refund(&self.reserved) {
                FailedAttempts { failures: 0, .. } => throttles::delete_if(on, account, &attempts).await?,
                less => throttles::replace(on, account, &attempts, &less).await?,
            };
            if done {
                return Ok(());
            }
            let Stored::Own(stored) = throttles::find(on, account).await? else { return Ok(()) };
            attempts = stored;
        }
        Ok(())
    }

    async fn refund_to_device(&self, on: &impl Writer, token: &DeviceTokenDigest) -> Result<(), DbError> {
        let mut attempts = self.reserved;
        for _ in 0..RETRIES {
            let less = attempts.refund(&self.reserved);
            if devices::replace_failed_attempts(on, token, &attempts, &less).await? {
                return Ok(());
            }
            let Some(device) = devices::find(on, token).await? else { return Ok(()) };
            attempts = device.failed_attempts;
        }
        Ok(())
    }
}

impl Auth {
    /// The password was right: the attempt counts as none.
    pub(crate) async fn settle(&self, reservation: Option<&Reservation>) -> Result<(), Unavailable> {
        let Some(reserved) = reservation else { return Ok(()) };
        let settled = reserved.succeeded(&self.parts().db.autocommit()).await;
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
        let db = self.parts().db.autocommit();
        let withdraw = async move {
            if let Err(cause) = reservation.withdrawn(&db).await {
                tracing::warn!(%cause, "an attempt that was not made counts as failed");
            }
        };
        tokio::spawn(withdraw.in_current_span());
    }
}
