//! Hearing of what other nodes end, as they end it.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use auth_db::{
    DbError,
    revocations::{Heard, Revocations},
};
use tokio::time::{sleep, timeout, timeout_at};

use super::Sessions;

/// How often a node sends itself a beat.
const BEAT: Duration = Duration::from_millis(500);

/// How long after a beat was sent that came back what is remembered is still given out: what others end is
/// refused here that much later at the most. In practice it is heard of within milliseconds.
const BOUND: Duration = Duration::from_secs(1);

/// How long to wait for a connection, or for a beat to come back, before a new connection is made.
const PATIENCE: Duration = Duration::from_secs(2);

/// The pause before a new connection.
const PAUSE: Duration = Duration::from_millis(250);

/// Why nothing is heard any more.
#[derive(Debug, thiserror::Error)]
enum Deaf {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error("nothing was heard in time")]
    Silence,
}

impl From<tokio::time::error::Elapsed> for Deaf {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::Silence
    }
}

/// Beats that have not come back, oldest first.
#[derive(Default)]
struct Beats(Vec<(u64, Instant)>);

impl Beats {
    fn sent(&mut self, number: u64, at: Instant) {
        self.0.push((number, at));
    }

    /// When a beat that came back was sent. Those before it will not come back.
    fn back(&mut self, number: u64) -> Option<Instant> {
        let place = self.0.iter().position(|(sent, _)| *sent == number)?;
        let (_, sent_at) = self.0.remove(place);
        self.0.drain(..place);
        Some(sent_at)
    }

    fn oldest(&self) -> Option<Instant> {
        self.0.first().map(|(_, sent_at)| *sent_at)
    }
}

impl Sessions {
    /// Forgets what other nodes end. As long as it hears nothing, what is remembered is not given out.
    pub(super) async fn watch_nodes(&self, name: u64) {
        let mut hears = true;
        loop {
            let Err(cause) = self.listen(name, &mut hears).await;
            if hears {
                tracing::warn!(%cause, "the channel between nodes is lost: sessions are checked in the database");
                hears = false;
            }
            sleep(PAUSE).await;
        }
    }

    /// Listens until the connection is lost.
    async fn listen(&self, name: u64, hears: &mut bool) -> Result<Infallible, Deaf> {
        let cache = &self.0.cache;
        let mut revocations = timeout(PATIENCE, Revocations::listen(&self.0.db, name)).await??;
        // What was said before is lost.
        cache.clear();
        let mut beats = Beats::default();
        loop {
            let begun_at = Instant::now();
            if beats.oldest().is_some_and(|sent_at| begun_at.duration_since(sent_at) > PATIENCE) {
                return Err(Deaf::Silence);
            }
            beats.sent(timeout(PATIENCE, revocations.beat()).await??, begun_at);
            let next = tokio::time::Instant::from_std(begun_at + BEAT);
            while let Ok(heard) = timeout_at(next, revocations.hear()).await {
                match heard? {
                    Heard::Ended(ended) => self.forget(&ended),
                    Heard::Unknown => cache.clear(),
                    Heard::Beat(number) => {
                        if let Some(sent_at) = beats.back(number) {
                            cache.trust_until(sent_at + BOUND);
                            if !*hears {
                                tracing::info!("the channel between nodes is back");
                                *hears = true;
                            }
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
    fn a_beat_that_came_back_vouches_for_the_time_before_it_was_sent() {
        let began = Instant::now();
        let mut beats = Beats::default();
        for number in 1..=3 {
            beats.sent(number, began + BEAT * u32::try_from(number).unwrap());
        }

        assert_eq!(beats.back(2), Some(began + BEAT * 2));
        assert_eq!(beats.oldest(), Some(began + BEAT * 3));
        assert_eq!(beats.back(1), None, "it is older than what is known");
        assert_eq!(beats.back(7), None, "it was never sent");
        assert_eq!(beats.back(3), Some(began + BEAT * 3));
        assert_eq!(beats.oldest(), None);
    }
}
