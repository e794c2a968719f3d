//! The guard of an attempt.
#![expect(clippy::disallowed_methods, reason = "concurrent attempts take real time")]

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use auth_db::{
    DbError, Writer, devices,
    model::{DeviceTokenDigest, FailedAttempts, User},
    throttles::{self, AccountDigest, Stored},
};
use tokio::time::Instant;
use tracing::Instrument;

use super::{Account, AttemptError, Limits, Purpose, Throttle, in_flight::InFlight};
use crate::ServiceError;

/// How often a refund is retried while concurrent attempts change the same row.
const REFUND_RETRIES: u32 = 20;

/// The maximum wait for concurrent attempts at the same account: a few batches of hashes.
const MAX_WAIT_FOR_OTHERS: Duration = Duration::from_secs(10);

const FAILED: u8 = 0;
const SUCCEEDED: u8 = 1;
const CANCELLED: u8 = 2;

/// An attempt that counts as failed unless it [succeeds](Attempt::succeed) or is [cancelled](Attempt::cancel).
pub struct Attempt {
    /// None if attempts are not limited.
    throttle: Option<Throttle>,
    /// The client whose limit it was taken from.
    client: Option<IpAddr>,
    purpose: Purpose,
    account: Option<Taken>,
    device_is_known: bool,
    outcome: AtomicU8,
}

/// An attempt that was taken at an account.
#[derive(Debug)]
struct Taken {
    allowance: Allowance,
    admitted: FailedAttempts,
    /// Concurrent attempts of the same allowance wait until it is dropped.
    _in_flight: InFlight,
}

/// The allowance from which an attempt was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// That of the account, for everyone who is not known to be its owner.
    Account(AccountDigest),
    /// That of a known device of the owner.
    Device(DeviceTokenDigest),
}

impl Allowance {
    pub const fn key(&self) -> &[u8; 32] {
        match self {
            Self::Account(account) => account,
            Self::Device(device) => device.as_bytes(),
        }
    }
}

impl Attempt {
    pub(super) const fn new(throttle: Throttle, client: Option<IpAddr>, purpose: Purpose) -> Self {
        Self {
            throttle: Some(throttle),
            client,
            purpose,
            account: None,
            device_is_known: false,
            outcome: AtomicU8::new(FAILED),
        }
    }

    /// An attempt that is not limited.
    pub const fn unlimited() -> Self {
        Self {
            throttle: None,
            client: None,
            purpose: Purpose::Guess,
            account: None,
            device_is_known: false,
            outcome: AtomicU8::new(FAILED),
        }
    }

    /// The same attempt, for which no new device is stored.
    pub const fn for_known_device(mut self) -> Self {
        self.device_is_known = true;
        self
    }

    /// Whether the request carries a known device of the account.
    pub const fn device_is_known(&self) -> bool {
        self.device_is_known
    }

    /// Takes one attempt at an account before its password is checked, and returns its user.
    ///
    /// It takes as long for an address without an account. Concurrent attempts at the account may succeed, so if none is
    /// left, it waits for them.
    ///
    /// # Errors
    ///
    /// [`AttemptError`].
    pub async fn take(&mut self, mut account: Account) -> Result<Option<User>, AttemptError> {
        self.device_is_known = account.device_is_known();
        let Some(throttle) = self.throttle.clone() else { return Ok(account.into_user()) };
        let Some(limits) = &throttle.0.limits else { return Ok(account.into_user()) };
        let deadline = Instant::now() + MAX_WAIT_FOR_OTHERS;
        let mut is_stale = false;
        loop {
            let turn = limits.in_flight.turn(*account.allowance().key()).await;
            if is_stale || turn.had_to_wait() {
                throttle.reload(&mut account).await?;
            }
            let wait = match throttle.admit(&mut account).await? {
                Err(wait) => wait,
                Ok(admitted) => {
                    let allowance = account.allowance();
                    self.account = Some(Taken { allowance, admitted, _in_flight: turn.begin() });
                    return Ok(account.into_user());
                }
            };
            let Some(others) = turn.others() else { return Err(limits.reject(wait).into()) };
            if !others.wait_for_change(deadline).await {
                return Err(limits.reject(wait).into());
            }
            is_stale = true;
        }
    }

