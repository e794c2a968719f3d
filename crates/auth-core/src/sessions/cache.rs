//! The session cache, and when it may serve its entries.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use auth_db::model::{SessionTokenDigest, instant};
use time::OffsetDateTime;

use super::{AuthenticatedSession, coherence::Coherence, last_seen::UseRecord, monotonic};

/// The time to live of an entry.
///
/// Revocations reach the cache. The TTL is for changes that do not: an address that a program changed by `auth-db`, or a
/// later use of the session that another process recorded. It costs a look-up a minute for each session in use. It is not
/// longer than the shortest idle timeout that can be set.
const TTL: Duration = Duration::from_mins(1);

/// The most used sessions, as long as they are known to be current.
pub struct Cache {
    /// None if nothing is cached.
    entries: Option<moka::sync::Cache<SessionTokenDigest, Arc<Entry>>>,
    /// Counts revocations. It is locked while an entry is filled, so that no revocation happens meanwhile.
    revocations: Mutex<u64>,
    coherence: Coherence,
    began: Instant,
    /// The instant up to which no other process has revoked a session unnoticed, in nanoseconds since `began`.
    trusted_until: AtomicU64,
}

/// A cached session.
pub struct Entry {
    pub current: Arc<AuthenticatedSession>,
    pub use_record: Arc<UseRecord>,
    filled_at: OffsetDateTime,
    lookup: Lookup,
}

impl Entry {
    pub const fn new(
        current: Arc<AuthenticatedSession>,
        use_record: Arc<UseRecord>,
        now: OffsetDateTime,
        lookup: Lookup,
    ) -> Self {
        Self { current, use_record, filled_at: now, lookup }
    }
}

/// A look-up that has begun. Its result is cached only if no session was revoked since.
#[derive(Debug, Clone, Copy)]
pub struct Lookup {
    revocations: u64,
    /// By the monotonic clock.
    begun_at: Instant,
}

impl Cache {
    /// A cache with at most `capacity` entries.
    pub fn new(capacity: u64, coherence: Coherence) -> Self {
        Self {
            entries: (capacity > 0).then(|| moka::sync::Cache::new(capacity)),
            revocations: Mutex::new(0),
            coherence,
            began: monotonic(),
            trusted_until: AtomicU64::new(0),
        }
    }

    /// Whether the cache can serve entries only while the change feed is followed.
    pub const fn needs_change_feed(&self) -> bool {
        self.entries.is_some() && matches!(self.coherence, Coherence::Shared { .. })
    }

    /// The entry of a session, if it may be served.
    pub fn get(&self, digest: &SessionTokenDigest, now: OffsetDateTime) -> Option<Arc<Entry>> {
        let entries = self.entries.as_ref()?;
        let entry = entries.get(digest)?;
        if !self.is_trusted() && !self.is_fresh_enough(&entry) {
            return None;
        }
        let is_valid = entry.filled_at <= now && now < instant::after(entry.filled_at, TTL);
        is_valid.then_some(entry)
    }

    pub fn begin_lookup(&self) -> Lookup {
        Lookup { begun_at: monotonic(), revocations: *self.revocations() }
    }

    /// Caches the result of a look-up, unless a session was revoked since it began.
    pub fn fill(&self, digest: SessionTokenDigest, entry: Entry) {
        let Some(entries) = &self.entries else { return };
        let revocations = self.revocations();
        if *revocations == entry.lookup.revocations {
            entries.insert(digest, Arc::new(entry));
        }
    }

    /// Removes revoked sessions.
    pub fn remove(&self, revoked: &[SessionTokenDigest]) {
        let Some(entries) = &self.entries else { return };
        if revoked.is_empty() {
            return;
        }
        let mut revocations = self.revocations();
        *revocations += 1;
        for digest in revoked {
            entries.invalidate(digest);
        }
    }

    /// Removes all entries.
    pub fn clear(&self) {
        let Some(entries) = &self.entries else { return };
        let mut revocations = self.revocations();
        *revocations += 1;
        entries.invalidate_all();
    }

