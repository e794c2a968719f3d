//! The stored sessions: one type checks them, and one type ends them.

mod cache;
mod ended;
mod last_seen;
mod listen;
mod lookups;
#[cfg(test)]
mod tests;
mod under_way;
mod watch;

use std::{panic::resume_unwind, sync::Arc};

use auth_db::{
    Channel, Database, DbError,
    model::{Session, SessionTokenDigest, UserId},
    sessions,
};
use time::{Duration, OffsetDateTime};
use tracing::Instrument;

pub use self::ended::Ended;
use self::{
    cache::{Cache, Entry, Others},
    last_seen::LastSeen,
    lookups::Lookups,
    under_way::UnderWay,
};
use crate::{CurrentUser, Unavailable};

/// Rows that one transaction touches at the most, so that nobody waits for long behind it.
pub const BATCH: usize = 500;

/// What may be remembered of stored sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionMemory {
    /// Look-ups that are remembered at the most; 0 for none. About half a kilobyte each.
    pub entries: u64,
    /// How long a session may still count here that another node ended, where this one can't hear of it. If
    /// nothing is accepted, nothing is given out of memory there.
    pub accepted_staleness: Option<std::time::Duration>,
}

/// 100,000 look-ups, and nothing stale.
impl Default for SessionMemory {
    fn default() -> Self {
        Self { entries: 100_000, accepted_staleness: None }
    }
}

impl SessionMemory {
    /// What can be given out at all is worth remembering.
    fn entries(&self, channel: Channel) -> u64 {
        if channel == Channel::None && self.accepted_staleness.is_none() { 0 } else { self.entries }
    }
}

/// The stored sessions, with what is remembered of them in memory. Cheap to clone; all clones are one.
///
/// A look-up is remembered, so that the next check of a session asks no database. Therefore nothing else
/// in this crate ends sessions: whatever does, does it by [`Sessions::ending`], which writes first and
/// then forgets.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    db: Database,
    cache: Cache,
    lookups: Lookups,
    last_seen: LastSeen,
    under_way: UnderWay,
    idle: Duration,
    #[cfg(test)]
    gates: tests::Gates,
}

impl Sessions {
    /// Remembers what it may; a session may be idle for less than `idle`.
    pub fn new(db: Database, memory: SessionMemory, idle: Duration) -> Self {
        let cache = Cache::new(memory.entries(db.channel()), others(&db, memory.accepted_staleness));
        Self(Arc::new(Inner {
            lookups: Lookups::new(db.clone()),
            db,
            cache,
            last_seen: LastSeen::default(),
            under_way: UnderWay::new(),
            idle,
            #[cfg(test)]
            gates: tests::Gates::default(),
        }))
    }

