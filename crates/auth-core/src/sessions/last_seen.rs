//! When sessions were last used: noted in memory, written down in batches.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use auth_db::model::SessionTokenDigest;
use time::OffsetDateTime;

use crate::policy::LAST_SEEN_FLUSH;

/// How many sessions are remembered that have nothing to write down. Beyond, those that are not in the cache
/// either are forgotten, which costs exactness (see [`LastSeen::latest`]) and nothing else. About 100 bytes
/// each.
const REMEMBERED: usize = 100_000;

/// How far a clock may go back without anything being corrected, in microseconds: a minute.
const CLOCK_TOLERANCE: i64 = 60_000_000;

/// What this process saw of the use of sessions.
#[derive(Debug, Default)]
pub struct LastSeen(Mutex<HashMap<SessionTokenDigest, Arc<Seen>>>);

/// When one session was last used, as far as this process saw it.
#[derive(Debug)]
pub struct Seen {
    /// In microseconds since 1970.
    at: AtomicI64,
    /// Which of these was written down last.
    written: AtomicI64,
    /// Whether the session ended, for whoever still holds this.
    ended: AtomicBool,
}

impl Seen {
    /// When it was last used.
    pub fn at(&self) -> OffsetDateTime {
        instant(self.at.load(Ordering::Acquire))
    }

    /// It was used; an instant before one that is known changes nothing, unless that one is of a clock that was ahead.
    pub fn note(&self, at: OffsetDateTime) {
        let at = micros(at);
        let before = self.at.fetch_max(at, Ordering::AcqRel);
        if before > at.saturating_add(CLOCK_TOLERANCE) {
            // Another use at this moment is as good.
            let _ = self.at.compare_exchange(before, at, Ordering::AcqRel, Ordering::Acquire);
            self.written.store(i64::MIN, Ordering::Release);
        }
    }

    /// Whether the session ended.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn new(at: i64, written: i64) -> Self {
        Self { at: at.into(), written: written.into(), ended: false.into() }
    }

    fn is_written(&self) -> bool {
        self.written.load(Ordering::Acquire) == self.at.load(Ordering::Acquire)
    }
}

impl LastSeen {
    /// A session was opened: the stored instant is this one.
    pub fn opened(&self, session: SessionTokenDigest, at: OffsetDateTime) {
        let at = micros(at);
        self.seen().insert(session, Arc::new(Seen::new(at, at)));
    }

    /// A session was used; further uses can be noted in what this answers.
    pub fn note(&self, session: SessionTokenDigest, at: OffsetDateTime) -> Arc<Seen> {
        let mut seen = self.seen();
        let entry = seen.entry(session).or_insert_with(|| Arc::new(Seen::new(micros(at), i64::MIN)));
        entry.note(at);
        Arc::clone(entry)
    }

    /// When a session was last used, as far as can be known from here.
    ///
    /// If this process saw it used, and nobody wrote down a later use, that is exact. Otherwise another
    /// process, or this one before it was restarted, may have seen it later than `stored` says, by up to
    /// two flush intervals: they are allowed.
    pub fn latest(&self, session: &SessionTokenDigest, stored: OffsetDateTime) -> OffsetDateTime {
        match self.seen().get(session) {
            Some(seen) if seen.at() >= stored => seen.at(),
            _ => stored.saturating_add(LAST_SEEN_FLUSH * 2),
        }
    }

    /// Takes instants in the future of `now` for `now`: the clock was ahead.
    pub fn pull_back(&self, now: OffsetDateTime) {
        for seen in self.seen().values() {
            // One of the present or the past stays as it is.
            if seen.at() > now {
                seen.note(now);
            }
        }
    }

    /// A session ended: nothing needs to be known of it.
    pub fn forget(&self, session: &SessionTokenDigest) {
        if let Some(seen) = self.seen().remove(session) {
            seen.ended.store(true, Ordering::SeqCst);
        }
    }

    /// What is to be written down. What has been, is in nobody's hands and is too much to remember, is
    /// forgotten.
    pub fn unwritten(&self) -> Vec<(SessionTokenDigest, OffsetDateTime)> {
        let mut seen = self.seen();
        if seen.len() > REMEMBERED {
            seen.retain(|_, seen| !seen.is_written() || Arc::strong_count(seen) > 1);
        }
        let unwritten = seen.iter().filter(|(_, seen)| !seen.is_written());
        unwritten.map(|(session, seen)| (*session, seen.at())).collect()
    }

    /// These were written down.
    pub fn wrote(&self, batch: &[(SessionTokenDigest, OffsetDateTime)]) {
        let seen = self.seen();
        for (session, at) in batch {
            if let Some(seen) = seen.get(session) {
                seen.written.fetch_max(micros(*at), Ordering::AcqRel);
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<SessionTokenDigest, Arc<Seen>>> {
        // Nothing here can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn instant(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    const SESSION: SessionTokenDigest = SessionTokenDigest::from_bytes([7; 32]);

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)
    }

    #[test]
    fn what_this_process_saw_is_exact_and_what_is_only_stored_gets_an_allowance() {
        let last_seen = LastSeen::default();
        assert_eq!(last_seen.latest(&SESSION, at(100)), at(160));

        last_seen.note(SESSION, at(100));
        assert_eq!(last_seen.latest(&SESSION, at(100)), at(100));
        assert_eq!(last_seen.latest(&SESSION, at(90)), at(100));
        assert_eq!(last_seen.latest(&SESSION, at(110)), at(170), "another process saw it later");
    }

    #[test]
    fn a_use_during_a_flush_is_written_by_the_next() {
        let last_seen = LastSeen::default();
        last_seen.note(SESSION, at(1));
        let batch = last_seen.unwritten();
        last_seen.note(SESSION, at(2));

        last_seen.wrote(&batch);

        assert_eq!(last_seen.unwritten(), [(SESSION, at(2))]);
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing_back() {
        let last_seen = LastSeen::default();
        last_seen.note(SESSION, at(10));
        last_seen.note(SESSION, at(5));

        assert_eq!(last_seen.latest(&SESSION, at(0)), at(10));
    }

    /// Nobody uses it again: it must not look used until the clock has caught up.
    #[test]
    fn what_was_seen_by_a_clock_that_was_ahead_is_taken_for_now() {
        let last_seen = LastSeen::default();
        last_seen.note(SESSION, at(1_000_000));
        last_seen.pull_back(at(500));
        assert_eq!(last_seen.latest(&SESSION, at(0)), at(500));

        last_seen.note(SESSION, at(1_000_000));
        last_seen.note(SESSION, at(600));
        assert_eq!(last_seen.latest(&SESSION, at(0)), at(600));
    }

    #[test]
    fn memory_is_bounded_by_forgetting_what_is_written() {
        let last_seen = LastSeen::default();
        for number in 0..=u32::try_from(REMEMBERED).unwrap() {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            last_seen.opened(SessionTokenDigest::from_bytes(bytes), at(0));
        }
        last_seen.note(SESSION, at(1));
        let cached = last_seen.note(SessionTokenDigest::from_bytes([0; 32]), at(0));

        assert_eq!(last_seen.unwritten(), [(SESSION, at(1))]);
        assert_eq!(last_seen.seen().len(), 2, "one to be written, and one that is still noted in");
        cached.note(at(2));
        assert_eq!(last_seen.unwritten().len(), 2);
    }
}
