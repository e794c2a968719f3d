//! The change feed of a file: polling for writes of other processes.

use std::time::Duration;

use crate::sessions::{Sessions, monotonic};

/// The polling interval.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long after a poll the cache serves its entries. A session that another process revokes is rejected here after at
/// most this time, however late the next poll is.
const BOUND: Duration = Duration::from_millis(100);

impl Sessions {
    pub(super) async fn poll_file(&self) {
        let (db, cache) = (&self.0.db, &self.0.cache);
        let mut known = None;
        loop {
            let polled_at = monotonic();
            match db.data_version().await {
                Ok(version) => {
                    if known.as_ref() != Some(&version) {
                        cache.clear();
                        known = Some(version);
                    }
                    cache.trust_until(polled_at + BOUND);
                }
                Err(cause) => tracing::debug!(%cause, "could not check whether another process wrote"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}
