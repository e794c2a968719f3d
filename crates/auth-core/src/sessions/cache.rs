//! What was looked up before, and when it may be believed.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration as Real, Instant},
};

use auth_db::model::SessionTokenDigest;
use time::{Duration, OffsetDateTime};

use super::last_seen::Seen;
use crate::CurrentUser;

/// How long a look-up is believed before it is made again.
///
/// Endings are heard of, so this is for what is not: a stored address that a program changed by `auth-db`, a
/// later use of the session that another process wrote down. It costs a look-up a minute for each session
/// in use. Not longer than the shortest idle time that can be set.
const BELIEVED: Duration = Duration::minutes(1);

/// Looked-up sessions, the most used of them, for as long as they are known to be as they were.
pub struct Cache {
    /// None if nothing is to be remembered.
    entries: Option<moka::sync::Cache<SessionTokenDigest, Arc<Entry>>>,
    /// Counts endings. Held while something is put in, so that no ending passes meanwhile.
    endings: Mutex<u64>,
    others: Others,
    began: Instant,
    /// Until when others are known not to have ended anything, in nanoseconds since `began`.
    trusted_until: AtomicU64,
}

/// Who else can end sessions, and what of it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Nobody.
    None,
    /// Processes that are watched: nothing is given out without trust, or else only what was looked up no
    /// longer ago than this.
    Some { accepted_staleness: Option<Real> },
}

/// A session that was looked up.
pub struct Entry {
    pub current: Arc<CurrentUser>,
    /// When it was last used.
    pub seen: Arc<Seen>,
    filled_at: OffsetDateTime,
    /// Before the look-up, by a clock that nobody sets.
    ticket: Ticket,
}

impl Entry {
    pub const fn new(
        current: Arc<CurrentUser>,
        seen: Arc<Seen>,
        now: OffsetDateTime,
        ticket: Ticket,
    ) -> Self {
        Self { current, seen, filled_at: now, ticket }
    }
}

/// Taken before a look-up: what it finds is remembered only if nothing ended since.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    endings: u64,
    taken_at: Instant,
}

impl Cache {
    /// Holds at most `entries`.
    pub fn new(entries: u64, others: Others) -> Self {
        Self {
            entries: (entries > 0).then(|| moka::sync::Cache::new(entries)),
            endings: Mutex::new(0),
            others,
            began: Instant::now(),
            trusted_until: AtomicU64::new(0),
        }
    }

    /// Whether somebody must watch what others do.
    pub const fn needs_watching(&self) -> bool {
        self.entries.is_some() && matches!(self.others, Others::Some { .. })
    }

    /// What is remembered of a session.
    pub fn get(&self, session: &SessionTokenDigest, now: OffsetDateTime) -> Option<Arc<Entry>> {
        let entries = self.entries.as_ref()?;
        let entry = entries.get(session)?;
        if !self.is_trusted() && !self.is_fresh_enough(&entry) {
            return None;
        }
        let valid = entry.filled_at <= now && now < entry.filled_at.saturating_add(BELIEVED);
        valid.then_some(entry)
    }

    pub fn ticket(&self) -> Ticket {
        Ticket { taken_at: Instant::now(), endings: *self.endings() }
    }

    /// Remembers what was looked up, unless something ended since its ticket was taken.
    pub fn fill(&self, session: SessionTokenDigest, entry: Entry) {
        let Some(entries) = &self.entries else { return };
        let endings = self.endings();
        if *endings == entry.ticket.endings {
            entries.insert(session, Arc::new(entry));
        }
    }

    /// These ended.
    pub fn forget(&self, ended: &[SessionTokenDigest]) {
        let Some(entries) = &self.entries else { return };
        if ended.is_empty() {
            return;
        }
        let mut endings = self.endings();
        *endings += 1;
        for session in ended {
            entries.invalidate(session);
        }
    }

    /// Nobody knows what ended.
    pub fn clear(&self) {
        let Some(entries) = &self.entries else { return };
        let mut endings = self.endings();
        *endings += 1;
        entries.invalidate_all();
    }

    /// Nobody else ended anything that was not heard of until `then`.
    pub fn trust_until(&self, then: Instant) {
        let nanos = then.saturating_duration_since(self.began).as_nanos();
        self.trusted_until.fetch_max(u64::try_from(nanos).unwrap_or(u64::MAX), Ordering::AcqRel);
    }

