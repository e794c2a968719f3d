//! What a password must be, and how it is hashed.

use std::{num::NonZeroUsize, path::Path, time::Duration};

use auth_core::{Denylist, HasherOptions, Scheme, model::PasswordPolicy};
use url::{Host, Url};

use super::{
    Profile,
    http::cores,
    value::{Setting, SettingError},
};
use crate::cli::Raw;

/// What a password must be, and how it is hashed.
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
    pub fn resolve(raw: &Raw, profile: Profile, public_url: Option<&Url>) -> Result<Self, SettingError> {
        let min_length = Setting::new("AUTH_PASSWORD_MIN_LENGTH", raw.password_min_length.as_deref());
        let min_code_points = match profile {
            Profile::Development => min_length.number(1, 256, 1)?,
            // NIST SP 800-63B-4 section 3.1.1.2: 15 where the password is all there is, never below 8.
            Profile::Production => min_length.number(8, 256, 15)?,
        };
        Ok(Self {
            policy: PasswordPolicy { min_code_points },
            denylist: denylist(raw, profile, public_url)?,
            hashing: hashing(raw, profile)?,
        })
    }
}

fn hashing(raw: &Raw, profile: Profile) -> Result<HasherOptions, SettingError> {
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

fn denylist(raw: &Raw, profile: Profile, public_url: Option<&Url>) -> Result<Denylist, SettingError> {
    let setting = Setting::new("AUTH_PASSWORD_DENYLIST", raw.password_denylist.as_deref());
    let default = match profile {
        Profile::Development => "off",
        Profile::Production => "builtin",
    };
    match setting.given().unwrap_or(default) {
        "off" => Ok(Denylist::OFF),
        "builtin" => Ok(Denylist::builtin(names(public_url))),
        file => Denylist::with_file(Path::new(file), names(public_url))
            .map_err(|error| setting.refuse(&format!("the file {error}; accepted: builtin, off, or a file"))),
    }
}

/// What the service is called: the labels of its domain.
fn names(public_url: Option<&Url>) -> Vec<String> {
    match public_url.and_then(Url::host) {
        Some(Host::Domain(domain)) => domain.split('.').map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}
