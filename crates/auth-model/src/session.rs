//! Sessions of logged-in users.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{ClientInfo, Methods, SessionId, UserId, instant};

/// One logged-in browser or device.
///
/// A successful login opens a session. It ends at the first of these: the user logs out, a password reset or an
/// administrator revokes it, newer sessions exceed the limit, its lifetime is over, or it was idle for too long. An ended
/// session is never opened again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id in logs and lists. It is not a secret.
    pub id: SessionId,
    /// The user who logged in.
    pub user_id: UserId,
    /// The instant of the login.
    pub created_at: OffsetDateTime,
    /// The instant at which the user last proved who they are: the login, or a later reauthentication.
    pub authenticated_at: OffsetDateTime,
    /// The methods of that authentication.
    pub methods: Methods,
    /// The instant of the last request that carried its token, as it is stored.
    pub last_seen_at: OffsetDateTime,
    /// The first instant at which it is no longer active, regardless of its use.
    pub expires_at: OffsetDateTime,
    /// The client that opened it.
    pub client: ClientInfo,
}

impl Session {
    /// Whether the session is active at `now`, if it was last used at `last_seen_at` and its idle timeout is `idle`.
    ///
    /// The instant of last use is an argument because the stored one may lag behind.
    #[must_use]
    pub fn is_active(&self, last_seen_at: OffsetDateTime, now: OffsetDateTime, idle: Duration) -> bool {
        now < self.expires_at && now < instant::after(last_seen_at, idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_active_until_its_idle_timeout_or_its_expiry() {
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let session = Session {
            id: SessionId::mint(0, &[0; 10]),
            user_id: UserId::from_i64(1),
            created_at: at(0),
            authenticated_at: at(0),
            methods: Methods::PASSWORD,
            last_seen_at: at(0),
            expires_at: at(1000),
            client: ClientInfo::default(),
        };
        let idle = Duration::from_mins(1);

        assert!(session.is_active(at(0), at(59), idle));
        assert!(!session.is_active(at(0), at(60), idle), "idle for too long");
        assert!(session.is_active(at(990), at(999), idle));
        assert!(!session.is_active(at(990), at(1000), idle), "its lifetime is over");
    }
}