    /// Whose session it is, if it counts at `now`; it is noted in memory that it was used then.
    pub async fn check(
        &self,
        digest: SessionTokenDigest,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<CurrentUser>>, DbError> {
        if let Some(current) = self.remembered(&digest, now).await {
            return Ok(Some(current));
        }

        let inner = &self.0;
        let ticket = inner.cache.ticket();
        self.pause("look up").await;
        let Some((session, user)) = inner.lookups.find(digest).await? else {
            return Ok(None);
        };
        self.pause("remember").await;
        if !self.counts(&session, &digest, now) {
            return Ok(None);
        }
        let seen = inner.last_seen.note(digest, now);
        let current = Arc::new(CurrentUser { id: user.id, email: user.email, session });
        inner.cache.fill(digest, Entry::new(Arc::clone(&current), seen, now, ticket));
        Ok(Some(current))
    }

    /// Whose session it is, if memory says that it counts. Whether it does not is for the database to say:
    /// another process may have seen it used.
    async fn remembered(&self, digest: &SessionTokenDigest, now: OffsetDateTime) -> Option<Arc<CurrentUser>> {
        let Inner { cache, under_way, idle, .. } = &*self.0;
        let Entry { current, seen, .. } = &*cache.get(digest, now)?;
        self.pause("give out").await;
        // That it has ended is asked last: it is said before the ending is no longer under way.
        if under_way.concerns(current.id)
            || seen.has_ended()
            || !current.session.is_live(seen.at(), now, *idle)
        {
            return None;
        }
        seen.note(now);
        Some(Arc::clone(current))
    }

    /// Whether a stored session counts at `now`, by what is known of its latest use.
    pub fn counts(&self, session: &Session, digest: &SessionTokenDigest, now: OffsetDateTime) -> bool {
        session.is_live(self.last_seen(digest, session.last_seen_at), now, self.0.idle)
    }

    /// When a stored session was last used, by what is known here.
    pub fn last_seen(&self, digest: &SessionTokenDigest, stored: OffsetDateTime) -> OffsetDateTime {
        self.0.last_seen.latest(digest, stored)
    }

    /// A session was opened and stored.
    pub fn opened(&self, digest: SessionTokenDigest, at: OffsetDateTime) {
        self.0.last_seen.opened(digest, at);
    }

    /// Carries out what may end sessions, of one user if it is known, and forgets those before it answers.
    ///
    /// In a task of its own: who asked for it may go away, and what was committed must be forgotten all the
    /// same. If it fails, nobody knows whether it was committed, and everything is forgotten.
    pub async fn ending<T: Send + 'static>(
        &self,
        user: Option<UserId>,
        write: impl Future<Output = Result<(T, Ended), DbError>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let sessions = self.clone();
        let task = async move {
            let _under_way = user.map(|user| sessions.0.under_way.begin(user));
            let unsettled = Unsettled(&sessions.0.cache);
            sessions.pause("write").await;
            let (answer, ended) = write.await?;
            sessions.pause("forget").await;
            if let Some(ended) = ended.digests() {
                sessions.forget(ended);
                unsettled.settled();
            }
            sessions.pause("answer").await;
            Ok(answer)
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(answer) => answer,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => Err(Unavailable::Internal(Box::new(cancelled))),
            },
        }
    }

    /// Writes down when sessions were last used; answers how many it wrote. What it could not write is
    /// tried again by the next.
    pub async fn flush(&self) -> Result<usize, DbError> {
        let unwritten = self.0.last_seen.unwritten();
        for batch in unwritten.chunks(BATCH) {
            let write = self.0.db.write(async |tx| {
                for (session, at) in batch {
                    sessions::touch(&tx, session, *at).await?;
                }
                Ok(())
            });
            write.await?;
            self.0.last_seen.wrote(batch);
        }
        Ok(unwritten.len())
    }

    /// Takes uses in the future of `now` for `now`: the clock was ahead.
    pub fn pull_back(&self, now: OffsetDateTime) {
        self.0.last_seen.pull_back(now);
    }

    /// Looks every session up again at its next check.
    pub fn forget_everything(&self) {
        self.0.cache.clear();
    }

    fn forget(&self, ended: &[SessionTokenDigest]) {
        self.0.cache.forget(ended);
        for session in ended {
            self.0.last_seen.forget(session);
        }
    }

    /// A point at which tests let others go first.
    #[cfg(test)]
    async fn pause(&self, before: &'static str) {
        self.0.gates.pause(before).await;
    }

    #[cfg(not(test))]
    fn pause(&self, _before: &'static str) -> std::future::Ready<()> {
        let _ = self;
        std::future::ready(())
    }
}

/// Who else can end sessions. Other processes on the same file are always heard of.
fn others(db: &Database, accepted_staleness: Option<std::time::Duration>) -> Others {
    match db.channel() {
        Channel::Private => Others::None,
        Channel::DataVersion => Others::Some { accepted_staleness: None },
        Channel::Revocations | Channel::None => Others::Some { accepted_staleness },
    }
}

/// Forgets everything, unless it is told what ended.
struct Unsettled<'a>(&'a Cache);

impl Unsettled<'_> {
    fn settled(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}
