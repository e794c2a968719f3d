//! `auth-server user …` and `auth-server session …`: what administrators do. Nobody but the owner chooses a password.

use std::num::NonZeroUsize;

use anyhow::{Context, bail};
use auth_core::{
    Auth, HasherOptions, MailOptions, Options, RequestResetError,
    model::{Email, Session, SessionId, User, UserFilter, rfc3339},
};
use auth_db::Database;

use crate::{
    cli::{SessionCommand, UserCommand, Whom},
    output::say,
    settings::{Delivery, Settings},
    telemetry,
};

/// Carries out a command about users.
pub async fn user(settings: &Settings, command: UserCommand) -> anyhow::Result<()> {
    let (auth, db) = open(settings).await?;
    match command {
        UserCommand::Find(whom) => say!("{}", line_of(&find(&auth, &whom).await?)),
        UserCommand::Add { email } => {
            let email = Email::parse(&email).context("such as ada@example.org")?;
            let user = auth.add_user_without_password(email).await?;
            say!("{}", line_of(&user));
            reset(&auth, settings, &user).await?;
        }
        UserCommand::Disable(whom) => {
            let user = find(&auth, &whom).await?;
            auth.disable_user(user.id).await?;
            say!("user {} is disabled, and all sessions have ended", user.id);
        }
        UserCommand::Enable(whom) => {
            let user = find(&auth, &whom).await?;
            auth.enable_user(user.id).await?;
            say!("user {} is enabled", user.id);
        }
        UserCommand::Delete { whom, yes } => {
            let user = find(&auth, &whom).await?;
            confirmed(yes, &format!("this deletes {}", line_of(&user)))?;
            auth.delete_user(user.id).await?;
            say!("user {} is deleted", user.id);
        }
        UserCommand::Reset(whom) => reset(&auth, settings, &find(&auth, &whom).await?).await?,
    }
    Ok(db.close().await?)
}

/// Carries out a command about sessions.
pub async fn session(settings: &Settings, command: SessionCommand) -> anyhow::Result<()> {
    let (auth, db) = open(settings).await?;
    match command {
        SessionCommand::List(whom) => {
            for session in auth.sessions_of(find(&auth, &whom).await?.id).await? {
                say!("{}", line_of_session(&session));
            }
        }
        SessionCommand::End { id } => {
            let parsed =
                SessionId::parse(&id).context("a session's id is a UUID, as `session list` shows it")?;
            if !auth.end_session(parsed).await? {
                bail!("there is no session {id}");
            }
            say!("session {id} has ended");
        }
        SessionCommand::EndAll { whom, of_all_users: false, .. } => {
            let user = find(&auth, &whom).await?;
            let count = auth.destroy_sessions(user.id).await?;
            say!("{count} sessions of user {} have ended", user.id);
        }
        SessionCommand::EndAll { whom, of_all_users: true, yes } => {
            if !whom.fields.is_empty() {
                bail!("either some user's sessions or those of all users");
            }
            confirmed(yes, "this logs everybody out")?;
            say!("{} sessions have ended", auth.end_every_session().await?);
        }
    }
    Ok(db.close().await?)
}

/// With as little as it takes: nobody logs in here.
async fn open(settings: &Settings) -> anyhow::Result<(Auth, Database)> {
    telemetry::start(&settings.log)?;
    let db = super::open(settings, false).await?;
    let status = auth_migrations::status(db.for_migrations()).await.context("the schema can't be read")?;
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
    let auth = Auth::start(db.clone(), options).context("the hashing thread can't be started")?;
    Ok((auth, db))
}

async fn find(auth: &Auth, whom: &Whom) -> anyhow::Result<User> {
    let filter = UserFilter::from_pairs(whom.fields.iter().map(String::as_str))
        .context("whom: such as id=7 or email=ada@example.org")?;
    auth.find_user(&filter).await?.context("no such user")
}

async fn reset(auth: &Auth, settings: &Settings, user: &User) -> anyhow::Result<()> {
    if user.disabled_at.is_some() {
        bail!("user {} is disabled", user.id);
    }
    if settings.reset.delivery == Delivery::Mail {
        auth.send_reset(user).await?;
        say!("a reset link will be sent to user {}", user.id);
        return Ok(());
    }
    let token = match auth.request_reset(&user.email).await {
        Ok(token) => token,
        Err(RequestResetError::UnknownEmail) => bail!("no such user any more"),
        Err(RequestResetError::Unavailable(cause)) => return Err(cause.into()),
    };
    say!("reset token of user {}, for its owner only: {}", user.id, *token.expose());
    Ok(())
}

/// What can't be undone is done only if it is said so.
fn confirmed(yes: bool, what: &str) -> anyhow::Result<()> {
    if !yes {
        bail!("{what}, and can't be undone; say so with --yes");
    }
    Ok(())
}

fn line_of(user: &User) -> String {
    let state = if user.disabled_at.is_some() { "disabled" } else { "enabled" };
    format!("id={} email={} state={state} created_at={}", user.id, user.email, rfc3339(user.created_at))
}

fn line_of_session(session: &Session) -> String {
    let device = session.client.device().unwrap_or_else(|| "unknown".to_owned());
    let address = session.client.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let (id, created_at, last_seen_at) =
        (session.id, rfc3339(session.created_at), rfc3339(session.last_seen_at));
    format!("{id} created_at={created_at} last_seen_at={last_seen_at} address={address} device={device}")
}