    /// Records success: the failures of a device are cleared; for an account it is as if there had been no attempt, and the failures of
    /// others remain.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub async fn succeed(&self, on: &impl Writer) -> Result<(), DbError> {
        match self.account.as_ref().map(|taken| (taken.allowance, &taken.admitted)) {
            Some((Allowance::Device(device), _)) => {
                devices::set_failed_attempts(on, &device, &FailedAttempts::NONE).await?;
            }
            Some((Allowance::Account(account), admitted)) => refund_account(on, &account, admitted).await?,
            None => {}
        }
        self.outcome.store(SUCCEEDED, Ordering::Release);
        Ok(())
    }

    /// Records success outside of a transaction. If that fails, the attempt is cancelled.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    pub async fn succeed_now(&self) -> Result<(), ServiceError> {
        let Some(throttle) = &self.throttle else { return Ok(()) };
        let succeeded = self.succeed(&throttle.0.env.db.autocommit()).await;
        Ok(succeeded.inspect_err(|_| self.cancel())?)
    }

    /// Cancels the attempt because the service could not complete it: it is as if there had been none. If the refund fails,
    /// it counts as failed.
    ///
    /// The refund runs in a task of its own: the database may be what failed, and the response must not wait for it a second
    /// time.
    pub fn cancel(&self) {
        if self.outcome.swap(CANCELLED, Ordering::AcqRel) == CANCELLED {
            return;
        }
        let (Some(throttle), Some(taken)) = (&self.throttle, &self.account) else { return };
        let (allowance, admitted) = (taken.allowance, taken.admitted);
        let db = throttle.0.env.db.autocommit();
        let refund = async move {
            let refunded = match allowance {
                Allowance::Device(device) => refund_device(&db, &device, &admitted).await,
                Allowance::Account(account) => refund_account(&db, &account, &admitted).await,
            };
            if let Err(cause) = refunded {
                tracing::warn!(%cause, "an attempt that the service did not complete counts as failed");
            }
        };
        tokio::spawn(refund.in_current_span());
    }

    fn limits(&self) -> Option<&Limits> {
        self.throttle.as_ref()?.0.limits.as_ref()
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if *self.outcome.get_mut() != FAILED
            && let Some(limits) = self.limits()
        {
            limits.clients.of(self.purpose).refund(self.client);
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

async fn refund_account(
    on: &impl Writer,
    account: &AccountDigest,
    admitted: &FailedAttempts,
) -> Result<(), DbError> {
    // Usually no other attempt was made since.
    let mut attempts = *admitted;
    for _ in 0..REFUND_RETRIES {
        let is_refunded = match attempts.refund(admitted) {
            FailedAttempts { failures: 0, .. } => throttles::delete_if(on, account, &attempts).await?,
            fewer => throttles::replace(on, account, &attempts, &fewer).await?,
        };
        if is_refunded {
            return Ok(());
        }
        let Stored::Own(stored) = throttles::find(on, account).await? else { return Ok(()) };
        attempts = stored;
    }
    Ok(())
}

async fn refund_device(
    on: &impl Writer,
    digest: &DeviceTokenDigest,
    admitted: &FailedAttempts,
) -> Result<(), DbError> {
    let mut attempts = *admitted;
    for _ in 0..REFUND_RETRIES {
        let fewer = attempts.refund(admitted);
        if devices::replace_failed_attempts(on, digest, &attempts, &fewer).await? {
            return Ok(());
        }
        let Some(device) = devices::find(on, digest).await? else { return Ok(()) };
        attempts = device.failed_attempts;
    }
    Ok(())
}
