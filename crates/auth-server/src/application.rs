//! The service: built from the settings, and run until a signal stops it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_server::Server;
use actix_web::rt;
use anyhow::{Context, bail};
use auth_core::{
    Auth,
    mail::{MailError, Mailer},
};
use auth_db::Database;
use auth_http::AuthRoutes;

use crate::{
    bind::bind,
    mail::SmtpMailer,
    options::{auth_options, http_options},
    output::say,
    settings::{Delivery, LogFormat, MailSettings, Profile, Settings, ShutdownSettings},
    signals::Signals,
    telemetry,
};

/// The maximum time to close the connections to the database, which may be unresponsive.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum time to complete the email that is being sent.
const MAIL_TIMEOUT: Duration = Duration::from_secs(10);

/// The parts of the service, with a server that accepts connections once it is polled.
struct Application {
    server: Server,
    address: SocketAddr,
    auth: Auth,
    db: Database,
    routes: AuthRoutes,
}

/// Serves requests until a signal.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    telemetry::start(&settings.log)?;
    if cfg!(debug_assertions) {
        tracing::warn!("this is a debug build, which is slow: build with --release for real use");
    }
    for name in &settings.unknown {
        tracing::warn!("{name} is set, but is not a setting of this version: check its spelling");
    }
    let mut signals = Signals::listen().context("could not handle signals")?;
    let application = Application::build(&settings).await?;
    announce(&settings, application.address);
    application.run(&mut signals, settings.shutdown).await
}

impl Application {
    /// Opens the database, checks its schema, connects to the mail server, starts the hashing threads and binds the address.
    async fn build(settings: &Settings) -> anyhow::Result<Self> {
        let db =
            Database::connect(&settings.database.options(settings.profile == Profile::Development)).await?;
        ensure_schema(&db, settings.profile).await?;
        if settings.profile == Profile::Production {
            log_durability_warnings(&db).await?;
        }
        let mailer = match &settings.mail {
            Some(mail) => Some(Arc::new(mailer(mail).await?) as Arc<dyn Mailer>),
            None => None,
        };
        let auth = Auth::start(db.clone(), auth_options(settings, mailer))
            .context("could not start the hashing threads")?;
        let routes = AuthRoutes::new(auth.clone(), http_options(settings))?;
        let (server, address) = bind(settings, routes.clone())?;
        Ok(Self { server, address, auth, db, routes })
    }

    async fn run(self, signals: &mut Signals, shutdown: ShutdownSettings) -> anyhow::Result<()> {
        let Self { server, auth, db, routes, .. } = self;
        let handle = server.handle();
        let mut serving = rt::spawn(server);
        let logging = rt::spawn(telemetry::flush_log());
        let background = rt::spawn({
            let auth = auth.clone();
            async move { auth.run().await }
        });

        tokio::select! {
            signal = signals.next() => tracing::info!(signal, "draining: /healthz returns 503"),
            ended = &mut serving => {
                ended.context("the server panicked")??;
                bail!("the server stopped unexpectedly");
            }
        }
        routes.drain();
        tokio::select! {
            () = tokio::time::sleep(shutdown.delay) => {}
            signal = signals.next() => tracing::info!(signal, "second signal: the delay ends now"),
        }
        tracing::info!("completing the requests in flight");
        handle.stop(true).await;
        serving.await.context("the server panicked")??;

        stop_background(&auth, background).await;
        close(db).await?;
        tracing::info!("stopped");
        cancel(logging).await;
        Ok(())
    }
}

/// Stores the last uses of sessions, and waits for the email that is being sent.
async fn stop_background(auth: &Auth, mut background: rt::task::JoinHandle<()>) {
    if let Err(cause) = auth.shutdown().await {
        tracing::warn!(%cause, "could not store the last uses of sessions");
    }
    if tokio::time::timeout(MAIL_TIMEOUT, &mut background).await.is_err() {
        tracing::warn!("an email was not sent in time; it is sent again by the next process after a minute");
        cancel(background).await;
    }
}

async fn close(db: Database) -> anyhow::Result<()> {
    if let Ok(closed) = tokio::time::timeout(CLOSE_TIMEOUT, db.close()).await {
        return closed.context("could not close the database");
    }
    tracing::warn!("the connections to the database were not closed in time");
    Ok(())
}

/// Cancels a task, and waits until it is dropped with its connection.
async fn cancel(task: rt::task::JoinHandle<()>) {
    task.abort();
    // The result is that it was cancelled.
    let _ = task.await;
}

/// Migrates the schema in development. In production it must be current.
async fn ensure_schema(db: &Database, profile: Profile) -> anyhow::Result<()> {
    let status = auth_migrations::status(db.for_migrations()).await.context("could not read the schema")?;
    if status.applied.is_empty() && !status.unknown.is_empty() {
        return Err(auth_migrations::MigrateError::Foreign("seaql_migrations").into());
    }
    if let Some(name) = status.unknown.first() {
        bail!("the database is from a newer version (migration {name}); start that version or a newer one");
    }
    match (profile, status.pending.len()) {
        (_, 0) => Ok(()),
        (Profile::Development, _) => {
            let applied = auth_migrations::up(db.for_migrations()).await?;
            tracing::info!(applied, "the database schema was migrated");
            Ok(())
        }
        (Profile::Production, pending) => {
            bail!("the database schema lacks {pending} migrations; run `auth-server migrate up` first")
        }
    }
}

/// Logs the settings of the database with which a crash loses data. The operator may have chosen them.
async fn log_durability_warnings(db: &Database) -> anyhow::Result<()> {
    let settings = db.durability_warnings().await.context("could not read the settings of the database")?;
    for setting in settings {
        tracing::warn!("a crash of the database can lose committed data: {setting}");
    }
    Ok(())
}

/// The mailer, which is tested. A mail server that can't be reached may be reachable later; one that rejects the login, or has
/// an invalid certificate, stops the start.
async fn mailer(settings: &MailSettings) -> anyhow::Result<SmtpMailer> {
    let mailer = SmtpMailer::new(settings.smtp.clone(), settings.from.clone(), settings.load_templates()?)
        .named(settings.smtp_name.clone());
    if settings.smtp.is_plain_over_a_network() {
        tracing::warn!("emails with reset links are sent to {} in plain text", settings.smtp.shown());
    }
    match mailer.test_connection().await {
        Ok(()) => {}
        Err(MailError::Never(cause)) => {
            bail!("AUTH_SMTP_URL (--smtp-url) is {}: {cause}", settings.smtp.shown())
        }
        Err(MailError::Unreachable(cause) | MailError::Later(cause)) => {
            tracing::warn!(cause, "the mail server can't be reached; emails are queued until it can");
        }
    }
    Ok(mailer)
}

/// Prints the address on standard output, in one line.
fn announce(settings: &Settings, address: SocketAddr) {
    let (profile, database) = (settings.profile, settings.database.shown());
    if settings.reset.delivery == Delivery::InResponse {
        tracing::warn!(
            "reset tokens are returned in responses: any program of this machine can take over any account"
        );
    }
    let line = match settings.log.format {
        LogFormat::Text => {
            format!("auth-server listening on http://{address} (profile: {profile}, database: {database})")
        }
        LogFormat::Json => serde_json::json!({
            "message": "listening",
            "address": format!("http://{address}"),
            "profile": profile.to_string(),
            "database": database,
        })
        .to_string(),
    };
    // In its own thread, because a pipe without a reader may be full.
    std::thread::spawn(move || say!("{line}"));
}
