//! The last uses of sessions: recorded in memory, and written to the database in batches.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

use auth_db::model::{SessionTokenDigest, instant};
use time::OffsetDateTime;

use crate::policy::LAST_SEEN_FLUSH;

/// The number of records above which those are removed that are written and whose sessions are not cached. That costs
/// precision (see [`LastSeen::latest`]). About 100 bytes each.
const MAX_RECORDS: usize = 100_000;

/// The step of a clock that is not corrected, in microseconds: a minute.
const CLOCK_TOLERANCE: i64 = 60_000_000;

/// The last uses of sessions in this process.
#[derive(Debug, Default)]
pub struct LastSeen(Mutex<HashMap<SessionTokenDigest, Arc<UseRecord>>>);

/// The last use of one session in this process.
#[derive(Debug)]
pub struct UseRecord {
    /// In microseconds since 1970.
    at: AtomicI64,
    /// The value of `at` that was written last.
    written: AtomicI64,
    /// Whether the session was revoked, for code that still holds this record.
    revoked: AtomicBool,
}

impl UseRecord {
    /// The instant of the last use.
    pub fn at(&self) -> OffsetDateTime {
        from_micros(self.at.load(Ordering::Acquire))
    }

    /// Records a use. An earlier instant than the known one changes nothing, unless the clock was ahead then.
    pub fn record(&self, at: OffsetDateTime) {
        let at = micros(at);
        let before = self.at.fetch_max(at, Ordering::AcqRel);
        if before > at.saturating_add(CLOCK_TOLERANCE) {
            // A concurrent use has almost the same instant.
            let _ = self.at.compare_exchange(before, at, Ordering::AcqRel, Ordering::Acquire);
            self.written.store(i64::MIN, Ordering::Release);
        }
    }

    /// Whether the session was revoked.
    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::SeqCst)
    }

    fn new(at: i64, written: i64) -> Self {
        Self { at: at.into(), written: written.into(), revoked: false.into() }
    }

    fn is_written(&self) -> bool {
        self.written.load(Ordering::Acquire) == self.at.load(Ordering::Acquire)
    }
}

impl LastSeen {
    /// Records that a session was opened, and stored with this instant.
    pub fn opened(&self, digest: SessionTokenDigest, at: OffsetDateTime) {
        let at = micros(at);
        self.records().insert(digest, Arc::new(UseRecord::new(at, at)));
    }

    /// Records a use of a session. Further uses can be recorded in the result.
    pub fn record(&self, digest: SessionTokenDigest, at: OffsetDateTime) -> Arc<UseRecord> {
        let mut records = self.records();
        let entry = records.entry(digest).or_insert_with(|| Arc::new(UseRecord::new(micros(at), i64::MIN)));
        entry.record(at);
        Arc::clone(entry)
    }

    /// The latest known use of a session.
    ///
    /// It is exact if this process recorded it, and no process stored a later one. Otherwise another process, or this one
    /// before a restart, may have recorded a use up to two flush intervals after `stored`, which are added.
    pub fn latest(&self, digest: &SessionTokenDigest, stored: OffsetDateTime) -> OffsetDateTime {
        match self.records().get(digest) {
            Some(record) if record.at() >= stored => record.at(),
            _ => instant::after(stored, LAST_SEEN_FLUSH * 2),
        }
    }

    /// Replaces instants in the future of `now` by `now`: the clock was ahead.
    pub fn correct(&self, now: OffsetDateTime) {
        for record in self.records().values() {
            if record.at() > now {
                record.record(now);
            }
        }
    }

    /// Removes the record of a revoked session.
    pub fn remove(&self, digest: &SessionTokenDigest) {
        if let Some(record) = self.records().remove(digest) {
            record.revoked.store(true, Ordering::SeqCst);
        }
    }

    /// The uses that are not written. Removes records of sessions that are written and not cached, if there are too many.
    pub fn unwritten(&self) -> Vec<(SessionTokenDigest, OffsetDateTime)> {
        let mut records = self.records();
        if records.len() > MAX_RECORDS {
            records.retain(|_, record| !record.is_written() || Arc::strong_count(record) > 1);
        }
        let unwritten = records.iter().filter(|(_, record)| !record.is_written());
        unwritten.map(|(digest, record)| (*digest, record.at())).collect()
    }

    /// Records that a batch was written.
    pub fn written(&self, batch: &[(SessionTokenDigest, OffsetDateTime)]) {
        let records = self.records();
        for (digest, at) in batch {
            if let Some(record) = records.get(digest) {
                record.written.fetch_max(micros(*at), Ordering::AcqRel);
            }
        }
    }

    fn records(&self) -> MutexGuard<'_, HashMap<SessionTokenDigest, Arc<UseRecord>>> {
        // No code under this lock can panic in the middle of a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> OffsetDateTime {
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
    fn a_recorded_use_is_exact_and_a_stored_one_gets_an_allowance() {
        let last_seen = LastSeen::default();
        assert_eq!(last_seen.latest(&SESSION, at(100)), at(160));

        last_seen.record(SESSION, at(100));
        assert_eq!(last_seen.latest(&SESSION, at(100)), at(100));
        assert_eq!(last_seen.latest(&SESSION, at(90)), at(100));
        assert_eq!(last_seen.latest(&SESSION, at(110)), at(170), "another process recorded a later use");
    }

    #[test]
    fn a_use_during_a_flush_is_written_by_the_next() {
        let last_seen = LastSeen::default();
        last_seen.record(SESSION, at(1));
        let batch = last_seen.unwritten();
        last_seen.record(SESSION, at(2));

        last_seen.written(&batch);

        assert_eq!(last_seen.unwritten(), [(SESSION, at(2))]);
    }

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let last_seen = LastSeen::default();
        last_seen.record(SESSION, at(10));
        last_seen.record(SESSION, at(5));

        assert_eq!(last_seen.latest(&SESSION, at(0)), at(10));
    }

    /// An unused session must not seem used until the clock has caught up.
    #[test]
    fn a_use_by_a_clock_that_was_ahead_is_dated_now() {
        let last_seen = LastSeen::default();
        last_seen.record(SESSION, at(1_000_000));
        last_seen.correct(at(500));
        assert_eq!(last_seen.latest(&SESSION, at(0)), at(500));

        last_seen.record(SESSION, at(1_000_000));
        last_seen.record(SESSION, at(600));
        assert_eq!(last_seen.latest(&SESSION, at(0)), at(600));
    }

    #[test]
    fn memory_is_bounded_by_removing_written_records() {
        let last_seen = LastSeen::default();
        for number in 0..=u32::try_from(MAX_RECORDS).unwrap() {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            last_seen.opened(SessionTokenDigest::from_bytes(bytes), at(0));
        }
        last_seen.record(SESSION, at(1));
        let cached = last_seen.record(SessionTokenDigest::from_bytes([0; 32]), at(0));

        assert_eq!(last_seen.unwritten(), [(SESSION, at(1))]);
        assert_eq!(last_seen.records().len(), 2, "one that is not written, and one that is in use");
        cached.record(at(2));
        assert_eq!(last_seen.unwritten().len(), 2);
    }
}
