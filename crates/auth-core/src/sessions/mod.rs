//! The engine of sessions: it authenticates requests from a cache, and it is the only code that revokes sessions.

mod cache;
mod coherence;
mod in_flight;
mod last_seen;
mod loader;
mod revoked;
#[cfg(test)]
mod tests;

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use auth_db::{
    ChangeFeed, Database, DbError, Transaction,
    model::{Email, Session, SessionTokenDigest, UserId},
    sessions::{self, Which},
};
use time::OffsetDateTime;
use tracing::Instrument;

pub(crate) use self::revoked::Revoked;
use self::{
    cache::{Cache, Entry},
    coherence::Coherence,
    in_flight::InFlightRevocations,
    last_seen::LastSeen,
    loader::SessionLoader,
};
use crate::ServiceError;

/// The maximum number of rows that one transaction changes, so that others do not wait long for it.
pub(crate) const BATCH: usize = 500;

/// Options of the session cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCacheOptions {
    /// The maximum number of cached sessions; 0 for none. About half a kilobyte each.
    pub capacity: u64,
    /// The time for which a session may still be accepted after another node revoked it, on a database without a change
    /// feed. If none, nothing is cached there.
    pub max_staleness: Option<Duration>,
}

/// 100,000 sessions, and no staleness.
impl Default for SessionCacheOptions {
    fn default() -> Self {
        Self { capacity: 100_000, max_staleness: None }
    }
}

/// The session of a request, and its user.
#[derive(Debug, Clone)]
pub struct AuthenticatedSession {
    /// The user's id.
    pub user_id: UserId,
    /// The user's address, as typed.
    pub email: Email,
    /// The session as it was looked up. Its last use may be later.
    pub session: Session,
}

/// The stored sessions and their cache. Cheap to clone; all clones share their state.
///
/// The next check of a session is served from the cache. Therefore no other code in this crate revokes sessions: every use
/// case does it by [`Sessions::write`], which writes first and then removes the sessions from the cache.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Inner>);

struct Inner {
    db: Database,
    cache: Cache,
    loader: SessionLoader,
    last_seen: LastSeen,
    in_flight: InFlightRevocations,
    idle: Duration,
    #[cfg(test)]
    sync_points: tests::SyncPoints,
}

impl Sessions {
    /// `idle` is the idle timeout.
    pub fn new(db: Database, options: SessionCacheOptions, idle: Duration) -> Self {
        // Without a change feed and without staleness, the cache could never serve an entry.
        let is_useless = db.change_feed() == ChangeFeed::None && options.max_staleness.is_none();
        let capacity = if is_useless { 0 } else { options.capacity };
        Self(Arc::new(Inner {
            cache: Cache::new(capacity, Coherence::of(&db, options.max_staleness)),
            loader: SessionLoader::new(db.clone()),
            db,
            last_seen: LastSeen::default(),
            in_flight: InFlightRevocations::new(),
            idle,
            #[cfg(test)]
            sync_points: tests::SyncPoints::default(),
        }))
    }

    /// The active session of a token at `now`, with its user. Records in memory that it was used.
    pub async fn authenticate(
        &self,
        digest: SessionTokenDigest,
        now: OffsetDateTime,
    ) -> Result<Option<Arc<AuthenticatedSession>>, DbError> {
        if let Some(current) = self.cached(&digest, now).await {
            return Ok(Some(current));
        }

        let inner = &self.0;
        let lookup = inner.cache.begin_lookup();
        self.sync_point("look up").await;
        let Some((session, user)) = inner.loader.find(digest).await? else {
            return Ok(None);
        };
        self.sync_point("fill").await;
        if !self.is_active(&session, &digest, now) {
            return Ok(None);
        }
        let use_record = inner.last_seen.record(digest, now);
        let current = Arc::new(AuthenticatedSession { user_id: user.id, email: user.email, session });
        inner.cache.fill(digest, Entry::new(Arc::clone(&current), use_record, now, lookup));
        Ok(Some(current))
    }

    /// The session of a token if the cache has it and it is active. Only the database is certain that it is not: another
    /// process may have recorded a later use.
    async fn cached(
        &self,
        digest: &SessionTokenDigest,
        now: OffsetDateTime,
    ) -> Option<Arc<AuthenticatedSession>> {
        let Inner { cache, in_flight, idle, .. } = &*self.0;
        let Entry { current, use_record, .. } = &*cache.get(digest, now)?;
        self.sync_point("serve").await;
        // The revocation is checked last: it is recorded before the revocation is no longer in flight.
        if in_flight.includes(current.user_id)
            || use_record.is_revoked()
            || !current.session.is_active(use_record.at(), now, *idle)
        {
            return None;
        }
        use_record.record(now);
        Some(Arc::clone(current))
    }

