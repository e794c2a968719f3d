//! The command line: the commands and their arguments. The settings are in `settings`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::settings::RawSettings;

/// Password authentication as a service: register, log in, stay logged in, log out, recover.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    /// The command; `serve` by default.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: RawSettings,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve requests until SIGTERM or SIGINT (the default).
    Serve,
    /// Apply, revert or list migrations of the database's schema.
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Find, add, disable, enable or delete users, or send them a reset link.
    #[command(subcommand)]
    User(UserCommand),
    /// List or revoke sessions.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Build a filter of breached passwords for `AUTH_PASSWORD_DENYLIST`.
    #[command(subcommand)]
    Denylist(DenylistCommand),
    /// Check the health of the service that listens on `AUTH_LISTEN`; exit code 1 if it is unhealthy.
    Health,
    /// Check the settings and print them with their defaults.
    CheckConfig,
}

/// Commands about the schema.
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Apply all pending migrations.
    Up,
    /// Revert the newest migrations. THEIR DATA IS DELETED.
    Down {
        /// The number of migrations.
        #[arg(long)]
        steps: u32,
        /// Confirms that their data is deleted.
        #[arg(long)]
        yes: bool,
    },
    /// List applied and pending migrations.
    Status,
}

/// Selects one user.
#[derive(Debug, Args)]
pub struct UserSelector {
    /// Such as `id=7` or `email=ada@example.org`. If several are given, all must match.
    #[arg(value_name = "FIELD=VALUE")]
    pub fields: Vec<String>,
}

/// Commands about users. None of them sets a password: only the owner of an account does.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Show a user.
    Find(UserSelector),
    /// Add an account. Its owner sets the first password with a reset link, which is emailed. Where no mail is sent, the reset
    /// token is printed.
    Add {
        /// The email address.
        email: String,
    },
    /// Revoke all sessions of a user, and reject logins.
    Disable(UserSelector),
    /// Accept logins of a user again.
    Enable(UserSelector),
    /// Delete a user with all data of the account.
    Delete {
        #[command(flatten)]
        user: UserSelector,
        /// Confirms the deletion, which can't be undone.
        #[arg(long)]
        yes: bool,
    },
    /// Send a user a reset link. Where no mail is sent, print the token.
    Reset(UserSelector),
}

/// Commands about sessions.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List the sessions of a user, newest first.
    List(UserSelector),
    /// Revoke one session.
    End {
        /// Its id, as `session list` shows it.
        id: String,
    },
    /// Revoke all sessions of a user.
    EndAll {
        #[command(flatten)]
        user: UserSelector,
        /// Revoke the sessions of all users instead.
        #[arg(long)]
        of_all_users: bool,
        /// Confirms that all users are logged out.
        #[arg(long)]
        yes: bool,
    },
}

/// Commands about rejected passwords.
#[derive(Debug, Subcommand)]
pub enum DenylistCommand {
    /// Build a filter from a list with a password on each line.
    Build {
        /// The list (default: standard input).
        #[arg(long)]
        input: Option<PathBuf>,
        /// Lines hold `SHA1:count`, as breached passwords are published, instead of passwords.
        #[arg(long)]
        hashes: bool,
        /// The file of the filter.
        #[arg(long)]
        output: PathBuf,
    },
}
