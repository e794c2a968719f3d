//! Devices: where a user logged in before.

use time::OffsetDateTime;

use crate::{FailedAttempts, UserId};

/// A browser that its user logged in with, by the token that it keeps.
///
/// Whoever presents the token has an allowance of attempts of its own for this one account, so that a stranger who
/// guesses can't lock the owner out. It opens nothing by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Whose device.
    pub user_id: UserId,
    /// What stands for its network and program; none if that is not known. Devices of one kind are taken for one that keeps
    /// no cookies.
    pub kind: Option<[u8; 32]>,
    /// When the user first logged in with it.
    pub created_at: OffsetDateTime,
    /// First instant at which its token no longer counts.
    pub expires_at: OffsetDateTime,
    /// The attempts that failed on it.
    pub failed_attempts: FailedAttempts,
}

impl Device {
    /// Whether its token still counts at `now`.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        now < self.expires_at
    }
}
