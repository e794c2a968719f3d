//! The notifications of other nodes, and the heartbeats that prove their delivery.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use auth_db::{
    DbError,
    notify::{Notification, Notifications},
};
use tokio::time::{sleep, timeout, timeout_at};

use crate::sessions::{Sessions, monotonic};

/// The interval of heartbeats.
const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);

/// How long after the sending of a heartbeat that came back the cache serves its entries. A session that another node
/// revokes is rejected here after at most this time; notifications usually arrive within milliseconds.
const BOUND: Duration = Duration::from_secs(1);

/// The timeout for a connection, and for a heartbeat to come back.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The delay before a new connection.
const RECONNECT_DELAY: Duration = Duration::from_millis(250);

/// Why notifications are not received any more.
#[derive(Debug, thiserror::Error)]
enum ListenError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("no notification arrived in time")]
    Timeout,
}

impl From<tokio::time::error::Elapsed> for ListenError {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Timeout
    }
}

/// Heartbeats that have not come back, oldest first.
#[derive(Default)]
struct Heartbeats(Vec<(u64, Instant)>);

impl Heartbeats {
    fn sent(&mut self, number: u64, at: Instant) {
        self.0.push((number, at));
    }

    /// The instant at which a heartbeat that came back was sent. Earlier ones will not come back.
    fn received(&mut self, number: u64) -> Option<Instant> {
        let position = self.0.iter().position(|(sent, _)| *sent == number)?;
        let (_, sent_at) = self.0.remove(position);
        self.0.drain(..position);
        Some(sent_at)
    }

    fn oldest(&self) -> Option<Instant> {
        self.0.first().map(|(_, sent_at)| *sent_at)
    }
}

impl Sessions {
    /// Removes the sessions from the cache that other nodes revoke. While the connection is lost, the cache serves nothing.
    pub(super) async fn follow_notifications(&self, name: u64) {
        let mut is_connected = true;
        loop {
            let Err(cause) = self.listen(name, &mut is_connected).await;
            if is_connected {
                tracing::warn!(%cause, "the channel between nodes is lost: sessions are checked in the database");
                is_connected = false;
            }
            sleep(RECONNECT_DELAY).await;
        }
    }

    /// Listens until the connection is lost.
    async fn listen(&self, name: u64, is_connected: &mut bool) -> Result<Infallible, ListenError> {
        let cache = &self.0.cache;
        let mut notifications = timeout(TIMEOUT, Notifications::listen(&self.0.db, name)).await??;
        // Earlier notifications are lost.
        cache.clear();
        let mut heartbeats = Heartbeats::default();
        loop {
            let begun_at = monotonic();
            if heartbeats.oldest().is_some_and(|sent_at| begun_at.duration_since(sent_at) > TIMEOUT) {
                return Err(ListenError::Timeout);
            }
            heartbeats.sent(timeout(TIMEOUT, notifications.send_heartbeat()).await??, begun_at);
            let next = tokio::time::Instant::from_std(begun_at + HEARTBEAT_INTERVAL);
            while let Ok(notification) = timeout_at(next, notifications.recv()).await {
                match notification? {
                    Notification::Revoked(digests) => self.remove(&digests),
                    Notification::Unknown => cache.clear(),
                    Notification::Heartbeat(number) => {
                        let Some(sent_at) = heartbeats.received(number) else { continue };
                        cache.trust_until(sent_at + BOUND);
                        if !*is_connected {
                            tracing::info!("the channel between nodes is back");
                            *is_connected = true;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_that_came_back_proves_delivery_up_to_the_time_it_was_sent() {
        let began = monotonic();
        let mut heartbeats = Heartbeats::default();
        for number in 1..=3 {
            heartbeats.sent(number, began + HEARTBEAT_INTERVAL * u32::try_from(number).unwrap());
        }

        assert_eq!(heartbeats.received(2), Some(began + HEARTBEAT_INTERVAL * 2));
        assert_eq!(heartbeats.oldest(), Some(began + HEARTBEAT_INTERVAL * 3));
        assert_eq!(heartbeats.received(1), None, "an older one is known");
        assert_eq!(heartbeats.received(7), None, "it was never sent");
        assert_eq!(heartbeats.received(3), Some(began + HEARTBEAT_INTERVAL * 3));
        assert_eq!(heartbeats.oldest(), None);
    }
}
