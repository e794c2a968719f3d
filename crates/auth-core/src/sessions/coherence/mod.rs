//! How this process learns that another process revoked sessions.

mod file;
mod notify;

use std::time::Duration;

use auth_db::{ChangeFeed, Database};

use super::Sessions;

/// Whether other processes can revoke sessions, and what the cache may serve without a message from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coherence {
    /// No other process uses the database.
    Exclusive,
    /// Other processes can revoke sessions. The cache serves entries only while the change feed works, or entries that are
    /// younger than `max_staleness`.
    Shared { max_staleness: Option<Duration> },
}

impl Coherence {
    /// The coherence of a database. The change feed of a file always works, so there nothing stale is served.
    pub fn of(db: &Database, max_staleness: Option<Duration>) -> Self {
        match db.change_feed() {
            ChangeFeed::NotNeeded => Self::Exclusive,
            ChangeFeed::DataVersion => Self::Shared { max_staleness: None },
            ChangeFeed::Notifications | ChangeFeed::None => Self::Shared { max_staleness },
        }
    }
}

impl Sessions {
    /// Follows the change feed, and removes the sessions from the cache that other processes revoke. Without it the cache
    /// serves nothing, unless the database is in memory or staleness is accepted. `name` is a random number.
    pub async fn follow_changes(&self, name: u64) {
        if !self.0.cache.needs_change_feed() {
            return;
        }
        match self.0.db.change_feed() {
            ChangeFeed::NotNeeded | ChangeFeed::None => {}
            ChangeFeed::DataVersion => self.poll_file().await,
            ChangeFeed::Notifications => self.follow_notifications(name).await,
        }
    }
}
