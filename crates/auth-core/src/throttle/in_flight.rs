//! Attempts of this process whose passwords are being checked, by allowance.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, watch},
    time::{Instant, timeout_at},
};

/// The digest of an account or a device.
type Key = [u8; 32];

/// Attempts in flight, by allowance. Cheap to clone; all clones share their state.
#[derive(Debug, Clone, Default)]
pub struct AttemptsInFlight(Arc<Mutex<HashMap<Key, Arc<Allowance>>>>);

#[derive(Debug)]
struct Allowance {
    /// Locked while an attempt is taken in the database.
    taking: Arc<AsyncMutex<()>>,
    in_flight: AtomicUsize,
    /// Changes when an attempt ends.
    ended: watch::Sender<()>,
}

/// A reference to an allowance. Dropping the last one removes it.
#[derive(Debug)]
struct Handle {
    attempts: AttemptsInFlight,
    key: Key,
    allowance: Arc<Allowance>,
}

/// The turn to take an attempt from an allowance in the database. In this process, one has it at a time.
pub struct Turn {
    handle: Handle,
    had_to_wait: bool,
    _taking: OwnedMutexGuard<()>,
}

/// The guard of an attempt in flight.
#[derive(Debug)]
pub struct InFlight(Handle);

/// The other attempts in flight when one was rejected.
pub struct OtherAttempts(watch::Receiver<()>);

impl AttemptsInFlight {
    /// Waits for the turn to take an attempt.
    pub async fn turn(&self, key: Key) -> Turn {
        let handle = self.handle(key);
        let taking = Arc::clone(&handle.allowance.taking);
        match Arc::clone(&taking).try_lock_owned() {
            Ok(taking) => Turn { handle, had_to_wait: false, _taking: taking },
            Err(_) => Turn { handle, had_to_wait: true, _taking: taking.lock_owned().await },
        }
    }

    fn handle(&self, key: Key) -> Handle {
        let new = || {
            Arc::new(Allowance {
                taking: Arc::default(),
                in_flight: AtomicUsize::new(0),
                ended: watch::Sender::new(()),
            })
        };
        let allowance = Arc::clone(self.allowances().entry(key).or_insert_with(new));
        Handle { attempts: self.clone(), key, allowance }
    }

    fn allowances(&self) -> MutexGuard<'_, HashMap<Key, Arc<Allowance>>> {
        // No code under this lock can panic in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Whether others had it before, so that what was read earlier may have changed.
    pub const fn had_to_wait(&self) -> bool {
        self.had_to_wait
    }

    /// The attempt was taken, and is in flight until the guard is dropped.
    pub fn begin(self) -> InFlight {
        self.handle.allowance.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(self.handle)
    }

    /// The attempt was rejected. Returns the others in flight, if there are any.
    pub fn others(self) -> Option<OtherAttempts> {
        let allowance = &self.handle.allowance;
        let others = allowance.ended.subscribe();
        (allowance.in_flight.load(Ordering::Acquire) > 0).then_some(OtherAttempts(others))
    }
}

impl OtherAttempts {
    /// Waits until one of them ends. Returns false if none does before the deadline.
    pub async fn wait_for_change(mut self, deadline: Instant) -> bool {
        // An error means that the last of them ended.
        timeout_at(deadline, self.0.changed()).await.is_ok()
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.allowance.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.0.allowance.ended.send_replace(());
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let mut allowances = self.attempts.allowances();
        // The reference of the map, and this one.
        if Arc::strong_count(&self.allowance) == 2 {
            allowances.remove(&self.key);
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests use real instants")]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    const KEY: Key = [1; 32];

    #[tokio::test(start_paused = true)]
    async fn others_are_waited_for_while_there_are_any_and_until_the_deadline() {
        let attempts = AttemptsInFlight::default();
        let deadline = Instant::now() + Duration::from_secs(1);
        assert!(attempts.turn(KEY).await.others().is_none());

        let (one, two) = (attempts.turn(KEY).await.begin(), attempts.turn(KEY).await.begin());
        let first = attempts.turn(KEY).await.others().unwrap();
        drop(one);
        assert!(first.wait_for_change(deadline).await, "it ended before the wait");
        let second = attempts.turn(KEY).await.others().unwrap();
        assert!(!second.wait_for_change(deadline).await, "none ended before the deadline");

        let last = attempts.turn(KEY).await.others().unwrap();
        drop(two);
        assert!(last.wait_for_change(Instant::now() + Duration::from_secs(1)).await);
        assert!(attempts.allowances().is_empty());
    }

    #[tokio::test]
    async fn one_attempt_is_taken_at_a_time() {
        let attempts = AttemptsInFlight::default();
        let turn = attempts.turn(KEY).await;
        let mut next = Box::pin(attempts.turn(KEY));
        assert!(next.as_mut().now_or_never().is_none());
        assert!(attempts.turn([2; 32]).now_or_never().is_some(), "another allowance");

        drop(turn);
        next.await;
        assert!(attempts.allowances().is_empty());
    }
}
