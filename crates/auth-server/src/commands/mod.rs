//! The commands other than `serve`.

pub mod check_config;
pub mod denylist;
pub mod health;
pub mod migrate;
pub mod sessions;
pub mod users;

use std::num::NonZeroUsize;

use anyhow::{Context, bail};
use auth_core::{Auth, Options, mail::MailOptions, model::User, passwords::HasherOptions};
use auth_db::{ConnectError, Database, text};

use crate::{cli::UserSelector, settings::Settings, telemetry};

/// Opens the database. A missing file is created only if `create` is set and a setting names it: a command that is run without
/// the settings of the service must not create a second database.
async fn open_database(settings: &Settings, create: bool) -> anyhow::Result<Database> {
    let is_named = settings.database.is_named;
    match Database::connect(&settings.database.options(create && is_named)).await {
        Err(ConnectError::Missing(path)) if !is_named => bail!(
            "no setting names a database, and {} does not exist: set AUTH_DATABASE_URL or AUTH_DATA_DIR as for the \
             service, or give its file of settings by --env-file",
            path.display()
        ),
        opened => Ok(opened?),
    }
}

/// Opens the database and starts an [`Auth`] with one hashing thread and without limits on attempts.
async fn open_auth(settings: &Settings) -> anyhow::Result<(Auth, Database)> {
    telemetry::start(&settings.log)?;
    let db = open_database(settings, false).await?;
    let status = auth_migrations::status(db.for_migrations()).await.context("could not read the schema")?;
    if !status.is_current() {
        bail!("the database schema is not that of this version; run `auth-server migrate status`");
    }
    let mut options = Options {
        hashing: HasherOptions { threads: NonZeroUsize::MIN, ..settings.password.hashing },
        throttle: None,
        mail: MailOptions::default(),
        ..Options::default()
    };
    options.policy.token_format = settings.session.token_format;
    options.policy.session_idle = settings.session.idle;
    options.policy.reset_lifetime = settings.reset.lifetime;
    let auth = Auth::start(db.clone(), options).context("could not start the hashing thread")?;
    Ok((auth, db))
}

/// Finds the selected user.
async fn find_user(auth: &Auth, selector: &UserSelector) -> anyhow::Result<User> {
    let filter = text::user_filter(selector.fields.iter().map(String::as_str))
        .context("select a user by such as id=7 or email=ada@example.org")?;
    auth.find_user(&filter).await?.context("no such user")
}

/// Fails without `--yes`.
fn require_yes(yes: bool, consequence: &str) -> anyhow::Result<()> {
    if !yes {
        bail!("{consequence}, which can't be undone; confirm with --yes");
    }
    Ok(())
}
