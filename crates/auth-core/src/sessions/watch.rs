//! Hearing of what other processes on the same database end.

use std::time::{Duration, Instant};

use auth_db::Channel;

use super::Sessions;

/// How often to look whether somebody else wrote to a file.
const INTERVAL: Duration = Duration::from_millis(50);

/// How long after a look what is remembered is still given out: what others end is refused here that much
/// later at the most, however late the next look is.
const BOUND: Duration = Duration::from_millis(100);

impl Sessions {
    /// Looks out for what other processes do to the database, and forgets what they may have ended. Without it
    /// nothing that is remembered is given out, unless the database is in memory or something stale is
    /// accepted. `name` is a random number.
    pub async fn watch(&self, name: u64) {
        if !self.0.cache.needs_watching() {
            return;
        }
        match self.0.db.channel() {
            Channel::Private | Channel::None => {}
            Channel::DataVersion => self.watch_file().await,
            Channel::Revocations => self.watch_nodes(name).await,
        }
    }

    async fn watch_file(&self) {
        let (db, cache) = (&self.0.db, &self.0.cache);
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
