//! The database.

use std::{path::PathBuf, time::Duration};

use auth_core::model::{ExposeSecret, SecretString};
use auth_db::{ConnectError, DatabaseOptions, Transport, sqlite_url, transport};

use super::{
    Profile, RawSettings,
    value::{Setting, SettingError},
};

/// The file of the embedded database, in the data directory.
const FILE: &str = "auth.db";

/// The beginning of a file's URL.
const SQLITE: &str = "sqlite:";

/// The accepted URLs.
const ACCEPTED: &str = "sqlite:PATH, such as sqlite:/var/lib/auth-server/auth.db; \
                        postgres://USER:PASSWORD@HOST/DATABASE; mysql://USER:PASSWORD@HOST/DATABASE; \
                        characters such as @ / # ? in USER and PASSWORD percent-encoded";

/// The default number of connections. Measured on two cores: 8 connections reach nine tenths of the session checks per second
/// of 16, and more than 16 make no difference. They are opened on demand.
const DEFAULT_MAX_CONNECTIONS: u32 = 16;

/// The database.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// `AUTH_DATABASE_URL`, or the file in `AUTH_DATA_DIR`.
    pub url: SecretString,
    /// Whether a setting names it. Otherwise it is the file in the platform's data folder.
    pub is_named: bool,
    /// `AUTH_DATABASE_MAX_CONNECTIONS`.
    pub max_connections: u32,
    /// `AUTH_DATABASE_TIMEOUT`.
    pub timeout: Duration,
    /// `AUTH_DATABASE_CONNECT_TIMEOUT`.
    pub connect_timeout: Duration,
}

impl DatabaseSettings {
    pub fn resolve(raw: &RawSettings, profile: Profile) -> Result<Self, SettingError> {
        let connections =
            Setting::new("AUTH_DATABASE_MAX_CONNECTIONS", raw.database_max_connections.as_deref());
        let timeout = Setting::new("AUTH_DATABASE_TIMEOUT", raw.database_timeout.as_deref());
        let connect = Setting::new("AUTH_DATABASE_CONNECT_TIMEOUT", raw.database_connect_timeout.as_deref());
        let (least, most) = (Duration::from_millis(500), Duration::from_mins(1));
        Ok(Self {
            url: url(raw, profile)?,
            is_named: [&raw.database_url, &raw.database_url_file, &raw.data_dir]
                .into_iter()
                .any(|given| Setting::new("", given.as_deref()).is_given()),
            max_connections: connections.number(1, 1000, DEFAULT_MAX_CONNECTIONS)?,
            timeout: timeout.duration(least, most, Duration::from_millis(2500))?,
            connect_timeout: connect.duration(least, most, Duration::from_secs(2))?,
        })
    }

    /// The options to open it.
    pub fn options(&self, create: bool) -> DatabaseOptions {
        DatabaseOptions {
            create,
            max_connections: self.max_connections,
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
            ..DatabaseOptions::new(self.url.clone())
        }
    }

    /// Whether it is a file, whose responses have no time limit.
    pub fn is_file(&self) -> bool {
        self.url.expose_secret().starts_with(SQLITE)
    }

    /// The URL without secrets: a server's without its password and its query, which can contain a password.
    pub fn shown(&self) -> String {
        let url = self.url.expose_secret();
        if self.is_file() {
            return url.to_owned();
        }
        let Ok(mut parsed) = url::Url::parse(url) else { return "(not shown)".to_owned() };
        if parsed.password().is_some() && parsed.set_password(Some("***")).is_err() {
            return "(not shown)".to_owned();
        }
        parsed.set_query(None);
        parsed.into()
    }
}

/// The URL in use: one that is given, or that of the embedded database.
pub fn url(raw: &RawSettings, profile: Profile) -> Result<SecretString, SettingError> {
    let direct = Setting::new("AUTH_DATABASE_URL", raw.database_url.as_deref());
    let in_file = Setting::new("AUTH_DATABASE_URL_FILE", raw.database_url_file.as_deref());
    let (setting, url) = match (direct.or_file(in_file)?, profile) {
        (Some(given), _) => given,
        (None, Profile::Development) => (direct, SecretString::from(embedded(raw)?)),
        (None, Profile::Production) => {
            return Err(direct.missing(&format!("production needs it; accepted: {ACCEPTED}")));
        }
    };
    match transport(url.expose_secret()) {
        Err(error @ (ConnectError::Parameter(_) | ConnectError::Encoding)) => {
            Err(setting.reject_secret(&error.to_string()))
        }
        Err(_) => Err(setting.reject_secret(&format!("accepted: {ACCEPTED}"))),
        Ok(Transport::Unverified) if profile == Profile::Production => Err(setting.reject_secret(
            "production connects to a database on another host only if its certificate and name are verified: \
             omit sslmode, or set verify-full (PostgreSQL) or VERIFY_IDENTITY (MariaDB)",
        )),
        Ok(_) => Ok(url),
    }
}

/// The URL of the file in the data directory.
fn embedded(raw: &RawSettings) -> Result<String, SettingError> {
    let setting = Setting::new("AUTH_DATA_DIR", raw.data_dir.as_deref());
    let folder = match setting.given() {
        Some(given) => PathBuf::from(given),
        None => dirs::data_dir()
            .ok_or_else(|| setting.missing("this system names no data folder; accepted: a folder"))?
            .join("auth-server"),
    };
    sqlite_url(&folder.join(FILE)).ok_or_else(|| setting.reject("accepted: a folder whose name is UTF-8"))
}
