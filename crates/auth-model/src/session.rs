//! Sessions: who is logged in, since when, and until when.

use time::{Duration, OffsetDateTime};

use crate::{Client, SessionId, UserId};

/// One logged-in browser or device.
///
/// A session opens with a successful login and ends at whichever comes first: its owner logs out, a reset
/// of the password ends it, newer sessions push it out, its lifetime is over, or it was idle for too long.
/// An ended session never opens again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names the session in logs and lists.
    pub id: SessionId,
    /// Whose session it is.
    pub user_id: UserId,
    /// When the login succeeded.
    pub created_at: OffsetDateTime,
    /// When a request last carried its token.
    pub last_seen_at: OffsetDateTime,
    /// First instant at which it no longer counts, however busy it is.
    pub expires_at: OffsetDateTime,
    /// Who opened it.
    pub client: Client,
}

impl Session {
    /// Whether requests that carry this session's token count as its owner's at `now`, if it may be idle
    /// for less than `idle`.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime, idle: Duration) -> bool {
        now < self.expires_at && now < self.last_seen_at.saturating_add(idle)
    }
}
