//! The service put together, and run until a signal ends it.

use std::{io, net::SocketAddr, time::Duration};

use actix_server::Server;
use actix_web::{App, dev::Service, rt};
use anyhow::{Context, bail};
use auth_core::{Auth, MailFailed, MailOptions, Options, Policy};
use auth_db::Database;
use auth_http::{AuthRoutes, HttpOptions, ResetDelivery, one_leading_slash};

use crate::{
    listener::{self, ListenerOptions, connections_within, raise_limit},
    mail::SmtpMailer,
    output::say,
    settings::{Delivery, LogFormat, MailSettings, Profile, Settings, ShutdownSettings},
    signals::Signals,
    telemetry,
};

/// How long the connections to the database may take to say goodbye: what was under way on one may hang.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// How long the mail that is being sent at the end may take.
const MAIL_WITHIN: Duration = Duration::from_secs(10);

/// Everything that was started, with a server that is about to run.
struct Application {
    server: Server,
    address: SocketAddr,
    auth: Auth,
    db: Database,
    routes: AuthRoutes,
    mailer: Option<SmtpMailer>,
}

/// Serves requests until a signal.
pub async fn serve(settings: Settings) -> anyhow::Result<()> {
    telemetry::start(&settings.log)?;
    if cfg!(debug_assertions) {
        tracing::warn!("this is a debug build: answers take longer; build with --release where it counts");
    }
    for name in &settings.unknown {
        tracing::warn!("{name} is set and is no setting of this version");
    }
    let mut signals = Signals::listen().context("the signals can't be taken over")?;
    let application = Application::build(&settings).await?;
    announce(&settings, application.address);
    application.run(&mut signals, settings.shutdown).await
}

impl Application {
    /// Opens the database, checks its schema, starts the threads and binds the address, in this order.
    async fn build(settings: &Settings) -> anyhow::Result<Self> {
        let db =
            Database::connect(&settings.database.options(settings.profile == Profile::Development)).await?;
        ensure_schema(&db, settings.profile).await?;
        if settings.profile == Profile::Production {
            warn_of_losses(&db).await?;
        }
        let auth =
            Auth::start(db.clone(), options(settings)).context("the hashing threads can't be started")?;
        let routes = AuthRoutes::new(auth.clone(), http_options(settings))?;
        let mailer = match &settings.mail {
            Some(mail) => Some(mailer(mail).await?),
            None => None,
        };
        let (server, address) = bind(settings, routes.clone())?;
        Ok(Self { server, address, auth, db, routes, mailer })
    }

    async fn run(self, signals: &mut Signals, shutdown: ShutdownSettings) -> anyhow::Result<()> {
        let Self { server, auth, db, routes, mailer, .. } = self;
        let handle = server.handle();
        let mut serving = rt::spawn(server);
        let watching = rt::spawn(telemetry::watch());
        let maintaining = rt::spawn({
            let auth = auth.clone();
            async move { auth.maintain().await }
        });
        let mut mailing = rt::spawn({
            let auth = auth.clone();
            async move {
                if let Some(mailer) = mailer {
                    auth.deliver_mail(&mailer).await;
                }
            }
        });

        tokio::select! {
            signal = signals.next() => tracing::info!(signal, "draining: /healthz says 503"),
            ended = &mut serving => {
                ended.context("the server panicked")??;
                bail!("the server ended by itself");
            }
        }
        routes.drain();
        tokio::select! {
            () = tokio::time::sleep(shutdown.delay) => {}
            signal = signals.next() => tracing::info!(signal, "a second signal: draining no longer"),
        }
        tracing::info!("finishing the requests under way");
        handle.stop(true).await;
        serving.await.context("the server panicked")??;

        auth.stop_mail();
        if tokio::time::timeout(MAIL_WITHIN, &mut mailing).await.is_err() {
            tracing::warn!("a mail was not sent in time; it is sent again when its minute is over");
            end(mailing).await;
        }
        end(maintaining).await;
        if let Err(cause) = auth.flush_last_seen().await {
            tracing::warn!(%cause, "could not write down when sessions were last used");
        }
        if let Ok(closed) = tokio::time::timeout(CLOSE_WITHIN, db.close()).await {
            closed.context("the database did not close")?;
        } else {
            tracing::warn!("the database did not close in time; it will notice by itself");
        }
        tracing::info!("ended");
        end(watching).await;
        Ok(())
    }
}

/// Ends a task, and waits until it has let go of its connection.
async fn end(task: rt::task::JoinHandle<()>) {
    task.abort();
    // It was cancelled, which is no news.
    let _ = task.await;
}

/// In development the schema is brought up to date; in production it must be.
async fn ensure_schema(db: &Database, profile: Profile) -> anyhow::Result<()> {
    let status = auth_migrations::status(db.for_migrations()).await.context("the schema can't be read")?;
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
            tracing::info!(applied, "the database schema was brought up to date");
            Ok(())
        }
        (Profile::Production, pending) => {
            bail!("the database schema is {pending} migrations behind; run `auth-server migrate up` first")
        }
    }
}

