//! Whose sessions are being ended at this moment.

use std::sync::atomic::{AtomicU32, Ordering};

use auth_db::model::UserId;

/// Users share a counter with each thousandth other: what that costs is a look-up.
const COUNTERS: usize = 1024;

/// Counts, by user, endings that may be committed and are not yet forgotten.
///
/// Meanwhile nothing of these users is given out from memory. Otherwise a second ending, which finds its
/// sessions gone and says so, would be followed by a check that still passes.
pub struct UnderWay(Box<[AtomicU32; COUNTERS]>);

impl UnderWay {
    pub fn new() -> Self {
        Self(Box::new([const { AtomicU32::new(0) }; COUNTERS]))
    }

    /// An ending begins; it lasts until what this answers is dropped.
    pub fn begin(&self, user: UserId) -> Mark<'_> {
        let counter = self.counter(user);
        counter.fetch_add(1, Ordering::SeqCst);
        Mark(counter)
    }

    /// Whether one may be under way.
    pub fn concerns(&self, user: UserId) -> bool {
        self.counter(user).load(Ordering::SeqCst) > 0
    }

    fn counter(&self, user: UserId) -> &AtomicU32 {
        &self.0[usize::try_from(user.as_i64()).unwrap_or(0) % COUNTERS]
    }
}

/// An ending under way.
pub struct Mark<'a>(&'a AtomicU32);

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
