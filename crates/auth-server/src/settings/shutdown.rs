//! How the service ends.

use std::time::Duration;

use super::{
    Profile,
    value::{Setting, SettingError},
};
use crate::cli::Raw;

/// What happens after a signal.
#[derive(Debug, Clone, Copy)]
pub struct ShutdownSettings {
    /// `AUTH_SHUTDOWN_DELAY`: how long `/healthz` says 503 while requests are still accepted.
    pub delay: Duration,
    /// `AUTH_SHUTDOWN_GRACE`: then, how long requests under way may take.
    pub grace: Duration,
}

impl ShutdownSettings {
    pub fn resolve(raw: &Raw, profile: Profile) -> Result<Self, SettingError> {
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
