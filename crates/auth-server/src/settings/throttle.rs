//! Limits on attempts.

use std::num::NonZeroU32;

use auth_core::ThrottleOptions;

use super::{
    Profile, RawSettings,
    http::network,
    value::{Setting, SettingError},
};

/// The limits on attempts: `AUTH_THROTTLE` and `AUTH_THROTTLE_…`. None for unlimited attempts.
pub fn resolve(raw: &RawSettings, profile: Profile) -> Result<Option<ThrottleOptions>, SettingError> {
    let on = Setting::new("AUTH_THROTTLE", raw.throttle.as_deref());
    let guesses = Setting::new("AUTH_THROTTLE_GUESSES", raw.throttle_guesses.as_deref());
    let registrations = Setting::new("AUTH_THROTTLE_REGISTRATIONS", raw.throttle_registrations.as_deref());
    let resets = Setting::new("AUTH_THROTTLE_RESETS", raw.throttle_resets.as_deref());
    let exempt = Setting::new("AUTH_THROTTLE_EXEMPT", raw.throttle_exempt.as_deref());
    if !on.one_of(&[("on", true), ("off", false)], profile == Profile::Production)? {
        return match [guesses, registrations, resets, exempt].into_iter().find(Setting::is_given) {
            Some(setting) => Err(setting.reject("it has no effect where AUTH_THROTTLE is off")),
            None => Ok(None),
        };
    }
    let defaults = ThrottleOptions::default();
    let number = |setting: Setting<'_>, most, default: NonZeroU32| {
        let number = setting.number(1, most, default.get())?;
        Ok::<_, SettingError>(NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN))
    };
    Ok(Some(ThrottleOptions {
        guesses_per_minute: number(guesses, 1000, defaults.guesses_per_minute)?,
        registrations_per_hour: number(registrations, 10_000, defaults.registrations_per_hour)?,
        resets_per_hour: number(resets, 10_000, defaults.resets_per_hour)?,
        exempt: exempt.list(network, "accepted: networks such as 192.0.2.0/24, or addresses")?,
        ..defaults
    }))
}
