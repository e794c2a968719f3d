//! The command line: what can be asked for. What the values mean is in `settings`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Password authentication as a service: register, log in, stay logged in, log out, recover.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub struct Cli {
    /// What to do; `serve` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub settings: Raw,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve requests until SIGTERM or SIGINT (the default).
    Serve,
    /// Build, take back or look at the database's schema.
    #[command(subcommand)]
    Migrate(Migrate),
    /// Find, disable, enable or delete users, or send them a reset link.
    #[command(subcommand)]
    User(UserCommand),
    /// List or end sessions.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Make a filter of breached passwords, for `AUTH_PASSWORD_DENYLIST`.
    #[command(subcommand)]
    Denylist(DenylistCommand),
    /// Ask the service that listens where these settings say whether it is well; exit code 1 if not.
    Health,
    /// Check the settings, print what is in force, and end.
    CheckConfig,
}

/// What can be done to the schema.
#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Apply all pending migrations.
    Up,
    /// Take back the newest migrations, WITH THE DATA they hold.
    Down {
        /// How many.
        #[arg(long)]
        steps: u32,
        /// What they hold is lost.
        #[arg(long)]
        yes: bool,
    },
    /// List migrations, applied and pending.
    Status,
}

/// Who is meant.
#[derive(Debug, Args)]
pub struct Whom {
    /// Such as `id=7` or `email=ada@example.org`; of several, each must match.
    #[arg(value_name = "FIELD=VALUE")]
    pub fields: Vec<String>,
}

/// What can be done about users. Nobody but the owner chooses a password.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Show a user.
    Find(Whom),
    /// Make an account, whose owner sets the first password by a link: it is mailed, or, where no mail is sent, printed as a
    /// reset token.
    Add {
        /// The address.
        email: String,
    },
    /// End all sessions of a user, and let nobody log in.
    Disable(Whom),
    /// Let a user log in again.
    Enable(Whom),
    /// Delete a user with all that hangs on the account.
    Delete {
        #[command(flatten)]
        whom: Whom,
        /// It can't be undone.
        #[arg(long)]
        yes: bool,
    },
    /// Send a user a reset link; where no mail is sent, print the token.
    Reset(Whom),
}

/// What can be done about sessions.
#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// List the sessions of a user, the newest first.
    List(Whom),
    /// End one session.
    End {
        /// Its id, as `session list` shows it.
        id: String,
    },
    /// End all sessions of a user.
    EndAll {
        #[command(flatten)]
        whom: Whom,
        /// Log everybody out instead.
        #[arg(long)]
        of_all_users: bool,
        /// That can't be undone.
        #[arg(long)]
        yes: bool,
    },
}

/// What can be done about passwords that are refused.
#[derive(Debug, Subcommand)]
pub enum DenylistCommand {
    /// Make a filter of a list: a password on each line.
    Build {
        /// The list (default: standard input).
        #[arg(long)]
        input: Option<PathBuf>,
        /// Lines hold `SHA1:count`, as breached passwords are published, instead of passwords.
        #[arg(long)]
        hashes: bool,
        /// Where the filter goes.
        #[arg(long)]
        output: PathBuf,
    },
}

