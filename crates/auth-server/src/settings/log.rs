//! The log.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::{
    RawSettings,
    value::{Setting, SettingError},
};

/// The part of actix-http that reads requests.
const DISPATCHER: &str = "actix_http::h1::dispatcher";

/// The log, which is written to stderr.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// `AUTH_LOG`.
    pub filter: Targets,
    /// `AUTH_LOG_FORMAT`.
    pub format: LogFormat,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: a JSON object a line.
    Json,
}

/// Whether a part of a filter contains a level. `warning` alone would be taken for the name of a module.
fn names_a_level(directive: &str) -> bool {
    let level = directive.rsplit('=').next().unwrap_or_default().trim();
    ["off", "error", "warn", "info", "debug", "trace"].iter().any(|known| level.eq_ignore_ascii_case(known))
}

impl LogSettings {
    pub fn resolve(raw: &RawSettings) -> Result<Self, SettingError> {
        let log = Setting::new("AUTH_LOG", raw.log.as_deref());
        let format = Setting::new("AUTH_LOG_FORMAT", raw.log_format.as_deref());
        let given = log.given().unwrap_or("info");
        let reject = || {
            log.reject(
                "accepted: off, error, warn, info, debug or trace, also per module: auth_core=debug,info",
            )
        };
        if !given.split(',').all(names_a_level) {
            return Err(reject());
        }
        let filter: Targets = given.parse().map_err(|_| reject())?;
        // It logs an error for each malformed request. A client must not be able to fill the log.
        let filter = if given.contains(DISPATCHER) {
            filter
        } else {
            filter.with_target(DISPATCHER, LevelFilter::OFF)
        };
        Ok(Self {
            filter,
            format: format
                .one_of(&[("text", LogFormat::Text), ("json", LogFormat::Json)], LogFormat::Text)?,
        })
    }
}
