//! What is logged, and how.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::value::{Setting, SettingError};
use crate::cli::Raw;

/// The part of actix-http that reads requests.
const DISPATCHER: &str = "actix_http::h1::dispatcher";

/// What is logged, and how. Always to stderr.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// `AUTH_LOG`.
    pub filter: Targets,
    /// `AUTH_LOG_FORMAT`.
    pub format: LogFormat,
}

/// For whom the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: a JSON object a line.
    Json,
}

/// Whether a part of a filter says at which level. `warning` alone would be taken for the name of a part of the program.
fn names_a_level(directive: &str) -> bool {
    let level = directive.rsplit('=').next().unwrap_or_default().trim();
    ["off", "error", "warn", "info", "debug", "trace"].iter().any(|known| level.eq_ignore_ascii_case(known))
}

impl LogSettings {
    pub fn resolve(raw: &Raw) -> Result<Self, SettingError> {
        let log = Setting::new("AUTH_LOG", raw.log.as_deref());
        let format = Setting::new("AUTH_LOG_FORMAT", raw.log_format.as_deref());
        let given = log.given().unwrap_or("info");
        let refuse = || {
            log.refuse(
                "accepted: off, error, warn, info, debug or trace, also per part: auth_core=debug,info",
            )
        };
        if !given.split(',').all(names_a_level) {
            return Err(refuse());
        }
        let filter: Targets = given.parse().map_err(|_| refuse())?;
        // It logs an error for each malformed request: a client must not be able to fill the log.
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
