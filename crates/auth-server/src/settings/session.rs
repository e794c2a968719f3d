//! Sessions.

use std::time::Duration;

use auth_core::{model::TokenFormat, sessions::SessionCacheOptions};

use super::{
    Profile, RawSettings,
    value::{Setting, SettingError},
};

/// The values of `AUTH_TOKEN_FORMAT`.
pub const TOKEN_FORMATS: [(&str, TokenFormat); 2] =
    [("uuid4", TokenFormat::Uuid4), ("opaque128", TokenFormat::Opaque128)];

const DAY: Duration = Duration::from_hours(24);
const MINUTE: Duration = Duration::from_mins(1);

/// The lifetimes of sessions, their number per user, and the cache.
#[derive(Debug, Clone, Copy)]
pub struct SessionSettings {
    /// `AUTH_TOKEN_FORMAT`.
    pub token_format: TokenFormat,
    /// `AUTH_SESSION_LIFETIME`: by default 30 days, the maximum that NIST SP 800-63B-4 recommends for a password alone.
    pub lifetime: Duration,
    /// `AUTH_SESSION_IDLE`.
    pub idle: Duration,
    /// `AUTH_SESSIONS_PER_USER`.
    pub per_user: u64,
    /// `AUTH_SESSION_CACHE_ENTRIES` and `AUTH_SESSION_CACHE_STALENESS`.
    pub cache: SessionCacheOptions,
}

impl SessionSettings {
    pub fn resolve(raw: &RawSettings, profile: Profile) -> Result<Self, SettingError> {
        let lifetime = Setting::new("AUTH_SESSION_LIFETIME", raw.session_lifetime.as_deref());
        let idle = Setting::new("AUTH_SESSION_IDLE", raw.session_idle.as_deref());
        let per_user = Setting::new("AUTH_SESSIONS_PER_USER", raw.sessions_per_user.as_deref());
        let cache_entries = Setting::new("AUTH_SESSION_CACHE_ENTRIES", raw.session_cache_entries.as_deref());
        let staleness = Setting::new("AUTH_SESSION_CACHE_STALENESS", raw.session_cache_staleness.as_deref());
        // No cached session is trusted for longer anywhere.
        let max_staleness = match staleness.given() {
            Some(_) => Some(staleness.duration(Duration::from_millis(10), MINUTE, MINUTE)?),
            None => None,
        };
        let format = Setting::new("AUTH_TOKEN_FORMAT", raw.token_format.as_deref());
        let by_profile = match profile {
            Profile::Development => TokenFormat::Uuid4,
            Profile::Production => TokenFormat::Opaque128,
        };
        let lifetime = lifetime.duration(MINUTE, DAY * 365, DAY * 30)?;
        let idle_timeout = idle.duration(MINUTE, DAY * 365, (DAY * 7).min(lifetime))?;
        if idle_timeout > lifetime {
            return Err(idle.reject("it is longer than AUTH_SESSION_LIFETIME, so it would have no effect"));
        }
        Ok(Self {
            token_format: format.one_of(&TOKEN_FORMATS, by_profile)?,
            lifetime,
            idle: idle_timeout,
            per_user: per_user.number(1, 1000, 10)?,
            cache: SessionCacheOptions {
                capacity: cache_entries.number(0, 10_000_000, SessionCacheOptions::default().capacity)?,
                max_staleness,
            },
        })
    }
}
