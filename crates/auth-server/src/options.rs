//! The settings as options of the libraries.

use std::sync::Arc;

use auth_core::{
    Options, Policy,
    mail::{MailOptions, Mailer},
};
use auth_http::{HttpOptions, ResetDelivery};

use crate::settings::{Delivery, Settings};

/// The options of `auth-core`.
pub fn auth_options(settings: &Settings, mailer: Option<Arc<dyn Mailer>>) -> Options {
    Options {
        policy: Policy {
            password: settings.password.policy,
            session_lifetime: settings.session.lifetime,
            session_idle: settings.session.idle,
            sessions_per_user: settings.session.per_user,
            reset_lifetime: settings.reset.lifetime,
            token_format: settings.session.token_format,
        },
        denylist: settings.password.denylist.clone(),
        throttle: settings.throttle.clone(),
        mail: MailOptions {
            mailer,
            notices: settings.mail.is_some(),
            new_device_notices: settings.mail.as_ref().is_some_and(|mail| mail.new_device),
        },
        hashing: settings.password.hashing,
        session_cache: settings.session.cache,
        ..Options::default()
    }
}

/// The options of `auth-http`.
pub fn http_options(settings: &Settings) -> HttpOptions {
    HttpOptions {
        cookie: settings.http.cookie.clone(),
        origins: settings.http.origins.clone(),
        trusted_proxies: settings.http.trusted_proxies.clone(),
        local_hosts_only: settings.http.local_hosts_only,
        reset: match (settings.reset.delivery, &settings.mail) {
            (Delivery::InResponse, _) => ResetDelivery::InResponse,
            (Delivery::Off, _) => ResetDelivery::Off,
            (Delivery::Mail, Some(mail)) if mail.uses_builtin_page => ResetDelivery::MailAndPage,
            (Delivery::Mail, _) => ResetDelivery::Mail,
        },
        registration: settings.http.registration,
        language: settings.http.language,
        mounted_at: String::new(),
        welcome: true,
        account_routes: true,
        hsts: settings.http.hsts,
    }
}
