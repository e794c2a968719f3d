//! Hearing of what other processes on the same database end.

use std::time::{Duration, Instant};

use super::Sessions;

/// How often to look whether somebody else wrote.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long after a look what is remembered is still given out: what others end is refused here that much
/// later at the most, however late the next look is.
const BOUND: Duration = Duration::from_millis(100);

impl Sessions {
    /// Looks from time to time whether another process wrote to the database, and forgets everything if it
    /// did. Without it nothing that is remembered is given out, unless the database is in memory.
    pub async fn watch(&self) {
        let (db, cache) = (&self.0.db, &self.0.cache);
        if !cache.needs_watching() {
            return;
        }
        let mut known = None;
        loop {
            let asked = Instant::now();
            match db.data_version().await {
                Ok(version) => {
                    if known.as_ref() != Some(&version) {
                        cache.clear();
                        known = Some(version);
                    }
                    cache.trust_until(asked + BOUND);
                }
                Err(cause) => tracing::debug!(%cause, "could not see whether others wrote"),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }
}