    /// Whether a stored session is active at `now`, by its latest known use.
    pub fn is_active(&self, session: &Session, digest: &SessionTokenDigest, now: OffsetDateTime) -> bool {
        session.is_active(self.last_seen(digest, session.last_seen_at), now, self.0.idle)
    }

    /// The latest known use of a stored session.
    pub fn last_seen(&self, digest: &SessionTokenDigest, stored: OffsetDateTime) -> OffsetDateTime {
        self.0.last_seen.latest(digest, stored)
    }

    /// Records that a session was opened and stored.
    pub fn opened(&self, digest: SessionTokenDigest, at: OffsetDateTime) {
        self.0.last_seen.opened(digest, at);
    }

    /// Revokes sessions, of one user if it is known. Returns their number.
    pub async fn revoke(&self, user: Option<UserId>, which: Which) -> Result<usize, ServiceError> {
        self.write(user, move |tx| async move {
            let revoked = Revoked::delete(&tx, which).await?;
            Ok((revoked.count(), revoked))
        })
        .await
    }

    /// Runs `work` in a transaction that may revoke sessions, of one user if it is known, and removes them from the cache
    /// before it returns. `work` may run again, as in [`Database::write`].
    pub async fn write<T, R>(
        &self,
        user: Option<UserId>,
        work: impl Fn(Transaction) -> R + Send + Sync + 'static,
    ) -> Result<T, ServiceError>
    where
        T: Send + 'static,
        R: Future<Output = Result<(T, Revoked), DbError>> + Send + 'static,
    {
        let db = self.0.db.clone();
        self.revoking(user, async move { db.write(work).await }).await
    }

    /// Runs a write that may revoke sessions, and removes them from the cache before it returns.
    ///
    /// It runs in a task of its own: if the caller is cancelled, committed revocations must still reach the cache. If the
    /// write fails, it is unknown whether it committed, and the whole cache is cleared.
    pub async fn revoking<T: Send + 'static>(
        &self,
        user: Option<UserId>,
        write: impl Future<Output = Result<(T, Revoked), DbError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let sessions = self.clone();
        let task = async move {
            let _in_flight = user.map(|user| sessions.0.in_flight.begin(user));
            let unknown = ClearOnDrop(&sessions.0.cache);
            sessions.sync_point("write").await;
            let (result, revoked) = write.await?;
            sessions.sync_point("remove").await;
            if let Some(digests) = revoked.digests() {
                sessions.remove(digests);
                std::mem::forget(unknown);
            }
            sessions.sync_point("return").await;
            Ok(result)
        };
        match tokio::spawn(task.in_current_span()).await {
            Ok(result) => result,
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(cancelled) => Err(ServiceError::Internal(Box::new(cancelled))),
            },
        }
    }

    /// Writes the last uses of sessions to the database. Returns their number. The next call retries what failed.
    pub async fn flush(&self) -> Result<usize, DbError> {
        let unwritten = self.0.last_seen.unwritten();
        for batch in unwritten.chunks(BATCH) {
            let write = self.0.db.write(async |tx| {
                for (digest, at) in batch {
                    sessions::touch(&tx, digest, *at).await?;
                }
                Ok(())
            });
            write.await?;
            self.0.last_seen.written(batch);
        }
        Ok(unwritten.len())
    }

    /// Replaces recorded uses in the future of `now` by `now`: the clock was ahead.
    pub fn correct_future_uses(&self, now: OffsetDateTime) {
        self.0.last_seen.correct(now);
    }

    /// Removes everything from the cache.
    pub fn clear_cache(&self) {
        self.0.cache.clear();
    }

    fn remove(&self, revoked: &[SessionTokenDigest]) {
        self.0.cache.remove(revoked);
        for digest in revoked {
            self.0.last_seen.remove(digest);
        }
    }

    /// A point at which tests let other tasks go first.
    #[cfg(test)]
    async fn sync_point(&self, before: &'static str) {
        self.0.sync_points.reach(before).await;
    }

    #[cfg(not(test))]
    fn sync_point(&self, _before: &'static str) -> std::future::Ready<()> {
        let _ = self;
        std::future::ready(())
    }
}

/// The monotonic clock of the operating system. The bounds of the change feed are real time.
#[expect(clippy::disallowed_methods, reason = "the change feed measures real time")]
fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

/// Clears the cache, unless it is forgotten.
struct ClearOnDrop<'a>(&'a Cache);

impl Drop for ClearOnDrop<'_> {
    fn drop(&mut self) {
        self.0.clear();
    }
}
