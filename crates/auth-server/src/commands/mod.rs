//! The commands that do not serve.
#![expect(clippy::print_stdout, reason = "what a command answers is for whoever typed it")]

pub mod health;
pub mod passwords;
pub mod people;

use anyhow::Context;
use auth_core::{Scheme, model::TokenFormat};
use auth_db::Database;

use crate::settings::{Delivery, LogFormat, Settings, TOKEN_FORMATS, in_units};

/// Applies all pending migrations; makes the database file if need be.
pub async fn migrate_up(settings: &Settings) -> anyhow::Result<()> {
    let db = Database::connect(&settings.database.options(true)).await?;
    let applied = auth_migrations::up(db.for_migrations()).await?;
    println!("applied {applied} migrations");
    Ok(db.close().await?)
}

/// Takes back the newest migrations.
pub async fn migrate_down(settings: &Settings, steps: u32) -> anyhow::Result<()> {
    let db = Database::connect(&settings.database.options(false)).await?;
    let taken_back = auth_migrations::down(db.for_migrations(), steps).await?;
    println!("took back {taken_back} migrations");
    Ok(db.close().await?)
}

/// Lists migrations, applied and pending.
pub async fn migrate_status(settings: &Settings) -> anyhow::Result<()> {
    let db = Database::connect(&settings.database.options(false)).await?;
    let status = auth_migrations::status(db.for_migrations()).await.context("the schema can't be read")?;
    for (state, names) in
        [("applied", &status.applied), ("unknown", &status.unknown), ("pending", &status.pending)]
    {
        for name in names {
            println!("{state}  {name}");
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
        ("trusted proxies", or_none(&proxies.join(", "))),
        ("workers", http.workers.to_string()),
        (
            "max connections",
            http.max_connections.map_or("by the limit of open files".to_owned(), |max| max.to_string()),
        ),
        ("keep alive", in_units(http.keep_alive)),
        ("database", database.shown()),
        ("database connections", database.max_connections.to_string()),
        ("database timeout", in_units(database.timeout)),
        ("database connect", in_units(database.connect_timeout)),
        ("token format", name_of(session.token_format).to_owned()),
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
        ("password denylist", format!("{:?}", password.denylist)),
        ("throttle", if *throttle { "on" } else { "off" }.to_owned()),
        ("password scheme", scheme),
        ("hash threads", hashing.threads.to_string()),
        ("hash wait", in_units(hashing.max_wait)),
        ("shutdown delay", in_units(shutdown.delay)),
        ("shutdown grace", in_units(shutdown.grace)),
        ("log", format!("{}, {format}", log.filter)),
        ("not settings", or_none(&unknown.join(", "))),
    ] {
        println!("{name:<22}{value}");
    }
    println!("the settings are good");
    Ok(())
}

fn name_of(format: TokenFormat) -> &'static str {
    TOKEN_FORMATS.iter().find(|(_, known)| *known == format).map_or("", |(name, _)| name)
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}

fn shown(duration: time::Duration) -> anyhow::Result<String> {
    Ok(in_units(duration.try_into()?))
}
