//! Periodic work: storing the last uses of sessions, and deleting expired rows.

use auth_db::{
    clock_steps::{self, Lifetimes},
    device_kinds, devices,
    model::{FAILURE_LIFETIME, instant},
    outbox, resets,
    sessions::Which,
    throttles,
};
use time::OffsetDateTime;

use crate::{
    Auth, ServiceError,
    outbox::SENT_MAIL_RETENTION,
    policy::{DEVICE_LIFETIME, DEVICE_NOTICE_INTERVAL, LAST_SEEN_FLUSH},
    sessions::{BATCH, Revoked},
};

/// Flushes between two deletions of expired rows: five minutes.
const FLUSHES_PER_DELETION: u32 = 10;

/// Flushes between two counts of the stored hashes: an hour.
const FLUSHES_PER_COUNT: u32 = 120;

/// Numbers of expired rows that were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeletedRows {
    /// Sessions that were expired or idle.
    pub sessions: usize,
    /// Resets that were not completed in time.
    pub resets: u64,
    /// Devices without a recent login.
    pub devices: u64,
    /// Accounts without a failed attempt for a day.
    pub throttles: u64,
    /// Emails that were sent a day ago or earlier.
    pub mails: u64,
}

impl Auth {
    /// Does the periodic work, follows what other processes do to the database, and sends emails if there is a mailer, until
    /// [`Auth::shutdown`] or until its task is cancelled.
    pub async fn run(&self) {
        let parts = self.parts();
        let follow = async {
            // Without a name it receives no notifications, and every session is checked in the database.
            match parts.env.entropy.array() {
                Ok(name) => parts.sessions.follow_changes(u64::from_le_bytes(name)).await,
                Err(cause) => tracing::error!(%cause, "could not follow the changes of other processes"),
            }
        };
        let background = async { tokio::join!(self.maintain(), follow) };
        let mail = async {
            match &parts.mailer {
                Some(mailer) => parts.outbox.run_worker(&**mailer).await,
                None => parts.outbox.stopped().await,
            }
        };
        tokio::select! {
            () = mail => {}
            _ = background => {}
        }
    }

    /// Lets [`Auth::run`] return after the emails that it is sending, and stores the last uses of sessions. Call it after the
    /// last request.
    ///
    /// # Errors
    ///
    /// [`ServiceError`] if the last uses could not be stored.
    pub async fn shutdown(&self) -> Result<(), ServiceError> {
        self.parts().outbox.stop();
        self.flush_last_seen().await?;
        Ok(())
    }

    async fn maintain(&self) {
        for round in 0_u32.. {
            if round.is_multiple_of(FLUSHES_PER_COUNT)
                && let Err(cause) = self.refresh_decoys().await
            {
                tracing::warn!(%cause, "could not count the stored hashes");
            }
            tokio::time::sleep(LAST_SEEN_FLUSH).await;
            if let Err(cause) = self.evict_surplus_throttles().await {
                tracing::warn!(%cause, "could not bound the stored failed attempts");
            }
            if let Err(cause) = self.flush_last_seen().await {
                tracing::warn!(%cause, "could not store the last uses of sessions");
            } else if (round + 1).is_multiple_of(FLUSHES_PER_DELETION)
                && let Err(cause) = self.delete_expired().await
            {
                tracing::warn!(%cause, "could not delete expired rows");
            }
        }
    }

    /// Counts the stored hashes, so that the decoys of unknown addresses resemble them. [`Auth::run`] does it at its start
    /// and every hour.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; the previous counts stay in use.
    #[tracing::instrument(level = "debug", name = "core.refresh_decoys", skip_all)]
    pub async fn refresh_decoys(&self) -> Result<(), ServiceError> {
        self.parts().decoys.refresh().await
    }

