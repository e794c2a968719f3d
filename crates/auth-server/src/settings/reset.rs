//! How a forgotten password is recovered.

use std::{net::SocketAddr, time::Duration};

use super::{
    Profile,
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
    /// In the answer to whoever asks: on a loopback address only.
    Answer,
    /// By a link in a mail.
    Mail,
}

impl ResetSettings {
    pub fn resolve(raw: &Raw, profile: Profile, listen: SocketAddr) -> Result<Self, SettingError> {
        let setting = Setting::new("AUTH_RESET_DELIVERY", raw.reset_delivery.as_deref());
        let default = match profile {
            Profile::Development => Delivery::Answer,
            Profile::Production => Delivery::Mail,
        };
        let delivery = setting.one_of(&[("answer", Delivery::Answer), ("mail", Delivery::Mail)], default)?;
        if delivery == Delivery::Answer && !listen.ip().is_loopback() {
            return Err(setting.refuse_value(
                "answer",
                "whoever asks would get the token of any account; accepted only with a loopback address \
                 in AUTH_LISTEN",
            ));
        }
        let lifetime = Setting::new("AUTH_RESET_LIFETIME", raw.reset_lifetime.as_deref());
        let (least, most) = (Duration::from_mins(1), Duration::from_hours(24));
        Ok(Self { delivery, lifetime: signed(lifetime.duration(least, most, Duration::from_mins(30))?) })
    }
}
