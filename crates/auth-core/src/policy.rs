//! The numbers of the rules.

use std::time::Duration;

use auth_db::model::{PasswordPolicy, TokenFormat};

const DAY: Duration = Duration::from_hours(24);

/// How often the last uses of sessions are written to the database.
///
/// Code that rejects or deletes an idle session by the stored instant alone allows two of these intervals, because its
/// latest use may not be written yet or was lost in a crash (docs/adr/0005).
pub const LAST_SEEN_FLUSH: Duration = Duration::from_secs(30);

/// The time for which a device is known after its first login.
pub const DEVICE_LIFETIME: Duration = DAY.saturating_mul(180);

/// The maximum number of known devices of a user.
pub const DEVICES_PER_USER: usize = 10;

/// The maximum number of known devices of one kind: the same program in the same network.
pub const DEVICES_PER_KIND: usize = 3;

/// The minimum time between two notices of logins on new devices of one kind.
pub const DEVICE_NOTICE_INTERVAL: Duration = DAY.saturating_mul(7);

/// The maximum number of kinds of devices of a user whose latest notice is stored.
pub const DEVICE_KINDS_PER_USER: usize = 50;

/// The age up to which a login or reauthentication needs no repetition before a sensitive change. ASVS 7.5.1 leaves the
/// number open.
pub const REAUTHENTICATION_WINDOW: Duration = Duration::from_mins(15);

/// The rules that an operator may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The policy for new passwords.
    pub password: PasswordPolicy,
    /// The lifetime of a session, regardless of its use. NIST SP 800-63B-4 section 2.1.3 recommends at most 30 days.
    pub session_lifetime: Duration,
    /// The idle timeout of a session.
    pub session_idle: Duration,
    /// The maximum number of sessions of a user. A new session revokes the oldest. At least 1.
    pub sessions_per_user: u64,
    /// The lifetime of a reset token. NIST SP 800-63B-4 section 4.2.1.2 allows 24 hours for tokens that are sent by email.
    pub reset_lifetime: Duration,
    /// The format of the tokens of sessions, resets and devices.
    pub token_format: TokenFormat,
}

/// The defaults for production: 15 code points, 30 days, 7 idle days, 10 sessions, 30 minutes for a reset, tokens of 128
/// random bits.
impl Default for Policy {
    fn default() -> Self {
        Self {
            password: PasswordPolicy { min_code_points: 15 },
            session_lifetime: DAY * 30,
            session_idle: DAY * 7,
            sessions_per_user: 10,
            reset_lifetime: Duration::from_mins(30),
            token_format: TokenFormat::Opaque128,
        }
    }
}
