//! What is to be done from time to time: writing down when sessions were used, deleting what is over.

use std::time::Duration;

use auth_db::{
    clock_steps::{self, Lifetimes},
    device_kinds, devices,
    model::FAILURES_COUNT_FOR,
    outbox, resets, throttles,
};
use time::OffsetDateTime;

use crate::{
    Auth, Unavailable,
    mail::KEPT,
    policy::{LAST_SEEN_FLUSH, NOTICE_PER_KIND},
    sessions::{BATCH, Ended},
};

/// Flushes between two purges: five minutes.
const FLUSHES_PER_PURGE: u32 = 10;

/// Flushes between two counts of the stored hashes: an hour.
const FLUSHES_PER_CENSUS: u32 = 120;

/// What a purge deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Sessions that expired or were idle for too long.
    pub sessions: usize,
    /// Resets that nobody completed in time.
    pub resets: u64,
    /// Devices on which nobody logged in for long.
    pub devices: u64,
    /// Accounts at which nobody failed for a day.
    pub throttles: u64,
    /// Mails that were sent a day ago or earlier.
    pub mails: u64,
}

impl Auth {
    /// Does all that is to be done from time to time, and looks out for what other processes on the same
    /// database end, until its task is ended.
    pub async fn maintain(&self) {
        // Without a name of its own it hears nothing, and checks every session in the database.
        let watch = async {
            match self.parts().entropy.array() {
                Ok(name) => self.parts().sessions.watch(u64::from_le_bytes(name)).await,
                Err(cause) => tracing::error!(%cause, "could not listen to other nodes"),
            }
        };
        tokio::join!(self.tidy_up(), watch);
    }

    async fn tidy_up(&self) {
        let interval = Duration::try_from(LAST_SEEN_FLUSH).unwrap_or(Duration::from_secs(30));
        for round in 0_u32.. {
            if round.is_multiple_of(FLUSHES_PER_CENSUS)
                && let Err(cause) = self.count_stored_hashes().await
            {
                tracing::warn!(%cause, "could not count the stored hashes");
            }
            tokio::time::sleep(interval).await;
            if let Err(cause) = self.trim_throttles().await {
                tracing::warn!(%cause, "could not bound what is stored of failed attempts");
            }
            if let Err(cause) = self.flush_last_seen().await {
                tracing::warn!(%cause, "could not write down when sessions were last used");
            } else if (round + 1).is_multiple_of(FLUSHES_PER_PURGE)
                && let Err(cause) = self.purge_expired().await
            {
                tracing::warn!(%cause, "could not delete what has expired");
            }
        }
    }

    /// Writes down when sessions were last used; answers how many it wrote.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; what was not written is tried again by the next flush.
    #[tracing::instrument(level = "debug", name = "core.flush_last_seen", skip_all)]
    pub async fn flush_last_seen(&self) -> Result<usize, Unavailable> {
        Ok(self.parts().sessions.flush().await?)
    }

    /// Deletes what is stored of failed attempts beyond the capacity: those with the fewest failures, the oldest
    /// first. Answers how many there were.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; what was not deleted is tried again by the next.
    #[tracing::instrument(level = "debug", name = "core.trim_throttles", skip_all)]
    pub async fn trim_throttles(&self) -> Result<u64, Unavailable> {
        let Some(throttle) = &self.parts().throttle else { return Ok(0) };
        let (capacity, mut all) = (throttle.options.accounts, 0);
        loop {
            let trim = async |tx| throttles::trim(&tx, capacity, BATCH as u64).await;
            let deleted = self.parts().db.write(trim).await?;
            all += deleted;
            if deleted < BATCH as u64 {
                return Ok(all);
            }
        }
    }

    /// Deletes sessions, resets, devices and failures that are over. None of them counts any more, deleted or not.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; what was not deleted is tried again by the next purge.
    #[tracing::instrument(level = "debug", name = "core.purge_expired", skip_all)]
    pub async fn purge_expired(&self) -> Result<Purged, Unavailable> {
        // First what is known of their use: a session in use must not look idle.
        self.parts().sessions.pull_back(self.now());
        self.flush_last_seen().await?;
        self.correct_future_instants().await?;

        let now = self.now();
        let idle_since = now
            .checked_sub(self.parts().policy.session_idle.saturating_add(LAST_SEEN_FLUSH * 2))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut purged = Purged::default();
        loop {
            let batch = self.purge_batch(now, idle_since).await?;
            purged.sessions += batch.sessions;
            purged.resets += batch.resets;
            purged.devices += batch.devices;
            purged.throttles += batch.throttles;
            purged.mails += batch.mails;
            let most = [batch.sessions as u64, batch.resets, batch.devices, batch.throttles, batch.mails];
            if most.into_iter().all(|deleted| deleted < BATCH as u64) {
                break;
            }
        }
        if purged != Purged::default() {
            let Purged { sessions, resets, devices, throttles, mails } = purged;
            tracing::info!(sessions, resets, devices, throttles, mails, "deleted what has expired");
        }
        Ok(purged)
    }

    /// Corrects what was stored while the clock was ahead: a session or link made then must not live until then.
    async fn correct_future_instants(&self) -> Result<(), Unavailable> {
        let now = self.now();
        let lifetimes =
            Lifetimes { session: self.policy().session_lifetime, device: crate::policy::DEVICE_LIFETIME };
        let pull_back = self.parts().db.write(async |tx| clock_steps::pull_back(&tx, now, lifetimes).await);
        let corrected = pull_back.await?;
        if corrected > 0 {
            // What is remembered of sessions has the old instants.
            self.parts().sessions.forget_everything();
            tracing::warn!(
                corrected,
                "the clock of a node was ahead: stored instants in the future were corrected; check time \
                 synchronisation (NTP) on all nodes"
            );
        }
        Ok(())
    }

    async fn purge_batch(
        &self,
        now: OffsetDateTime,
        idle_since: OffsetDateTime,
    ) -> Result<Purged, Unavailable> {
        let limit = BATCH as u64;
        let forgotten = now.checked_sub(FAILURES_COUNT_FOR).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let auth = self.clone();
        let purge = async move {
            let write = auth.parts().db.write(async |tx| {
                let resets = resets::purge(&tx, now, limit).await?;
                let ended = Ended::over(&tx, now, idle_since, limit).await?;
                let devices = devices::purge(&tx, now, limit).await?;
                let throttles = throttles::purge(&tx, forgotten, limit).await?;
                let mails = outbox::purge(&tx, now - KEPT, limit).await?;
                device_kinds::purge(&tx, now - NOTICE_PER_KIND, limit).await?;
                Ok((Purged { sessions: ended.count(), resets, devices, throttles, mails }, ended))
            });
            write.await
        };
        self.parts().sessions.ending(None, purge).await
    }
}