    fn is_fresh_enough(&self, entry: &Entry) -> bool {
        match self.others {
            Others::Some { accepted_staleness: Some(accepted) } => entry.ticket.taken_at.elapsed() < accepted,
            Others::Some { accepted_staleness: None } | Others::None => false,
        }
    }

    fn is_trusted(&self) -> bool {
        self.others == Others::None
            || self.began.elapsed().as_nanos() < u128::from(self.trusted_until.load(Ordering::Acquire))
    }

    fn endings(&self) -> MutexGuard<'_, u64> {
        // Nothing under this lock can panic half-way through a change.
        self.endings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use auth_db::model::{Client, Email, Session, SessionId, UserId};

    use super::*;

    const SESSION: SessionTokenDigest = SessionTokenDigest::from_bytes([7; 32]);
    const OTHER: SessionTokenDigest = SessionTokenDigest::from_bytes([8; 32]);
    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    const SEEN: Others = Others::Some { accepted_staleness: None };

    fn entry(ticket: Ticket) -> Entry {
        let session = Session {
            id: SessionId::mint(0, &[0; 10]),
            user_id: UserId::from_i64(1),
            created_at: START,
            last_seen_at: START,
            expires_at: START + Duration::days(1),
            client: Client::default(),
        };
        let email = Email::parse("ada@example.org").unwrap();
        let current = CurrentUser { id: session.user_id, email, session };
        let seen = crate::sessions::last_seen::LastSeen::default().note(SESSION, START);
        Entry::new(Arc::new(current), seen, START, ticket)
    }

    fn filled(cache: Cache) -> Cache {
        cache.fill(SESSION, entry(cache.ticket()));
        cache
    }

    fn holds(cache: &Cache) -> bool {
        cache.get(&SESSION, START).is_some()
    }

    #[test]
    fn what_was_looked_up_is_remembered_until_it_ends() {
        let cache = filled(Cache::new(10, Others::None));
        assert!(holds(&cache));

        cache.forget(&[OTHER]);
        assert!(holds(&cache));
        cache.forget(&[OTHER, SESSION]);
        assert!(!holds(&cache));
    }

    #[test]
    fn a_look_up_that_an_ending_passed_is_not_remembered() {
        let cache = Cache::new(10, Others::None);
        for ending in [Cache::clear, |cache: &Cache| cache.forget(&[OTHER])] {
            let ticket = cache.ticket();
            ending(&cache);
            cache.fill(SESSION, entry(ticket));
            assert!(!holds(&cache));
        }

        cache.fill(SESSION, entry(cache.ticket()));
        assert!(holds(&cache));
        cache.clear();
        assert!(!holds(&cache));
    }

    #[test]
    fn a_look_up_is_believed_for_a_minute() {
        let cache = filled(Cache::new(10, Others::None));
        for (after, believed) in [(0, true), (59, true), (60, false), (-1, false)] {
            assert_eq!(cache.get(&SESSION, START + Duration::seconds(after)).is_some(), believed, "{after}");
        }
    }

    #[test]
    fn where_others_can_end_sessions_nothing_is_given_out_without_trust() {
        let cache = filled(Cache::new(10, SEEN));
        assert!(!holds(&cache));

        cache.trust_until(Instant::now() + Real::from_mins(10));
        assert!(holds(&cache));
        assert!(cache.needs_watching() && !Cache::new(10, Others::None).needs_watching());

        let lapsed = filled(Cache::new(10, SEEN));
        lapsed.trust_until(Instant::now());
        assert!(!holds(&lapsed));
    }

    #[test]
    fn what_was_looked_up_a_moment_ago_is_given_out_where_that_is_accepted() {
        for (accepted, held) in [(Real::from_mins(10), true), (Real::ZERO, false)] {
            let others = Others::Some { accepted_staleness: Some(accepted) };
            let cache = filled(Cache::new(10, others));
            assert_eq!(holds(&cache), held);
            cache.forget(&[SESSION]);
            assert!(!holds(&cache));
        }
    }

    #[test]
    fn a_cache_without_room_remembers_nothing() {
        let cache = filled(Cache::new(0, Others::None));
        assert!(!holds(&cache) && !cache.needs_watching());
    }

    #[test]
    fn memory_is_bounded() {
        let cache = Cache::new(10, Others::None);
        for number in 0..100 {
            cache.fill(SessionTokenDigest::from_bytes([number; 32]), entry(cache.ticket()));
        }
        let entries = cache.entries.as_ref().unwrap();
        entries.run_pending_tasks();
        assert!(entries.entry_count() <= 10);
    }
}