/// The settings as they were given, on the command line or in the environment. An empty one counts as none.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct Raw {
    /// A file of settings, NAME=VALUE in each line, as systemd and containers read it. Variables and flags win over it.
    #[arg(long, env = "AUTH_ENV_FILE", global = true)]
    pub env_file: Option<String>,
    /// `development` or `production`: picks the defaults below.
    #[arg(long, env = "AUTH_PROFILE", global = true)]
    pub profile: Option<String>,
    /// Address of the service (default: 127.0.0.1:5000); port 0 picks one.
    #[arg(long, env = "AUTH_LISTEN", global = true)]
    pub listen: Option<String>,
    /// Where the embedded database lives (default: the platform's data folder + auth-server).
    #[arg(long, env = "AUTH_DATA_DIR", global = true)]
    pub data_dir: Option<String>,
    /// The database: `sqlite:PATH`, `postgres://…` or `mysql://…`, also for `MariaDB` (default: a file in the
    /// data directory; production: must be named).
    #[arg(long, env = "AUTH_DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// A file that holds the database URL.
    #[arg(long, env = "AUTH_DATABASE_URL_FILE", global = true)]
    pub database_url_file: Option<String>,
    /// Pool size (default: by database).
    #[arg(long, env = "AUTH_DATABASE_MAX_CONNECTIONS", global = true)]
    pub database_max_connections: Option<String>,
    /// Longest wait for the answer of a database server, all attempts of a transaction included (default: 2500ms).
    #[arg(long, env = "AUTH_DATABASE_TIMEOUT", global = true)]
    pub database_timeout: Option<String>,
    /// Longest wait for a connection to the database (default: 2s).
    #[arg(long, env = "AUTH_DATABASE_CONNECT_TIMEOUT", global = true)]
    pub database_connect_timeout: Option<String>,
    /// What users' browsers see; decides `Secure` and the origin. Production: required, https.
    #[arg(long, env = "AUTH_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// Further origins whose pages may post, separated by commas.
    #[arg(long, env = "AUTH_ALLOWED_ORIGINS", global = true)]
    pub allowed_origins: Option<String>,
    /// Name of the session cookie (default: `session_id`).
    #[arg(long, env = "AUTH_COOKIE_NAME", global = true)]
    pub cookie_name: Option<String>,
    /// Networks whose X-Forwarded-For is believed, separated by commas.
    #[arg(long, env = "AUTH_TRUSTED_PROXIES", global = true)]
    pub trusted_proxies: Option<String>,
    /// HTTP worker threads (default: cores).
    #[arg(long, env = "AUTH_WORKERS", global = true)]
    pub workers: Option<String>,
    /// Client connections at once (default: what the limit of open files allows, at most 16384). One client gets an
    /// eighth of them.
    #[arg(long, env = "AUTH_MAX_CONNECTIONS", global = true)]
    pub max_connections: Option<String>,
    /// How long an idle connection is kept (default: 75s). Longer than the proxy in front keeps its connections.
    #[arg(long, env = "AUTH_KEEP_ALIVE", global = true)]
    pub keep_alive: Option<String>,
    /// `Strict-Transport-Security`, by which browsers use TLS only: `off`, `host` (default where the public URL is https), or
    /// `subdomains`, which goes for hosts below that name, too.
    #[arg(long, env = "AUTH_HSTS", global = true)]
    pub hsts: Option<String>,
    /// Tokens as UUIDs of version 4 (`uuid4`, 122 random bits) or in the same notation with 128 random bits
    /// (`opaque128`); the default is by profile.
    #[arg(long, env = "AUTH_TOKEN_FORMAT", global = true)]
    pub token_format: Option<String>,
    /// When a session ends, however busy it is (default: 30d).
    #[arg(long, env = "AUTH_SESSION_LIFETIME", global = true)]
    pub session_lifetime: Option<String>,
    /// When a session ends that nobody uses (default: 7d).
    #[arg(long, env = "AUTH_SESSION_IDLE", global = true)]
    pub session_idle: Option<String>,
    /// The oldest session ends when one more than this is opened (default: 10).
    #[arg(long, env = "AUTH_SESSIONS_PER_USER", global = true)]
    pub sessions_per_user: Option<String>,
    /// Sessions that are checked from memory, at the most; 0 turns that off (default: 100000).
    #[arg(long, env = "AUTH_SESSION_CACHE_ENTRIES", global = true)]
    pub session_cache_entries: Option<String>,
    /// How long a session may still count on a node that can't hear of what the others end (default: not at
    /// all; each check asks the database there). At most 1m.
    #[arg(long, env = "AUTH_SESSION_CACHE_STALENESS", global = true)]
    pub session_cache_staleness: Option<String>,
    /// Whether anybody can register: `open` (default) or `closed` (accounts are made by `user add`).
    #[arg(long, env = "AUTH_REGISTRATION", global = true)]
    pub registration: Option<String>,
    /// How a reset token reaches its owner: `answer` (default in development), `mail` (in production), or not: `off`.
    #[arg(long, env = "AUTH_RESET_DELIVERY", global = true)]
    pub reset_delivery: Option<String>,
    /// How long a reset token counts (default: 30m), at most 24h.
    #[arg(long, env = "AUTH_RESET_LIFETIME", global = true)]
    pub reset_lifetime: Option<String>,
    /// The page that a reset link opens (default: the public URL with `/reset_password`).
    #[arg(long, env = "AUTH_RESET_URL", global = true)]
    pub reset_url: Option<String>,
    /// Where mail goes: `smtps://USER:PASSWORD@HOST`, `smtp://…?tls=required`, `smtp://HOST` of this machine.
    #[arg(long, env = "AUTH_SMTP_URL", global = true, hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// A file that holds the URL of the mail server.
    #[arg(long, env = "AUTH_SMTP_URL_FILE", global = true)]
    pub smtp_url_file: Option<String>,
    /// Who mails are from, such as `Accounts <accounts@example.org>`.
    #[arg(long, env = "AUTH_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// What emails call the service (default: the host of the public URL).
    #[arg(long, env = "AUTH_SITE_NAME", global = true)]
    pub site_name: Option<String>,
    /// The language of emails and pages for clients that name none of ours: `en` (default) or `fr`.
    #[arg(long, env = "AUTH_DEFAULT_LANGUAGE", global = true)]
    pub default_language: Option<String>,
    /// What the service calls itself to the mail server (default: the name of this machine).
    #[arg(long, env = "AUTH_SMTP_NAME", global = true)]
    pub smtp_name: Option<String>,
    /// A folder of templates that replace those that are built in.
    #[arg(long, env = "AUTH_MAIL_TEMPLATES", global = true)]
    pub mail_templates: Option<String>,
    /// Whether owners are told of logins on new devices: `on` (default) or `off`.
    #[arg(long, env = "AUTH_MAIL_NEW_DEVICE", global = true)]
    pub mail_new_device: Option<String>,
    /// What makes new hashes: `bcrypt` (default) or `argon2id`.
    #[arg(long, env = "AUTH_PASSWORD_SCHEME", global = true)]
    pub password_scheme: Option<String>,
    /// Cost of bcrypt (default: 12): 10 to 14, in development from 4.
    #[arg(long, env = "AUTH_BCRYPT_COST", global = true)]
    pub bcrypt_cost: Option<String>,
    /// Fewest code points of a new password (default: 1; production: 15).
    #[arg(long, env = "AUTH_PASSWORD_MIN_LENGTH", global = true)]
    pub password_min_length: Option<String>,
    /// Passwords that are refused: `builtin` (default in production), `off` (in development) or a file.
    #[arg(long, env = "AUTH_PASSWORD_DENYLIST", global = true)]
    pub password_denylist: Option<String>,
    /// Limits on attempts: `on` (default in production) or `off` (in development).
    #[arg(long, env = "AUTH_THROTTLE", global = true)]
    pub throttle: Option<String>,
    /// Attempts of one client that may fail in a minute (default: 20), twice as many at once.
    #[arg(long, env = "AUTH_THROTTLE_GUESSES", global = true)]
    pub throttle_guesses: Option<String>,
    /// Registrations of one client in an hour (default: 5).
    #[arg(long, env = "AUTH_THROTTLE_REGISTRATIONS", global = true)]
    pub throttle_registrations: Option<String>,
    /// Requests of one client for a reset in an hour (default: 10).
    #[arg(long, env = "AUTH_THROTTLE_RESETS", global = true)]
    pub throttle_resets: Option<String>,
    /// Networks whose clients have no limits of their own, such as an office with one address.
    #[arg(long, env = "AUTH_THROTTLE_EXEMPT", global = true)]
    pub throttle_exempt: Option<String>,
    /// Hashing threads (default: cores).
    #[arg(long, env = "AUTH_HASH_THREADS", global = true)]
    pub hash_threads: Option<String>,
    /// Longest wait for a password hash that is accepted (default: 2s).
    #[arg(long, env = "AUTH_HASH_WAIT", global = true)]
    pub hash_wait: Option<String>,
    /// After a signal: how long /healthz says 503 while requests are accepted (default: 0s; production: 5s).
    #[arg(long, env = "AUTH_SHUTDOWN_DELAY", global = true)]
    pub shutdown_delay: Option<String>,
    /// Then: how long requests under way may take (default: 30s).
    #[arg(long, env = "AUTH_SHUTDOWN_GRACE", global = true)]
    pub shutdown_grace: Option<String>,
    /// What is logged: `info` (default), `debug`, `auth_core=debug,info`.
    #[arg(long, env = "AUTH_LOG", global = true)]
    pub log: Option<String>,
    /// `text` (default) or `json`.
    #[arg(long, env = "AUTH_LOG_FORMAT", global = true)]
    pub log_format: Option<String>,
}
