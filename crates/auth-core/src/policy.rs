//! The numbers that rules depend on.

use auth_db::model::{PasswordPolicy, TokenFormat};
use time::Duration;

/// How often what is noted in memory of a session's use is written down.
///
/// Whoever refuses or purges a session for idleness by the stored value alone allows two of these, so that
/// a session whose latest use is not yet written down, or was lost in a crash, is not ended too early.
pub(crate) const LAST_SEEN_FLUSH: Duration = Duration::seconds(30);

/// How long a device is known on which somebody logged in.
pub(crate) const DEVICE_LIFETIME: Duration = Duration::days(180);

/// Devices of a user that are known; the oldest is forgotten when there is one more.
pub(crate) const DEVICES_PER_USER: usize = 10;

/// Of these, those of one kind: the same program in the same network.
pub(crate) const DEVICES_PER_KIND: usize = 3;

/// How often the owner is notified of a login on a new device of one kind, at most.
pub(crate) const NOTICE_PER_KIND: Duration = Duration::days(7);

/// Kinds of devices of a user for which it is known when the owner was notified.
pub(crate) const DEVICE_KINDS_PER_USER: usize = 50;

/// Rules that an operator may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What a new password must satisfy.
    pub password: PasswordPolicy,
    /// When a session ends, however busy it is. NIST SP 800-63B-4 section 2.1.3 recommends 30 days at the
    /// most.
    pub session_lifetime: Duration,
    /// When a session ends that nobody uses.
    pub session_idle: Duration,
    /// Sessions that a user can have; the oldest ends when one more is opened. At least 1.
    pub sessions_per_user: u64,
    /// How long a reset token counts. NIST SP 800-63B-4 section 4.2.1.2 allows 24 hours by mail.
    pub reset_lifetime: Duration,
    /// How tokens of sessions, resets and devices are made.
    pub token_format: TokenFormat,
}

/// The numbers for production: 15 code points, 30 days, 7 days idle, 10 sessions, 30 minutes for a reset,
/// tokens of 128 random bits.
impl Default for Policy {
    fn default() -> Self {
        Self {
            password: PasswordPolicy { min_code_points: 15 },
            session_lifetime: Duration::days(30),
            session_idle: Duration::days(7),
            sessions_per_user: 10,
            reset_lifetime: Duration::minutes(30),
            token_format: TokenFormat::Opaque128,
        }
    }
}
