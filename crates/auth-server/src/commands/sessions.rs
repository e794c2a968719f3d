//! `auth-server session`: the sessions of users.

use anyhow::{Context, bail};
use auth_core::model::{Session, SessionId, instant::rfc3339};

use super::{find_user, open_auth, require_yes};
use crate::{cli::SessionCommand, output::say, settings::Settings};

/// Runs a command about sessions.
pub async fn run(settings: &Settings, command: SessionCommand) -> anyhow::Result<()> {
    let (auth, db) = open_auth(settings).await?;
    match command {
        SessionCommand::List(selector) => {
            for session in auth.sessions_of(find_user(&auth, &selector).await?.id).await? {
                say!("{}", line_of(&session));
            }
        }
        SessionCommand::End { id } => {
            let parsed =
                SessionId::parse(&id).context("the id of a session is a UUID, as `session list` shows it")?;
            if !auth.revoke_session(parsed).await? {
                bail!("there is no session {id}");
            }
            say!("session {id} is revoked");
        }
        SessionCommand::EndAll { user, of_all_users: false, .. } => {
            let user = find_user(&auth, &user).await?;
            let count = auth.revoke_sessions(user.id).await?;
            say!("{count} sessions of user {} are revoked", user.id);
        }
        SessionCommand::EndAll { user, of_all_users: true, yes } => {
            if !user.fields.is_empty() {
                bail!("select one user or --of-all-users, not both");
            }
            require_yes(yes, "this logs all users out")?;
            say!("{} sessions are revoked", auth.revoke_all_sessions().await?);
        }
    }
    Ok(db.close().await?)
}

fn line_of(session: &Session) -> String {
    let device = session.client.device().unwrap_or_else(|| "unknown".to_owned());
    let address = session.client.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    let (id, created_at, last_seen_at) =
        (session.id, rfc3339(session.created_at), rfc3339(session.last_seen_at));
    format!("{id} created_at={created_at} last_seen_at={last_seen_at} address={address} device={device}")
}
