//! The commands that do not serve.

pub mod health;
pub mod passwords;
pub mod people;

use anyhow::{Context, bail};
use auth_core::{Scheme, ThrottleOptions};
use auth_db::{ConnectError, Database};

use crate::{
    output::say,
    settings::{Delivery, HSTS, LogFormat, REGISTRATION, Settings, TOKEN_FORMATS, in_units},
};

/// Opens the database of the settings. The default database is opened if it exists and never created: a command that was
/// run without the settings of the service would create a second one.
pub async fn open(settings: &Settings, create: bool) -> anyhow::Result<Database> {
    let is_named = settings.database.is_named;
    match Database::connect(&settings.database.options(create && is_named)).await {
        Err(ConnectError::Missing(path)) if !is_named => bail!(
            "no database is named, and there is none at {}: name that of the service by AUTH_DATABASE_URL or \
             AUTH_DATA_DIR, or its file of settings by --env-file",
            path.display()
        ),
        opened => Ok(opened?),
    }
}

/// Applies all pending migrations; makes the database file if need be.
pub async fn migrate_up(settings: &Settings) -> anyhow::Result<()> {
    let db = open(settings, true).await?;
    let applied = auth_migrations::up(db.for_migrations()).await?;
    say!("applied {applied} migrations");
    Ok(db.close().await?)
}

/// Takes back the newest migrations.
pub async fn migrate_down(settings: &Settings, steps: u32, yes: bool) -> anyhow::Result<()> {
    if !yes {
        bail!(
            "this deletes the tables and columns of {steps} migrations with what they hold: with the first of them, all users; make a backup, and say so with --yes"
        );
    }
    let db = open(settings, false).await?;
    let taken_back = auth_migrations::down(db.for_migrations(), steps).await?;
    say!("took back {taken_back} migrations");
    Ok(db.close().await?)
}

/// Lists migrations, applied and pending.
pub async fn migrate_status(settings: &Settings) -> anyhow::Result<()> {
    let db = open(settings, false).await?;
    let status = auth_migrations::status(db.for_migrations()).await.context("the schema can't be read")?;
    for (state, names) in
        [("applied", &status.applied), ("unknown", &status.unknown), ("pending", &status.pending)]
    {
        for name in names {
            say!("{state}  {name}");
        }
    }
    Ok(db.close().await?)
}

/// Prints what is in force. That it gets here means that the settings are good.
pub fn check_config(settings: &Settings) -> anyhow::Result<()> {
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
        Delivery::Answer => "answer",
        Delivery::Mail => "mail",
        Delivery::Off => "off",
    };
    let mail_server = mail.as_ref().map_or("none".to_owned(), |mail| mail.smtp.shown());
    let hashing = &password.hashing;
    let scheme = match hashing.scheme {
        Scheme::Bcrypt { cost } => format!("bcrypt, cost {cost}"),
        Scheme::Argon2id => "argon2id".to_owned(),
    };
    let origins: Vec<&str> = http.origins.iter().map(auth_http::Origin::as_str).collect();
    let proxies: Vec<String> = http.trusted_proxies.iter().map(ToString::to_string).collect();
    let format = match log.format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    for (name, value) in [
        ("profile", profile.to_string()),
        ("listen", http.listen.to_string()),
        ("public url", http.public_url.as_ref().map_or("none".to_owned(), ToString::to_string)),
        ("origins", or_none(&origins.join(", "))),
        ("cookie", format!("{}{}", http.cookie.name, if http.cookie.secure { ", Secure" } else { "" })),
        ("registration", word(&REGISTRATION, http.registration)),
        ("default language", http.language.to_string()),
        ("site name", mail.as_ref().map_or("none".to_owned(), |mail| mail.service.clone())),
        ("hsts", word(&HSTS, http.hsts)),
        ("trusted proxies", or_none(&proxies.join(", "))),
        ("workers", http.workers.to_string()),
        (
            "max connections",
            http.max_connections.map_or("by the limit of open files".to_owned(), |max| max.to_string()),
        ),
        ("keep alive", in_units(http.keep_alive)),
        ("database", database.shown()),
        ("database connections", database.max_connections.to_string()),
        (
            "database timeout",
            if database.is_file() { "none for a file".to_owned() } else { in_units(database.timeout) },
        ),
        ("database connect", in_units(database.connect_timeout)),
        ("token format", word(&TOKEN_FORMATS, session.token_format)),
        ("session lifetime", shown(session.lifetime)?),
        ("session idle", shown(session.idle)?),
        ("sessions per user", session.per_user.to_string()),
        ("session cache", format!("{} entries", session.memory.entries)),
        ("session staleness", session.memory.accepted_staleness.map_or("none".to_owned(), in_units)),
        ("reset delivery", delivery.to_owned()),
        ("mail server", mail_server),
        ("reset page", mail.as_ref().map_or("none".to_owned(), |mail| mail.reset_url.to_string())),
        ("reset lifetime", shown(reset.lifetime)?),
        ("password minimum", password.policy.min_code_points.to_string()),
        ("password denylist", password.denylist.to_string()),
        ("throttle", throttle.as_ref().map_or("off".to_owned(), limits)),
        ("password scheme", scheme),
        ("hash threads", hashing.threads.to_string()),
        ("hash wait", in_units(hashing.max_wait)),
        ("shutdown delay", in_units(shutdown.delay)),
        ("shutdown grace", in_units(shutdown.grace)),
        ("log", format!("{}, {format}", log.filter)),
        ("not settings", or_none(&unknown.join(", "))),
    ] {
        say!("{name:<22}{value}");
    }
    say!("the settings are good");
    Ok(())
}

/// The word for a value, of those that the setting accepts.
fn word<T: PartialEq + Copy>(words: &[(&str, T)], value: T) -> String {
    words.iter().find(|(_, known)| *known == value).map_or(String::new(), |(word, _)| (*word).to_owned())
}

/// What a client may do.
fn limits(throttle: &ThrottleOptions) -> String {
    let ThrottleOptions { guesses_per_minute, registrations_per_hour, resets_per_hour, exempt, .. } =
        throttle;
    let exempt: Vec<String> = exempt.iter().map(ToString::to_string).collect();
    format!(
        "on; of a client {guesses_per_minute} failures a minute, {registrations_per_hour} registrations and \
         {resets_per_hour} resets an hour; exempt: {}",
        or_none(&exempt.join(", "))
    )
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}

fn shown(duration: time::Duration) -> anyhow::Result<String> {
    Ok(in_units(duration.try_into()?))
}
