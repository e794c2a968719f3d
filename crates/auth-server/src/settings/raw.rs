//! The settings as given, before they are checked.

use clap::Args;

/// The settings as given, on the command line or in the environment. An empty value counts as not given.
///
/// `(default: …)` at the end of a description is the default in the development profile, and behind `production:` that in
/// production. A test compares them with `docs/settings.md` and with the checked settings.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct RawSettings {
    /// A file of settings, `NAME=VALUE` in each line, as systemd and containers read it. Variables and flags override it.
    #[arg(long, env = "AUTH_ENV_FILE", global = true)]
    pub env_file: Option<String>,
    /// `development` or `production`: selects the defaults below (default: development).
    #[arg(long, env = "AUTH_PROFILE", global = true)]
    pub profile: Option<String>,
    /// The address of the service; with port 0 the system chooses the port (default: 127.0.0.1:5000).
    #[arg(long, env = "AUTH_LISTEN", global = true)]
    pub listen: Option<String>,
    /// The folder of the embedded database. By default `auth-server` in the platform's data folder.
    #[arg(long, env = "AUTH_DATA_DIR", global = true)]
    pub data_dir: Option<String>,
    /// The database: `sqlite:PATH`, `postgres://…`, or `mysql://…` for `MariaDB`. By default a file in the data folder;
    /// production requires it.
    #[arg(long, env = "AUTH_DATABASE_URL", global = true, hide_env_values = true)]
    pub database_url: Option<String>,
    /// A file that contains the database URL.
    #[arg(long, env = "AUTH_DATABASE_URL_FILE", global = true)]
    pub database_url_file: Option<String>,
    /// The maximum number of connections to the database (default: 16).
    #[arg(long, env = "AUTH_DATABASE_MAX_CONNECTIONS", global = true)]
    pub database_max_connections: Option<String>,
    /// The maximum time for a response of a database server, including retries of a transaction (default: 2500ms).
    #[arg(long, env = "AUTH_DATABASE_TIMEOUT", global = true)]
    pub database_timeout: Option<String>,
    /// The maximum wait for a connection to the database (default: 2s).
    #[arg(long, env = "AUTH_DATABASE_CONNECT_TIMEOUT", global = true)]
    pub database_connect_timeout: Option<String>,
    /// The URL of the service in users' browsers, without a path. It decides the cookies' `Secure` and the allowed origin.
    /// Production requires it, with https.
    #[arg(long, env = "AUTH_PUBLIC_URL", global = true)]
    pub public_url: Option<String>,
    /// Further origins whose pages may send requests, separated by commas.
    #[arg(long, env = "AUTH_ALLOWED_ORIGINS", global = true)]
    pub allowed_origins: Option<String>,
    /// The name of the session cookie (default: `session_id`).
    #[arg(long, env = "AUTH_COOKIE_NAME", global = true)]
    pub cookie_name: Option<String>,
    /// Networks whose `X-Forwarded-For` is trusted, separated by commas.
    #[arg(long, env = "AUTH_TRUSTED_PROXIES", global = true)]
    pub trusted_proxies: Option<String>,
    /// HTTP worker threads. By default the number of cores.
    #[arg(long, env = "AUTH_WORKERS", global = true)]
    pub workers: Option<String>,
    /// The maximum number of client connections; one client gets an eighth. By default what the limit of open files allows,
    /// at most 16384.
    #[arg(long, env = "AUTH_MAX_CONNECTIONS", global = true)]
    pub max_connections: Option<String>,
    /// The time after which an idle connection is closed. Choose it longer than that of the proxy (default: 75s).
    #[arg(long, env = "AUTH_KEEP_ALIVE", global = true)]
    pub keep_alive: Option<String>,
    /// `Strict-Transport-Security`: `off`, `host`, or `subdomains`. By default `host` if the public URL is https.
    #[arg(long, env = "AUTH_HSTS", global = true)]
    pub hsts: Option<String>,
    /// Tokens as UUIDs of version 4 (`uuid4`, 122 random bits) or in the same notation with 128 random bits (`opaque128`)
    /// (default: uuid4; production: opaque128).
    #[arg(long, env = "AUTH_TOKEN_FORMAT", global = true)]
    pub token_format: Option<String>,
    /// The lifetime of a session, regardless of its use (default: 30d).
    #[arg(long, env = "AUTH_SESSION_LIFETIME", global = true)]
    pub session_lifetime: Option<String>,
    /// The idle timeout of a session (default: 7d).
    #[arg(long, env = "AUTH_SESSION_IDLE", global = true)]
    pub session_idle: Option<String>,
    /// The maximum number of sessions of a user; a new one revokes the oldest (default: 10).
    #[arg(long, env = "AUTH_SESSIONS_PER_USER", global = true)]
    pub sessions_per_user: Option<String>,
    /// The maximum number of cached sessions; 0 disables the cache (default: 100000).
    #[arg(long, env = "AUTH_SESSION_CACHE_ENTRIES", global = true)]
    pub session_cache_entries: Option<String>,
    /// The time for which a node may accept a session that another node revoked, where it receives no notifications, at most
    /// 1m. By default every check there asks the database.
    #[arg(long, env = "AUTH_SESSION_CACHE_STALENESS", global = true)]
    pub session_cache_staleness: Option<String>,
    /// `open`, or `closed`: then accounts are added with `user add` (default: open).
    #[arg(long, env = "AUTH_REGISTRATION", global = true)]
    pub registration: Option<String>,
    /// How reset tokens are delivered: `answer` (in the response), `mail` or `off` (default: answer; production: mail).
    #[arg(long, env = "AUTH_RESET_DELIVERY", global = true)]
    pub reset_delivery: Option<String>,
    /// The lifetime of a reset token, at most 24h (default: 30m).
    #[arg(long, env = "AUTH_RESET_LIFETIME", global = true)]
    pub reset_lifetime: Option<String>,
    /// The page that a reset link opens. By default the built-in page `/reset_password` of the public URL.
    #[arg(long, env = "AUTH_RESET_URL", global = true)]
    pub reset_url: Option<String>,
    /// The mail server: `smtps://USER:PASSWORD@HOST`, `smtp://…?tls=required`, or `smtp://HOST` on this machine.
    #[arg(long, env = "AUTH_SMTP_URL", global = true, hide_env_values = true)]
    pub smtp_url: Option<String>,
    /// A file that contains the URL of the mail server.
    #[arg(long, env = "AUTH_SMTP_URL_FILE", global = true)]
    pub smtp_url_file: Option<String>,
    /// The sender of emails, such as `Accounts <accounts@example.org>`.
    #[arg(long, env = "AUTH_MAIL_FROM", global = true)]
    pub mail_from: Option<String>,
    /// The name of the service in emails. By default the host of the public URL.
    #[arg(long, env = "AUTH_SITE_NAME", global = true)]
    pub site_name: Option<String>,
    /// The language of emails and pages for clients that accept neither `en` nor `fr` (default: en).
    #[arg(long, env = "AUTH_DEFAULT_LANGUAGE", global = true)]
    pub default_language: Option<String>,
    /// The name that is sent to the mail server in `EHLO`. By default the name of this machine.
    #[arg(long, env = "AUTH_SMTP_NAME", global = true)]
    pub smtp_name: Option<String>,
    /// A folder of templates that replace the built-in ones.
    #[arg(long, env = "AUTH_MAIL_TEMPLATES", global = true)]
    pub mail_templates: Option<String>,
    /// Whether users are notified of logins on new devices: `on` or `off` (default: on).
    #[arg(long, env = "AUTH_MAIL_NEW_DEVICE", global = true)]
    pub mail_new_device: Option<String>,
    /// The scheme of new password hashes: `bcrypt` or `argon2id` (default: bcrypt).
    #[arg(long, env = "AUTH_PASSWORD_SCHEME", global = true)]
    pub password_scheme: Option<String>,
    /// The cost of bcrypt: 10 to 14, in development from 4 (default: 12).
    #[arg(long, env = "AUTH_BCRYPT_COST", global = true)]
    pub bcrypt_cost: Option<String>,
    /// The minimum length of a new password, in code points (default: 1; production: 15).
    #[arg(long, env = "AUTH_PASSWORD_MIN_LENGTH", global = true)]
    pub password_min_length: Option<String>,
    /// Passwords that are rejected: `builtin`, `off` or a file (default: off; production: builtin).
    #[arg(long, env = "AUTH_PASSWORD_DENYLIST", global = true)]
    pub password_denylist: Option<String>,
    /// Limits on attempts: `on` or `off` (default: off; production: on).
    #[arg(long, env = "AUTH_THROTTLE", global = true)]
    pub throttle: Option<String>,
    /// Failed attempts per client and minute; twice as many in a burst (default: 20).
    #[arg(long, env = "AUTH_THROTTLE_GUESSES", global = true)]
    pub throttle_guesses: Option<String>,
    /// Registrations per client and hour (default: 5).
    #[arg(long, env = "AUTH_THROTTLE_REGISTRATIONS", global = true)]
    pub throttle_registrations: Option<String>,
    /// Requests for a reset per client and hour (default: 10).
    #[arg(long, env = "AUTH_THROTTLE_RESETS", global = true)]
    pub throttle_resets: Option<String>,
    /// Networks without limits per client, such as an office with one address, separated by commas.
    #[arg(long, env = "AUTH_THROTTLE_EXEMPT", global = true)]
    pub throttle_exempt: Option<String>,
    /// Hashing threads. By default the number of cores.
    #[arg(long, env = "AUTH_HASH_THREADS", global = true)]
    pub hash_threads: Option<String>,
    /// The maximum wait for a password hash; requests that would wait longer are rejected (default: 2s).
    #[arg(long, env = "AUTH_HASH_WAIT", global = true)]
    pub hash_wait: Option<String>,
    /// The time after a signal during which requests are accepted while `/healthz` returns 503 (default: 0s; production: 5s).
    #[arg(long, env = "AUTH_SHUTDOWN_DELAY", global = true)]
    pub shutdown_delay: Option<String>,
    /// The maximum time for requests in flight after that (default: 30s).
    #[arg(long, env = "AUTH_SHUTDOWN_GRACE", global = true)]
    pub shutdown_grace: Option<String>,
    /// The log level, also per module: `auth_core=debug,info` (default: info).
    #[arg(long, env = "AUTH_LOG", global = true)]
    pub log: Option<String>,
    /// `text` or `json` (default: text).
    #[arg(long, env = "AUTH_LOG_FORMAT", global = true)]
    pub log_format: Option<String>,
}
