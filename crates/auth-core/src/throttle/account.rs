//! The limits of an account and of its devices. They are stored, so that they hold on all nodes and after a restart.
//!
//! An attempt takes two messages to a database server: concurrent queries read what is known of the account, and one
//! compare-and-set takes the attempt (docs/adr/0012).

use std::time::Duration;

use auth_db::{
    Conflict, DbError, Transaction, devices,
    model::{Device, DeviceTokenDigest, EmailKey, FailedAttempts, User},
    throttles::{self, AccountDigest, Stored},
    users,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tokio::try_join;

use super::{Throttle, attempt::Allowance};
use crate::ServiceError;

/// How often the compare-and-set of an attempt is retried while other nodes take attempts at the same account.
const RETRIES: u32 = 10;

/// What is known of an account before an attempt.
pub struct Account {
    email: EmailKey,
    digest: AccountDigest,
    /// The device token of the request.
    device_digest: Option<DeviceTokenDigest>,
    user: Option<User>,
    /// The device of the request, if it belongs to the user.
    device: Option<(DeviceTokenDigest, Device)>,
    stored: Stored,
}

impl Account {
    pub const fn device_is_known(&self) -> bool {
        self.device.is_some()
    }

    pub fn into_user(self) -> Option<User> {
        self.user
    }

    pub(super) fn allowance(&self) -> Allowance {
        self.device.as_ref().map_or(Allowance::Account(self.digest), |(digest, _)| Allowance::Device(*digest))
    }

    /// Whether the attempt may come from the owner: from a known device, or at an account without failures.
    pub(super) fn may_be_owner(&self, now: OffsetDateTime) -> bool {
        let attempts = self.attempts();
        self.device_is_known() || attempts.failures == 0 || attempts.is_expired(now)
    }

    /// The failed attempts of the request's allowance.
    fn attempts(&self) -> FailedAttempts {
        match (&self.device, self.stored) {
            (Some((_, device)), _) => device.failed_attempts,
            (None, Stored::Own(attempts) | Stored::Shared(attempts)) => attempts,
            (None, Stored::Nothing) => FailedAttempts::NONE,
        }
    }
}

/// The digest of an account: equal for all spellings of its address, and independent of whether it exists.
fn account_digest(email: &EmailKey) -> AccountDigest {
    Sha256::digest(email.as_str().as_bytes()).into()
}

/// Clears the failures of an account.
pub async fn clear_failures(tx: &Transaction, email: &EmailKey, now: OffsetDateTime) -> Result<(), DbError> {
    let account = account_digest(email);
    let cleared = FailedAttempts { latest_at: now, ..FailedAttempts::NONE };
    match throttles::lock(tx, &account).await? {
        Stored::Nothing => Ok(()),
        Stored::Own(_) => throttles::update(tx, &account, &cleared).await,
        // Its own row takes precedence over the shared one.
        Stored::Shared(_) => throttles::insert(tx, &account, &cleared).await,
    }
}

impl Throttle {
    /// Reads what is known of an account, by concurrent queries.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    pub async fn account(
        &self,
        email: &EmailKey,
        device_digest: Option<DeviceTokenDigest>,
    ) -> Result<Account, ServiceError> {
        let mut account = Account {
            email: email.clone(),
            digest: account_digest(email),
            device_digest,
            user: None,
            device: None,
            stored: Stored::Nothing,
        };
        self.reload(&mut account).await?;
        Ok(account)
    }

    pub(super) async fn reload(&self, account: &mut Account) -> Result<(), ServiceError> {
        let db = self.0.env.db.read();
        let stored = async {
            match self.0.limits {
                Some(_) => throttles::find(db, &account.digest).await,
                None => Ok(Stored::Nothing),
            }
        };
        let device = self.0.devices.find_known(&account.email, account.device_digest);
        // On the heap, because every future of a login would contain it otherwise.
        let user = users::find_by_email(db, &account.email);
        let reads = Box::pin(async { try_join!(user, device, stored) });
        let (user, device, stored) = reads.await?;
        (account.user, account.device, account.stored) = (user, device, stored);
        Ok(())
    }

    /// Takes an attempt at an account, or returns the time until the next one. The account is reloaded while other nodes take
    /// attempts at it.
    pub(super) async fn admit(
        &self,
        account: &mut Account,
    ) -> Result<Result<FailedAttempts, Duration>, ServiceError> {
        for _ in 0..RETRIES {
            let (before, now) = (account.attempts(), self.0.env.now());
            let admitted = before.admit(now);
            // Instants in the future are corrected even if none is left.
            let after = admitted.unwrap_or_else(|_| before.as_of(now));
            let is_stored = after == before || self.replace(account, &before, &after).await?;
            if is_stored || admitted.is_err() {
                return Ok(admitted);
            }
            self.reload(account).await?;
        }
        Ok(Err(Duration::from_secs(1)))
    }

    /// Stores the attempts at an account if they are still those that were read. Returns whether they were.
    async fn replace(
        &self,
        account: &Account,
        before: &FailedAttempts,
        after: &FailedAttempts,
    ) -> Result<bool, DbError> {
        let db = self.0.env.db.autocommit();
        if let Some((digest, _)) = &account.device {
            return devices::replace_failed_attempts(&db, digest, before, after).await;
        }
        if let Stored::Own(_) = account.stored {
            return throttles::replace(&db, &account.digest, before, after).await;
        }
        match throttles::insert(&db, &account.digest, after).await {
            Err(DbError::Conflict(Conflict::Throttle)) => Ok(false),
            inserted => inserted.map(|()| true),
        }
    }
}