    /// Stores the last uses of sessions. Returns their number. [`Auth::run`] does it every half minute.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; the next call retries.
    #[tracing::instrument(level = "debug", name = "core.flush_last_seen", skip_all)]
    pub async fn flush_last_seen(&self) -> Result<usize, ServiceError> {
        Ok(self.parts().sessions.flush().await?)
    }

    /// Moves the failed attempts of accounts beyond the capacity into shared rows, those with the fewest failures first and
    /// then the oldest. Returns their number. [`Auth::run`] does it every half minute.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; the next call retries.
    #[tracing::instrument(level = "debug", name = "core.evict_surplus_throttles", skip_all)]
    pub async fn evict_surplus_throttles(&self) -> Result<u64, ServiceError> {
        self.parts().throttle.evict_surplus().await
    }

    /// Deletes expired sessions, resets, devices, failed attempts and emails. They have no effect, deleted or not.
    /// [`Auth::run`] does it every five minutes.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; the next call retries.
    #[tracing::instrument(level = "debug", name = "core.delete_expired", skip_all)]
    pub async fn delete_expired(&self) -> Result<DeletedRows, ServiceError> {
        // The last uses first: a session in use must not seem idle.
        self.parts().sessions.correct_future_uses(self.now());
        self.flush_last_seen().await?;
        self.correct_future_instants().await?;

        let now = self.now();
        let idle_since = instant::before(now, self.policy().session_idle + LAST_SEEN_FLUSH * 2);
        let mut deleted = DeletedRows::default();
        loop {
            let batch = self.delete_batch(now, idle_since).await?;
            deleted.sessions += batch.sessions;
            deleted.resets += batch.resets;
            deleted.devices += batch.devices;
            deleted.throttles += batch.throttles;
            deleted.mails += batch.mails;
            let counts = [batch.sessions as u64, batch.resets, batch.devices, batch.throttles, batch.mails];
            if counts.into_iter().all(|count| count < BATCH as u64) {
                break;
            }
        }
        if deleted != DeletedRows::default() {
            let DeletedRows { sessions, resets, devices, throttles, mails } = deleted;
            tracing::info!(sessions, resets, devices, throttles, mails, "deleted expired rows");
        }
        Ok(deleted)
    }

    /// Corrects instants that were stored while the clock was ahead: otherwise sessions and links would live too long.
    async fn correct_future_instants(&self) -> Result<(), ServiceError> {
        let now = self.now();
        let lifetimes = Lifetimes { session: self.policy().session_lifetime, device: DEVICE_LIFETIME };
        let correct = async |tx| clock_steps::correct(&tx, now, lifetimes).await;
        let corrected = self.parts().env.db.write(correct).await?;
        if corrected > 0 {
            // Cached sessions have the old instants.
            self.parts().sessions.clear_cache();
            tracing::warn!(
                corrected,
                "the clock of a node was ahead: stored instants in the future were corrected; check time \
                 synchronisation (NTP) on all nodes"
            );
        }
        Ok(())
    }

    async fn delete_batch(
        &self,
        now: OffsetDateTime,
        idle_since: OffsetDateTime,
    ) -> Result<DeletedRows, ServiceError> {
        let limit = BATCH as u64;
        let before = move |lifetime| instant::before(now, lifetime);
        let delete = move |tx| async move {
            let resets = resets::delete_expired(&tx, now, limit).await?;
            let revoked = Revoked::delete(&tx, Which::Expired { now, idle_since, limit }).await?;
            let devices = devices::delete_expired(&tx, now, limit).await?;
            let throttles = throttles::delete_expired(&tx, before(FAILURE_LIFETIME), limit).await?;
            let mails = outbox::delete_expired(&tx, before(SENT_MAIL_RETENTION), limit).await?;
            device_kinds::delete_expired(&tx, before(DEVICE_NOTICE_INTERVAL), limit).await?;
            Ok((DeletedRows { sessions: revoked.count(), resets, devices, throttles, mails }, revoked))
        };
        self.parts().sessions.write(None, delete).await
    }
}
