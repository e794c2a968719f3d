//! `auth-server check-config`: the settings with their defaults.

use auth_core::{ThrottleOptions, passwords::Scheme};

use crate::{
    output::say,
    settings::{
        DatabaseSettings, Delivery, HSTS, HttpSettings, LogFormat, MailSettings, PasswordSettings,
        REGISTRATION, SessionSettings, Settings, TOKEN_FORMATS, in_units,
    },
};

/// A line: the name and the value.
type Line = (&'static str, String);

/// Prints the settings, which are valid.
pub fn run(settings: &Settings) {
    for line in lines(settings) {
        say!("{line}");
    }
    say!("the settings are valid");
}

/// The settings, a line each.
pub fn lines(settings: &Settings) -> Vec<String> {
    let Settings {
        profile,
        http,
        database,
        session,
        reset,
        mail,
        password,
        throttle,
        shutdown,
        log,
        unknown,
    } = settings;
    let delivery = match reset.delivery {
        Delivery::InResponse => "answer",
        Delivery::Mail => "mail",
        Delivery::Off => "off",
    };
    let format = match log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    [("profile", profile.to_string())]
        .into_iter()
        .chain(http_lines(http))
        .chain(database_lines(database))
        .chain(session_lines(session))
        .chain([("reset delivery", delivery.to_owned()), ("reset lifetime", in_units(reset.lifetime))])
        .chain(mail_lines(mail.as_ref()))
        .chain(password_lines(password))
        .chain([
            ("throttle", throttle.as_ref().map_or("off".to_owned(), limits)),
            ("shutdown delay", in_units(shutdown.delay)),
            ("shutdown grace", in_units(shutdown.grace)),
            ("log", format!("{}, {format}", log.filter)),
            ("not settings", or_none(&unknown.join(", "))),
        ])
        .map(|(name, value)| format!("{name:<22}{value}"))
        .collect()
}

fn http_lines(http: &HttpSettings) -> Vec<Line> {
    let origins: Vec<&str> = http.origins.iter().map(auth_http::Origin::as_str).collect();
    let proxies: Vec<String> = http.trusted_proxies.iter().map(ToString::to_string).collect();
    let max_connections =
        http.max_connections.map_or("by the limit of open files".to_owned(), |max| max.to_string());
    vec![
        ("listen", http.listen.to_string()),
        ("public url", http.public_url.as_ref().map_or("none".to_owned(), ToString::to_string)),
        ("origins", or_none(&origins.join(", "))),
        ("cookie", format!("{}{}", http.cookie.name, if http.cookie.secure { ", Secure" } else { "" })),
        ("registration", word(&REGISTRATION, http.registration)),
        ("default language", http.language.to_string()),
        ("hsts", word(&HSTS, http.hsts)),
        ("trusted proxies", or_none(&proxies.join(", "))),
        ("workers", http.workers.to_string()),
        ("max connections", max_connections),
        ("keep alive", in_units(http.keep_alive)),
    ]
}

fn database_lines(database: &DatabaseSettings) -> Vec<Line> {
    let timeout = if database.is_file() { "none for a file".to_owned() } else { in_units(database.timeout) };
    vec![
        ("database", database.shown()),
        ("database connections", database.max_connections.to_string()),
        ("database timeout", timeout),
        ("database connect", in_units(database.connect_timeout)),
    ]
}

fn session_lines(session: &SessionSettings) -> Vec<Line> {
    vec![
        ("token format", word(&TOKEN_FORMATS, session.token_format)),
        ("session lifetime", in_units(session.lifetime)),
        ("session idle", in_units(session.idle)),
        ("sessions per user", session.per_user.to_string()),
        ("session cache", format!("{} entries", session.cache.capacity)),
        ("session staleness", session.cache.max_staleness.map_or("none".to_owned(), in_units)),
    ]
}

fn mail_lines(mail: Option<&MailSettings>) -> Vec<Line> {
    let shown = |show: fn(&MailSettings) -> String| mail.map_or("none".to_owned(), show);
    vec![
        ("mail server", shown(|mail| mail.smtp.shown())),
        ("mail on new devices", shown(|mail| if mail.new_device { "on" } else { "off" }.to_owned())),
        ("site name", shown(|mail| mail.service_name.clone())),
        ("reset page", shown(|mail| mail.reset_url.to_string())),
    ]
}

fn password_lines(password: &PasswordSettings) -> Vec<Line> {
    let hashing = &password.hashing;
    let scheme = match hashing.scheme {
        Scheme::Bcrypt { cost } => format!("bcrypt, cost {cost}"),
        Scheme::Argon2id => "argon2id".to_owned(),
    };
    vec![
        ("password minimum", password.policy.min_code_points.to_string()),
        ("password denylist", password.denylist.to_string()),
        ("password scheme", scheme),
        ("hash threads", hashing.threads.to_string()),
        ("hash wait", in_units(hashing.max_wait)),
    ]
}

/// The limits per client.
fn limits(throttle: &ThrottleOptions) -> String {
    let ThrottleOptions { guesses_per_minute, registrations_per_hour, resets_per_hour, exempt, .. } =
        throttle;
    let exempt: Vec<String> = exempt.iter().map(ToString::to_string).collect();
    format!(
        "on; per client {guesses_per_minute} failed attempts a minute, {registrations_per_hour} registrations and \
         {resets_per_hour} resets an hour; exempt: {}",
        or_none(&exempt.join(", "))
    )
}

/// The word of a value among those that the setting accepts.
fn word<T: PartialEq + Copy>(words: &[(&str, T)], value: T) -> String {
    words.iter().find(|(_, known)| *known == value).map_or(String::new(), |(word, _)| (*word).to_owned())
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}
