//! How a forgotten password is recovered.

use std::time::Duration;

use super::{
    HttpSettings, Profile,
    http::is_loopback,
    value::{Setting, SettingError, signed},
};
use crate::cli::Raw;

/// How a forgotten password is recovered.
#[derive(Debug, Clone, Copy)]
pub struct ResetSettings {
    /// `AUTH_RESET_DELIVERY`.
    pub delivery: Delivery,
    /// `AUTH_RESET_LIFETIME`.
    pub lifetime: time::Duration,
}

/// How a reset token reaches its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In the response; only where all callers are on this machine.
    Answer,
    /// By a link in an email.
    Mail,
    /// Not at all: reset requests are rejected.
    Off,
}

impl ResetSettings {
    pub fn resolve(raw: &Raw, profile: Profile, http: &HttpSettings) -> Result<Self, SettingError> {
        let setting = Setting::new("AUTH_RESET_DELIVERY", raw.reset_delivery.as_deref());
        let default = match profile {
            Profile::Development => Delivery::Answer,
            Profile::Production => Delivery::Mail,
        };
        let delivery = setting.one_of(
            &[("answer", Delivery::Answer), ("mail", Delivery::Mail), ("off", Delivery::Off)],
            default,
        )?;
        if delivery == Delivery::Answer
            && let Some(condition) = missing_for_answers(http)
        {
            let accepted = format!(
                "any caller would get the token of any account; accepted only {condition}; or mail, or off"
            );
            return Err(setting.refuse_value("answer", &accepted));
        }
        let lifetime = Setting::new("AUTH_RESET_LIFETIME", raw.reset_lifetime.as_deref());
        let (least, most) = (Duration::from_mins(1), Duration::from_hours(24));
        Ok(Self { delivery, lifetime: signed(lifetime.duration(least, most, Duration::from_mins(30))?) })
    }
}

/// The unmet condition for tokens in responses, if any: all callers must be on this machine.
fn missing_for_answers(http: &HttpSettings) -> Option<&'static str> {
    if !http.listen.ip().is_loopback() {
        return Some("with a loopback address in AUTH_LISTEN");
    }
    if http.public_url.as_ref().is_some_and(|url| !is_loopback(url)) {
        return Some("where AUTH_PUBLIC_URL is not set, or names localhost or a loopback address");
    }
    // Visitors of a site would come by a proxy on this machine.
    (!http.trusted_proxies.is_empty()).then_some("where AUTH_TRUSTED_PROXIES is not set")
}