    /// Records that no other process revoked a session unnoticed up to `then`.
    pub fn trust_until(&self, then: Instant) {
        let nanos = then.saturating_duration_since(self.began).as_nanos();
        self.trusted_until.fetch_max(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    fn is_fresh_enough(&self, entry: &Entry) -> bool {
        match self.coherence {
            Coherence::Shared { max_staleness: Some(max) } => entry.lookup.begun_at.elapsed() < max,
            Coherence::Shared { max_staleness: None } | Coherence::Exclusive => false,
        }
    }

    fn is_trusted(&self) -> bool {
        self.coherence == Coherence::Exclusive
            || self.began.elapsed().as_nanos() < u128::from(self.trusted_until.load(Ordering::Acquire))
    }

    fn revocations(&self) -> MutexGuard<'_, u64> {
        // No code under this lock can panic in the middle of a change.
        self.revocations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use auth_db::model::{ClientInfo, Email, Methods, Session, SessionId, UserId};

    use super::*;

    const SESSION: SessionTokenDigest = SessionTokenDigest::from_bytes([7; 32]);
    const OTHER: SessionTokenDigest = SessionTokenDigest::from_bytes([8; 32]);
    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    const SHARED: Coherence = Coherence::Shared { max_staleness: None };

    fn entry(lookup: Lookup) -> Entry {
        let session = Session {
            id: SessionId::mint(0, &[0; 10]),
            user_id: UserId::from_i64(1),
            created_at: START,
            authenticated_at: START,
            methods: Methods::PASSWORD,
            last_seen_at: START,
            expires_at: START + Duration::from_hours(24),
            client: ClientInfo::default(),
        };
        let email = Email::parse("ada@example.org").unwrap();
        let current = AuthenticatedSession { user_id: session.user_id, email, session };
        let use_record = crate::sessions::last_seen::LastSeen::default().record(SESSION, START);
        Entry::new(Arc::new(current), use_record, START, lookup)
    }

    fn filled(cache: Cache) -> Cache {
        cache.fill(SESSION, entry(cache.begin_lookup()));
        cache
    }

    fn serves(cache: &Cache) -> bool {
        cache.get(&SESSION, START).is_some()
    }

    #[test]
    fn an_entry_is_served_until_its_session_is_revoked() {
        let cache = filled(Cache::new(10, Coherence::Exclusive));
        assert!(serves(&cache));

        cache.remove(&[OTHER]);
        assert!(serves(&cache));
        cache.remove(&[OTHER, SESSION]);
        assert!(!serves(&cache));
    }

    #[test]
    fn a_look_up_during_a_revocation_is_not_cached() {
        let cache = Cache::new(10, Coherence::Exclusive);
        for revoke in [Cache::clear, |cache: &Cache| cache.remove(&[OTHER])] {
            let lookup = cache.begin_lookup();
            revoke(&cache);
            cache.fill(SESSION, entry(lookup));
            assert!(!serves(&cache));
        }

        cache.fill(SESSION, entry(cache.begin_lookup()));
        assert!(serves(&cache));
        cache.clear();
        assert!(!serves(&cache));
    }

    #[test]
    fn an_entry_is_served_for_a_minute() {
        let cache = filled(Cache::new(10, Coherence::Exclusive));
        for (after, is_served) in [(0, true), (59, true), (60, false), (-1, false)] {
            let now = START + time::Duration::seconds(after);
            assert_eq!(cache.get(&SESSION, now).is_some(), is_served, "{after}");
        }
    }

    #[test]
    fn where_other_processes_can_revoke_sessions_nothing_is_served_without_trust() {
        let cache = filled(Cache::new(10, SHARED));
        assert!(!serves(&cache));

        cache.trust_until(monotonic() + Duration::from_mins(10));
        assert!(serves(&cache));
        assert!(cache.needs_change_feed() && !Cache::new(10, Coherence::Exclusive).needs_change_feed());

        let lapsed = filled(Cache::new(10, SHARED));
        lapsed.trust_until(monotonic());
        assert!(!serves(&lapsed));
    }

    #[test]
    fn a_fresh_entry_is_served_where_staleness_is_accepted() {
        for (max, is_served) in [(Duration::from_mins(10), true), (Duration::ZERO, false)] {
            let coherence = Coherence::Shared { max_staleness: Some(max) };
            let cache = filled(Cache::new(10, coherence));
            assert_eq!(serves(&cache), is_served);
            cache.remove(&[SESSION]);
            assert!(!serves(&cache));
        }
    }

    #[test]
    fn a_cache_without_capacity_is_empty() {
        let cache = filled(Cache::new(0, Coherence::Exclusive));
        assert!(!serves(&cache) && !cache.needs_change_feed());
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::new(10, Coherence::Exclusive);
        for number in 0..100 {
            cache.fill(SessionTokenDigest::from_bytes([number; 32]), entry(cache.begin_lookup()));
        }
        let entries = cache.entries.as_ref().unwrap();
        entries.run_pending_tasks();
        assert!(entries.entry_count() <= 10);
    }
}
