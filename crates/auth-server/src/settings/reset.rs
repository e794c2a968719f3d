//! How a forgotten password is recovered.

use std::{net::SocketAddr, time::Duration};

use super::{
    Profile,
    value::{Setting, SettingError, signed},
};
use crate::cli::Raw;

/// How a forgotten password is recovered: by a token in the answer, which only a loopback address gives.
#[derive(Debug, Clone, Copy)]
pub struct ResetSettings {
    /// `AUTH_RESET_LIFETIME`.
    pub lifetime: time::Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Answer,
    Mail,
}

impl ResetSettings {
    pub fn resolve(raw: &Raw, profile: Profile, listen: SocketAddr) -> Result<Self, SettingError> {
        let delivery = Setting::new("AUTH_RESET_DELIVERY", raw.reset_delivery.as_deref());
        let default = match profile {
            Profile::Development => Delivery::Answer,
            Profile::Production => Delivery::Mail,
        };
        match delivery.one_of(&[("answer", Delivery::Answer), ("mail", Delivery::Mail)], default)? {
            Delivery::Mail => {
                let accepted = "this version sends no mail; accepted: answer, which needs a loopback address \
                                in AUTH_LISTEN";
                return Err(delivery.refuse_value("mail", accepted));
            }
            Delivery::Answer if !listen.ip().is_loopback() => {
                return Err(delivery.refuse_value(
                    "answer",
                    "whoever asks would get the token of any account; accepted only with a loopback address \
                     in AUTH_LISTEN",
                ));
            }
            Delivery::Answer => {}
        }
        let lifetime = Setting::new("AUTH_RESET_LIFETIME", raw.reset_lifetime.as_deref());
        let (least, most) = (Duration::from_mins(1), Duration::from_hours(24));
        Ok(Self { lifetime: signed(lifetime.duration(least, most, Duration::from_mins(30))?) })
    }
}
