//! Password resets: at most one outstanding per user.

use time::OffsetDateTime;

use crate::UserId;

/// A password reset that was requested and not yet completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordReset {
    /// The user whose password it can set.
    pub user_id: UserId,
    /// The instant of the request.
    pub created_at: OffsetDateTime,
    /// The first instant at which its token is no longer valid.
    pub expires_at: OffsetDateTime,
}

impl PasswordReset {
    /// Whether its token is valid at `now`.
    #[must_use]
    pub fn is_valid(&self, now: OffsetDateTime) -> bool {
        now < self.expires_at
    }
}
