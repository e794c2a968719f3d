//! The options of an [`Auth`](crate::Auth).

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    Clock, Entropy, Policy, SystemClock, SystemEntropy,
    outbox::MailOptions,
    passwords::{Denylist, HasherOptions},
    sessions::SessionCacheOptions,
    throttle::ThrottleOptions,
};

/// The options of an [`Auth`](crate::Auth).
#[derive(Clone)]
pub struct Options {
    /// The rules.
    pub policy: Policy,
    /// Passwords that are rejected.
    pub denylist: Denylist,
    /// Limits of attempts; none for unlimited attempts.
    pub throttle: Option<ThrottleOptions>,
    /// Emails.
    pub mail: MailOptions,
    /// The password hasher.
    pub hashing: HasherOptions,
    /// The session cache.
    pub session_cache: SessionCacheOptions,
    /// The minimum duration of the look-up before a password is hashed, so that its time does not reveal whether the account
    /// exists. A look-up takes a fraction of a millisecond.
    pub min_lookup_duration: Duration,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// The defaults for production, with the clock and the random number generator of the operating system.
impl Default for Options {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            denylist: Denylist::builtin([]),
            throttle: Some(ThrottleOptions::default()),
            mail: MailOptions::default(),
            hashing: HasherOptions::default(),
            session_cache: SessionCacheOptions::default(),
            min_lookup_duration: Duration::from_millis(2),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("policy", &self.policy)
            .field("denylist", &self.denylist)
            .field("throttle", &self.throttle)
            .field("mail", &self.mail)
            .field("hashing", &self.hashing)
            .field("session_cache", &self.session_cache)
            .finish_non_exhaustive()
    }
}
