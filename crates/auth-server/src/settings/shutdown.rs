//! The shutdown.

use std::time::Duration;

use super::{
    Profile, RawSettings,
    value::{Setting, SettingError},
};

/// The steps after a signal.
#[derive(Debug, Clone, Copy)]
pub struct ShutdownSettings {
    /// `AUTH_SHUTDOWN_DELAY`: the time during which `/healthz` returns 503 while requests are accepted.
    pub delay: Duration,
    /// `AUTH_SHUTDOWN_GRACE`: the time for requests in flight after that.
    pub grace: Duration,
}

impl ShutdownSettings {
    pub fn resolve(raw: &RawSettings, profile: Profile) -> Result<Self, SettingError> {
        let delay = Setting::new("AUTH_SHUTDOWN_DELAY", raw.shutdown_delay.as_deref());
        let grace = Setting::new("AUTH_SHUTDOWN_GRACE", raw.shutdown_grace.as_deref());
        let default = match profile {
            Profile::Development => Duration::ZERO,
            Profile::Production => Duration::from_secs(5),
        };
        let most = Duration::from_mins(10);
        Ok(Self {
            delay: delay.duration(Duration::ZERO, most, default)?,
            grace: grace.duration(Duration::ZERO, most, Duration::from_secs(30))?,
        })
    }
}
