//! The settings: read, checked against each other, and completed with defaults.
//!
//! An invalid setting stops the start with one line that names it, its value and the accepted values.

mod database;
mod http;
mod log;
mod mail;
mod password;
mod raw;
mod reset;
mod session;
mod shutdown;
mod throttle;
mod value;

use std::{env, fmt};

use auth_core::ThrottleOptions;

use self::value::Setting;
pub use self::{
    database::DatabaseSettings, http::HSTS, http::HttpSettings, http::REGISTRATION, log::LogFormat,
    log::LogSettings, mail::MailSettings, password::PasswordSettings, raw::RawSettings, reset::Delivery,
    reset::ResetSettings, session::SessionSettings, session::TOKEN_FORMATS, shutdown::ShutdownSettings,
    value::SettingError, value::SettingErrors, value::in_units,
};

/// Selects the defaults, and the settings that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For a laptop: it works without settings, and only programs of this machine can reach it.
    Development,
    /// For real users.
    Production,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Production => "production",
        })
    }
}

/// All settings by section.
#[derive(Debug)]
pub struct Settings {
    pub profile: Profile,
    pub http: HttpSettings,
    pub database: DatabaseSettings,
    pub session: SessionSettings,
    pub reset: ResetSettings,
    /// None if no emails are sent.
    pub mail: Option<MailSettings>,
    pub password: PasswordSettings,
    /// None if attempts are not limited.
    pub throttle: Option<ThrottleOptions>,
    pub shutdown: ShutdownSettings,
    pub log: LogSettings,
    /// Variables whose names begin like those of settings. They are probably misspelt.
    pub unknown: Vec<String>,
}

/// The beginnings of variables that belong to the tests.
const TEST_PREFIXES: [&str; 2] = ["AUTH_E2E_", "AUTH_TEST_"];

impl Settings {
    /// Reads and checks all settings.
    ///
    /// Required settings are checked first, so that all missing ones are reported at once.
    pub fn resolve(raw: &RawSettings) -> Result<Self, SettingErrors> {
        let profile = profile(&Setting::new("AUTH_PROFILE", raw.profile.as_deref()))?;
        let missing = [
            database::url(raw, profile).err(),
            http::public_url(raw, profile).err(),
            MailSettings::missing(raw, profile),
        ];
        let missing: Vec<SettingError> = missing.into_iter().flatten().collect();
        if !missing.is_empty() {
            return Err(SettingErrors(missing));
        }
        Ok(Self::resolve_rest(raw)?)
    }

    fn resolve_rest(raw: &RawSettings) -> Result<Self, SettingError> {
        let profile = profile(&Setting::new("AUTH_PROFILE", raw.profile.as_deref()))?;
        let http = HttpSettings::resolve(raw, profile)?;
        let reset = ResetSettings::resolve(raw, profile, &http)?;
        let by_mail = reset.delivery == Delivery::Mail;
        Ok(Self {
            profile,
            database: DatabaseSettings::resolve(raw, profile)?,
            session: SessionSettings::resolve(raw, profile)?,
            reset,
            mail: MailSettings::resolve(raw, profile, http.public_url.as_ref(), by_mail)?,
            password: PasswordSettings::resolve(raw, profile, http.public_url.as_ref())?,
            throttle: throttle::resolve(raw, profile)?,
            shutdown: ShutdownSettings::resolve(raw, profile)?,
            log: LogSettings::resolve(raw)?,
            http,
            unknown: unknown_variables(),
        })
    }
}

fn profile(setting: &Setting<'_>) -> Result<Profile, SettingError> {
    setting.one_of(
        &[("development", Profile::Development), ("production", Profile::Production)],
        Profile::Development,
    )
}

fn unknown_variables() -> Vec<String> {
    let command = <crate::cli::Cli as clap::CommandFactory>::command();
    let known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_env).collect();
    let mut unknown: Vec<String> = env::vars_os()
        .filter(|(name, _)| !known.contains(&name.as_os_str()))
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| {
            name.starts_with("AUTH_") && !TEST_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        })
        .collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests;
