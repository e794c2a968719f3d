//! The password policy and the hasher.

use std::{num::NonZeroUsize, path::Path, time::Duration};

use auth_core::{
    model::PasswordPolicy,
    passwords::{Denylist, HasherOptions, Scheme},
};
use url::{Host, Url};

use super::{
    Profile, RawSettings,
    http::cores,
    value::{Setting, SettingError},
};

/// The password policy and the hasher.
#[derive(Debug, Clone)]
pub struct PasswordSettings {
    /// `AUTH_PASSWORD_MIN_LENGTH`.
    pub policy: PasswordPolicy,
    /// `AUTH_PASSWORD_DENYLIST`.
    pub denylist: Denylist,
    /// `AUTH_PASSWORD_SCHEME`, `AUTH_BCRYPT_COST`, `AUTH_HASH_THREADS`, `AUTH_HASH_WAIT`.
    pub hashing: HasherOptions,
}

impl PasswordSettings {
    pub fn resolve(
        raw: &RawSettings,
        profile: Profile,
        public_url: Option<&Url>,
    ) -> Result<Self, SettingError> {
        let min_length = Setting::new("AUTH_PASSWORD_MIN_LENGTH", raw.password_min_length.as_deref());
        let min_code_points = match profile {
            Profile::Development => min_length.number(1, 256, 1)?,
            // NIST SP 800-63B-4 section 3.1.1.2: 15 where the password is the only factor, never below 8.
            Profile::Production => min_length.number(8, 256, 15)?,
        };
        Ok(Self {
            policy: PasswordPolicy { min_code_points },
            denylist: denylist(raw, profile, public_url)?,
            hashing: hashing(raw, profile)?,
        })
    }
}

fn hashing(raw: &RawSettings, profile: Profile) -> Result<HasherOptions, SettingError> {
    let cost = Setting::new("AUTH_BCRYPT_COST", raw.bcrypt_cost.as_deref());
    let least = match profile {
        Profile::Development => 4,
        Profile::Production => 10,
    };
    let bcrypt = Scheme::Bcrypt { cost: cost.number(least, 14, 12)? };
    let scheme = Setting::new("AUTH_PASSWORD_SCHEME", raw.password_scheme.as_deref());
    let threads = Setting::new("AUTH_HASH_THREADS", raw.hash_threads.as_deref());
    let max_wait = Setting::new("AUTH_HASH_WAIT", raw.hash_wait.as_deref());
    Ok(HasherOptions {
        scheme: scheme.one_of(&[("bcrypt", bcrypt), ("argon2id", Scheme::Argon2id)], bcrypt)?,
        threads: NonZeroUsize::new(threads.number(1, 1024, cores())?).unwrap_or(NonZeroUsize::MIN),
        max_wait: max_wait.duration(
            Duration::from_millis(10),
            Duration::from_mins(1),
            Duration::from_secs(2),
        )?,
    })
}

fn denylist(raw: &RawSettings, profile: Profile, public_url: Option<&Url>) -> Result<Denylist, SettingError> {
    let setting = Setting::new("AUTH_PASSWORD_DENYLIST", raw.password_denylist.as_deref());
    let default = match profile {
        Profile::Development => "off",
        Profile::Production => "builtin",
    };
    match setting.given().unwrap_or(default) {
        "off" => Ok(Denylist::OFF),
        "builtin" => Ok(Denylist::builtin(names(public_url))),
        file => Denylist::with_file(Path::new(file), names(public_url))
            .map_err(|error| setting.reject(&format!("the file {error}; accepted: builtin, off, or a file"))),
    }
}

/// The names of the service: the labels of its domain.
fn names(public_url: Option<&Url>) -> Vec<String> {
    match public_url.and_then(Url::host) {
        Some(Host::Domain(domain)) => domain.split('.').map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
