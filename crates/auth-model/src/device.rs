//! Devices on which users logged in before.

use time::OffsetDateTime;

use crate::{FailedAttempts, UserId};

/// A browser on which its user logged in, identified by the device token that it keeps.
///
/// Logins that carry the token have their own allowance of failed attempts for this one account, so an attacker who
/// guesses passwords can't lock the owner out. The token alone grants no access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The user whose device it is.
    pub user_id: UserId,
    /// A digest of the device's network and program; none if they are unknown. Devices of one kind are treated as one
    /// device that keeps no cookies.
    pub kind: Option<[u8; 32]>,
    /// The instant of the user's first login on it.
    pub created_at: OffsetDateTime,
    /// The first instant at which its token is no longer valid.
    pub expires_at: OffsetDateTime,
    /// The failed attempts on it.
    pub failed_attempts: FailedAttempts,
}

impl Device {
    /// Whether its token is valid at `now`.
    #[must_use]
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        now < self.expires_at
    }
}
