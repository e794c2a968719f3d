//! What is logged, and how.

use tracing_subscriber::filter::Targets;

use super::value::{Setting, SettingError};
use crate::cli::Raw;

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

impl LogSettings {
    pub fn resolve(raw: &Raw) -> Result<Self, SettingError> {
        let log = Setting::new("AUTH_LOG", raw.log.as_deref());
        let format = Setting::new("AUTH_LOG_FORMAT", raw.log_format.as_deref());
        let filter = log.given().unwrap_or("info").parse().map_err(|_| {
            log.refuse(
                "accepted: off, error, warn, info, debug or trace, also per part: auth_core=debug,info",
            )
        })?;
        Ok(Self {
            filter,
            format: format
                .one_of(&[("text", LogFormat::Text), ("json", LogFormat::Json)], LogFormat::Text)?,
        })
    }
}
