//! Password recovery.

use std::time::Duration;

use super::{
    HttpSettings, Profile, RawSettings,
    http::is_loopback,
    value::{Setting, SettingError},
};

/// Password recovery.
#[derive(Debug, Clone, Copy)]
pub struct ResetSettings {
    /// `AUTH_RESET_DELIVERY`.
    pub delivery: Delivery,
    /// `AUTH_RESET_LIFETIME`.
    pub lifetime: Duration,
}

/// How reset tokens are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In the response. Accepted only if all callers are on this machine.
    InResponse,
    /// By a link in an email.
    Mail,
    /// Not at all. Reset requests are rejected.
    Off,
}

impl ResetSettings {
    pub fn resolve(raw: &RawSettings, profile: Profile, http: &HttpSettings) -> Result<Self, SettingError> {
        let setting = Setting::new("AUTH_RESET_DELIVERY", raw.reset_delivery.as_deref());
        let default = match profile {
            Profile::Development => Delivery::InResponse,
            Profile::Production => Delivery::Mail,
        };
        let delivery = setting.one_of(
            &[("answer", Delivery::InResponse), ("mail", Delivery::Mail), ("off", Delivery::Off)],
            default,
        )?;
        if delivery == Delivery::InResponse
            && let Some(condition) = missing_for_responses(http)
        {
            let accepted = format!(
                "any caller would get the token of any account; accepted only {condition}; or mail, or off"
            );
            return Err(setting.reject_value("answer", &accepted));
        }
        let lifetime = Setting::new("AUTH_RESET_LIFETIME", raw.reset_lifetime.as_deref());
        let (least, most) = (Duration::from_mins(1), Duration::from_hours(24));
        Ok(Self { delivery, lifetime: lifetime.duration(least, most, Duration::from_mins(30))? })
    }
}

/// The unmet condition for tokens in responses, if any: all callers must be on this machine.
fn missing_for_responses(http: &HttpSettings) -> Option<&'static str> {
    if !http.listen.ip().is_loopback() {
        return Some("with a loopback address in AUTH_LISTEN");
    }
    if http.public_url.as_ref().is_some_and(|url| !is_loopback(url)) {
        return Some("where AUTH_PUBLIC_URL is not set, or names localhost or a loopback address");
    }
    // A proxy on this machine would pass on the requests of a site's visitors.
    (!http.trusted_proxies.is_empty()).then_some("where AUTH_TRUSTED_PROXIES is not set")
}
