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
    /// Whether requests that carry this session's token count as its owner's at `now`, if it was last used
    /// at `last_seen_at` and may be idle for less than `idle`.
    ///
    /// The instant of last use is an argument because the stored one may lag behind.
    #[must_use]
    pub fn is_live(&self, last_seen_at: OffsetDateTime, now: OffsetDateTime, idle: Duration) -> bool {
        now < self.expires_at && now < last_seen_at.saturating_add(idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_live_until_the_first_of_its_ends() {
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds);
        let session = Session {
            id: SessionId::mint(0, &[0; 10]),
            user_id: UserId::from_i64(1),
            created_at: at(0),
            last_seen_at: at(0),
            expires_at: at(1000),
            client: Client::default(),
        };
        let idle = Duration::seconds(60);

        assert!(session.is_live(at(0), at(59), idle));
        assert!(!session.is_live(at(0), at(60), idle), "idle for too long");
        assert!(session.is_live(at(990), at(999), idle));
        assert!(!session.is_live(at(990), at(1000), idle), "its lifetime is over");
    }
}
