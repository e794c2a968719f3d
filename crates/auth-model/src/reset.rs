//! Password resets: one outstanding per user.

use time::OffsetDateTime;

use crate::UserId;

/// A reset that was asked for and not yet completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordReset {
    /// Whose password may be set.
    pub user_id: UserId,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// First instant at which its token no longer counts.
    pub expires_at: OffsetDateTime,
}

impl PasswordReset {
    /// Whether its token still counts at `now`.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        now < self.expires_at
    }
}
