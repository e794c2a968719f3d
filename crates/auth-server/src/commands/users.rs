//! `auth-server user`: the work of administrators. Only the owner of an account sets its password.

use anyhow::{Context, bail};
use auth_core::{
    Auth,
    model::{Email, User, instant::rfc3339},
};

use super::{find_user, open_auth, require_yes};
use crate::{
    cli::UserCommand,
    output::say,
    settings::{Delivery, Settings},
};

/// Runs a command about users.
pub async fn run(settings: &Settings, command: UserCommand) -> anyhow::Result<()> {
    let (auth, db) = open_auth(settings).await?;
    match command {
        UserCommand::Find(selector) => say!("{}", line_of(&find_user(&auth, &selector).await?)),
        UserCommand::Add { email } => {
            let email = Email::parse(&email).context("give an address such as ada@example.org")?;
            let user = auth.add_user_without_password(email).await?;
            say!("{}", line_of(&user));
            reset(&auth, settings, &user).await?;
        }
        UserCommand::Disable(selector) => {
            let user = find_user(&auth, &selector).await?;
            auth.disable_user(user.id).await?;
            say!("user {} is disabled, and all sessions are revoked", user.id);
        }
        UserCommand::Enable(selector) => {
            let user = find_user(&auth, &selector).await?;
            auth.enable_user(user.id).await?;
            say!("user {} is enabled", user.id);
        }
        UserCommand::Delete { user, yes } => {
            let user = find_user(&auth, &user).await?;
            require_yes(yes, &format!("this deletes {}", line_of(&user)))?;
            auth.delete_user(user.id).await?;
            say!("user {} is deleted", user.id);
        }
        UserCommand::Reset(selector) => reset(&auth, settings, &find_user(&auth, &selector).await?).await?,
    }
    Ok(db.close().await?)
}

/// Queues an email with a reset link. Where no mail is sent, prints the reset token.
async fn reset(auth: &Auth, settings: &Settings, user: &User) -> anyhow::Result<()> {
    if user.disabled_at.is_some() {
        bail!("user {} is disabled", user.id);
    }
    if settings.reset.delivery == Delivery::Mail {
        auth.send_reset(user).await?;
        say!("a reset link will be sent to user {}", user.id);
        return Ok(());
    }
    let token = auth.issue_reset_token(&user.email).await?;
    say!("reset token of user {}, for its owner only: {}", user.id, *token.expose());
    Ok(())
}

fn line_of(user: &User) -> String {
    let state = if user.disabled_at.is_some() { "disabled" } else { "enabled" };
    format!("id={} email={} state={state} created_at={}", user.id, user.email, rfc3339(user.created_at))
}