/// Whoever runs the database may have good reasons; whoever runs this must know.
async fn warn_of_losses(db: &Database) -> anyhow::Result<()> {
    for setting in db.lost_at_a_crash().await.context("the database's settings can't be read")? {
        tracing::warn!("a crash of the database can lose what was acknowledged: {setting}");
    }
    Ok(())
}

/// What sends mail. A server that can't be reached now may be well later; one that refuses us will not.
async fn mailer(settings: &MailSettings) -> anyhow::Result<SmtpMailer> {
    let mailer = SmtpMailer::new(settings.smtp.clone(), settings.from.clone(), settings.load_templates()?)
        .named(settings.smtp_name.clone());
    if settings.smtp.is_plain_over_a_network() {
        tracing::warn!("emails with reset links go to {} in plain text", settings.smtp.shown());
    }
    match mailer.try_out().await {
        Ok(()) => {}
        Err(MailFailed::Never(cause)) => {
            bail!("AUTH_SMTP_URL (--smtp-url) is {}: {cause}", settings.smtp.shown())
        }
        Err(MailFailed::Unreachable(cause) | MailFailed::Later(cause)) => {
            tracing::warn!(cause, "the mail server can't be reached; mails wait until it can");
        }
    }
    Ok(mailer)
}

fn options(settings: &Settings) -> Options {
    Options {
        policy: Policy {
            password: settings.password.policy,
            session_lifetime: settings.session.lifetime,
            session_idle: settings.session.idle,
            sessions_per_user: settings.session.per_user,
            reset_lifetime: settings.reset.lifetime,
            token_format: settings.session.token_format,
        },
        denylist: settings.password.denylist.clone(),
        throttle: settings.throttle.clone(),
        mail: MailOptions {
            notices: settings.mail.is_some(),
            new_device_notices: settings.mail.as_ref().is_some_and(|mail| mail.new_device),
        },
        hashing: settings.password.hashing,
        session_memory: settings.session.memory,
        ..Options::default()
    }
}

fn http_options(settings: &Settings) -> HttpOptions {
    HttpOptions {
        cookie: settings.http.cookie.clone(),
        origins: settings.http.origins.clone(),
        trusted_proxies: settings.http.trusted_proxies.clone(),
        local_hosts_only: settings.http.local_hosts_only,
        reset: match (settings.reset.delivery, &settings.mail) {
            (Delivery::Answer, _) => ResetDelivery::Answer,
            (Delivery::Off, _) => ResetDelivery::Off,
            (Delivery::Mail, Some(mail)) if mail.own_page => ResetDelivery::MailAndPage,
            (Delivery::Mail, _) => ResetDelivery::Mail,
        },
        registration: settings.http.registration,
        language: settings.http.language,
        mounted_at: String::new(),
        welcome: true,
        account_routes: true,
        hsts: settings.http.hsts,
    }
}

fn bind(settings: &Settings, routes: AuthRoutes) -> anyhow::Result<(Server, SocketAddr)> {
    let http = &settings.http;
    let app = move || {
        App::new()
            .wrap_fn(|request, service| service.call(one_leading_slash(request)))
            .configure(|app| routes.configure(app))
            .configure(|app| routes.refuse_the_rest(app))
    };
    let descriptors = raise_limit();
    let to_database = usize::try_from(settings.database.max_connections).unwrap_or(usize::MAX);
    let max_connections = connections_within(descriptors, to_database, http.max_connections);
    if http.max_connections.is_some_and(|wanted| wanted > max_connections) {
        tracing::warn!(
            descriptors,
            max_connections,
            "AUTH_MAX_CONNECTIONS is more than the limit of open files allows; raise that limit"
        );
    }
    tracing::info!(descriptors, max_connections, "the limits of the listener");
    let options = ListenerOptions {
        address: http.listen,
        workers: http.workers,
        max_connections,
        trusted_proxies: http.trusted_proxies.clone(),
        keep_alive: http.keep_alive,
        shutdown_grace: settings.shutdown.grace,
    };
    listener::serve(app, options).map_err(|error| cannot_listen(http.listen, &error))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there: end it, or choose another address",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 are for privileged programs: choose another one, behind a proxy"
        }
        _ => "choose another address",
    };
    anyhow::anyhow!("AUTH_LISTEN (--listen): can't listen on {address}: {error}; {remedy}")
}

/// The one line that says: here it is.
fn announce(settings: &Settings, address: SocketAddr) {
    let (profile, database) = (settings.profile, settings.database.shown());
    if settings.reset.delivery == Delivery::Answer {
        tracing::warn!(
            "reset tokens are in answers: whoever can reach this address can take over any account"
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
    // In a thread of its own: nobody may read it, and the pipe be full.
    std::thread::spawn(move || say!("{line}"));
}
