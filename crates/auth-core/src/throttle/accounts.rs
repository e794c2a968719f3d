//! How often an account may be tried, from wherever: stored, so that it holds on all nodes and after a restart.
//!
//! An attempt takes two messages to a database server: what is known of the account is read by statements that run at the
//! same time, and the attempt is taken by one that compares and sets.

use auth_db::{
    Conflict, DbError, Transaction, devices,
    model::{Device, DeviceToken, DeviceTokenDigest, Email, FailedAttempts, User},
    throttles::{self, AccountDigest, Stored},
    users,
};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use tokio::{
    time::{Instant, sleep_until},
    try_join,
};

use super::{
    AttemptError,
    reservation::{Reservation, Whose},
};
use crate::{Auth, Unavailable};

/// How often an attempt is made where other processes make some at the same account at the same moment. Of theirs, no more
/// succeed than the account allows.
const RETRIES: u32 = 10;

/// How long an attempt waits for others at the same account that are being checked: a few batches of hashes.
const LONGEST_WAIT_FOR_OTHERS: std::time::Duration = std::time::Duration::from_secs(10);

/// An attempt that has begun: its password may be checked.
pub struct Begun {
    /// Whose password it is to be, if somebody has the address.
    pub user: Option<User>,
    /// Whether the user logged in before on the device that the request presented.
    pub device_is_known: bool,
    /// To be settled or withdrawn; none if attempts are not limited.
    pub reservation: Option<Reservation>,
}

/// What is known of an account before an attempt.
struct Account {
    digest: AccountDigest,
    user: Option<User>,
    /// The device that the request presented, if it is the owner's.
    device: Option<(DeviceTokenDigest, Device)>,
    stored: Stored,
}

impl Account {
    fn whose(&self) -> Whose {
        self.device.as_ref().map_or(Whose::Account(self.digest), |(digest, _)| Whose::Device(*digest))
    }

    /// Those that count at it for this request.
    fn attempts(&self) -> FailedAttempts {
        match (&self.device, self.stored) {
            (Some((_, device)), _) => device.failed_attempts,
            (None, Stored::Own(attempts) | Stored::Shared(attempts)) => attempts,
            (None, Stored::Nothing) => FailedAttempts::NONE,
        }
    }

    fn begun(self, reservation: Option<Reservation>) -> Begun {
        Begun { user: self.user, device_is_known: self.device.is_some(), reservation }
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
    /// Begins an attempt at an account: takes one of those that are left, before the password is checked.
    ///
    /// That takes as long for an address that nobody has.
    pub(crate) async fn begin_attempt(
        &self,
        email: &Email,
        device: Option<&DeviceToken>,
    ) -> Result<Begun, AttemptError> {
        let read = Instant::now() + self.parts().look_up_floor;
        let mut account = self.read_account(email, device).await?;
        sleep_until(read).await;
        let Some(throttle) = &self.parts().throttle else { return Ok(account.begun(None)) };
        let deadline = Instant::now() + LONGEST_WAIT_FOR_OTHERS;
        let mut is_stale = false;
        loop {
            let turn = throttle.in_flight.turn(*account.whose().key()).await;
            if is_stale || turn.had_to_wait() {
                account = self.read_account(email, device).await?;
            }
            let wait = match self.take(&mut account, email, device).await? {
                Err(wait) => wait,
                Ok(reserved) => {
                    let reservation = Reservation::new(account.whose(), reserved, turn.begin());
                    return Ok(account.begun(Some(reservation)));
                }
            };
            // The others may succeed: right passwords that are being checked are not failures of each other.
            let Some(others) = turn.others() else { return Err(throttle.refuse(wait).into()) };
            if !others.wait_for_change(deadline).await {
                return Err(throttle.refuse(wait).into());
            }
            is_stale = true;
        }
    }

    /// Whether the limit of a client that is many is no reason to refuse an attempt: it comes from a known device, or nobody
    /// failed at the account.
    pub(crate) async fn may_be_the_owner(
        &self,
        email: &Email,
        device: Option<&DeviceToken>,
    ) -> Result<bool, Unavailable> {
        let account = self.read_account(email, device).await?;
        let counts = !account.attempts().is_forgotten(self.now());
        Ok(account.device.is_some() || account.attempts().failures == 0 || !counts)
    }

    /// Reads at once what is known of an account.
    async fn read_account(&self, email: &Email, token: Option<&DeviceToken>) -> Result<Account, Unavailable> {
        let (db, digest) = (self.parts().db.read(), account_digest(email));
        let stored = async {
            match self.parts().throttle {
                Some(_) => throttles::find(db, &digest).await,
                None => Ok(Stored::Nothing),
            }
        };
        let device = self.known_device(email, token, self.now());
        // On the heap: every future of a login has room for them otherwise.
        let user = users::find_by_email(db, email);
        let reads = Box::pin(async { try_join!(user, device, stored) });
        let (user, device, stored) = reads.await?;
        Ok(Account { digest, user, device, stored })
    }

    /// The device that a token stands for, if it is one of the account's owner.
    pub(crate) async fn known_device(
        &self,
        email: &Email,
        token: Option<&DeviceToken>,
        now: OffsetDateTime,
    ) -> Result<Option<(DeviceTokenDigest, Device)>, DbError> {
        let Some(digest) = token.map(DeviceToken::digest) else { return Ok(None) };
        let device = devices::find_of_owner(self.parts().db.read(), &digest, email).await?;
        Ok(device.filter(|device| device.is_live(now)).map(|device| (digest, device)))
    }

    /// Takes an attempt, or returns how long there is none. The account is read again while other processes take attempts
    /// at it, too.
    async fn take(
        &self,
        account: &mut Account,
        email: &Email,
        device: Option<&DeviceToken>,
    ) -> Result<Result<FailedAttempts, Duration>, Unavailable> {
        for _ in 0..RETRIES {
            let (before, now) = (account.attempts(), self.now());
            let reserved = before.reserve(now);
            // Also if there is none left: instants in the future are corrected.
            let after = reserved.unwrap_or_else(|_| before.as_of(now));
            let is_stored = after == before || self.store(account, &before, &after).await?;
            if is_stored || reserved.is_err() {
                return Ok(reserved);
            }
            *account = self.read_account(email, device).await?;
        }
        Ok(Err(Duration::SECOND))
    }

    /// Stores the attempts at an account, if they are still those that were read; returns whether they were.
    async fn store(
        &self,
        account: &Account,
        before: &FailedAttempts,
        after: &FailedAttempts,
    ) -> Result<bool, DbError> {
        let db = self.parts().db.autocommit();
        if let Some((token, _)) = &account.device {
            return devices::replace_failed_attempts(&db, token, before, after).await;
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
