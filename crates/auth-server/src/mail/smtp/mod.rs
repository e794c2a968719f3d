//! Sending by SMTP.

mod failure;
mod message;
mod url;

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth_core::mail::{Mail, MailError, Mailer, SendFuture};
use lettre::{
    address::Envelope,
    message::Mailbox,
    transport::smtp::{
        self,
        authentication::DEFAULT_MECHANISMS,
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail as MailFrom, Rcpt},
        extension::{ClientId, MailBodyParameter, MailParameter},
    },
};
use tokio::time::timeout;

pub use self::url::SmtpUrl;
use self::{
    failure::{classify, reason},
    url::Security,
};
use super::Templates;

/// The maximum time for each step of a dialogue.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The maximum time to connect, including TLS and the login.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// The maximum time for the check of an idle connection.
const NOOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The maximum number of idle connections.
const MAX_IDLE: usize = 4;

/// The time for which an idle connection is kept. Servers close connections that are idle for minutes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// Sends emails by SMTP.
///
/// A connection is used for one email at a time, and reused only if the dialogue of that email was completed. If sending is
/// cancelled or fails, the connection is closed. Otherwise the rest of the server's response would be taken for the response
/// to the next email.
pub struct SmtpMailer {
    url: SmtpUrl,
    timeout: Duration,
    connect_timeout: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
    from: Mailbox,
    templates: Templates,
    /// The name in `EHLO`.
    name: ClientId,
}

impl SmtpMailer {
    /// Connects to nothing yet.
    pub fn new(url: SmtpUrl, from: Mailbox, templates: Templates) -> Self {
        Self {
            url,
            timeout: TIMEOUT,
            connect_timeout: CONNECT_TIMEOUT,
            idle: Mutex::default(),
            from,
            templates,
            name: ClientId::default(),
        }
    }

    /// Sets the name in `EHLO`.
    #[must_use]
    pub fn named(mut self, name: Option<String>) -> Self {
        if let Some(name) = name {
            self.name = ClientId::Domain(name);
        }
        self
    }

    /// Connects and logs in, and sends nothing.
    ///
    /// # Errors
    ///
    /// [`MailError::Unreachable`] if it may succeed later, [`MailError::Never`] otherwise.
    pub async fn test_connection(&self) -> Result<(), MailError> {
        match timeout(self.connect_timeout, self.connect()).await {
            Ok(Ok(connection)) => {
                self.keep(connection);
                Ok(())
            }
            Ok(Err(error)) if error.is_permanent() || error.is_tls() || error.is_client() => {
                Err(MailError::Never(reason(&error)))
            }
            Ok(Err(error)) => Err(MailError::Unreachable(reason(&error))),
            Err(_) => Err(MailError::Unreachable(failure::TIMED_OUT.to_owned())),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, smtp::Error> {
        let server = (self.url.host(), self.url.port());
        let tls = || TlsParameters::new(self.url.host().to_owned());
        let implicit = if self.url.security() == Security::Implicit { Some(tls()?) } else { None };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.name, implicit, None)
                .await?;
        if self.url.security() == Security::StartTls {
            connection.starttls(tls()?, &self.name).await?;
        }
        if let Some(credentials) = self.url.credentials() {
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    /// A connection without a dialogue in progress: an idle one that still responds, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, MailError> {
        while let Some(mut idle) = self.take_idle() {
            if timeout(NOOP_TIMEOUT, idle.test_connected()).await == Ok(true) {
                return Ok(idle);
            }
        }
        match timeout(self.connect_timeout, self.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(MailError::Unreachable(reason(&error))),
            Err(_) => Err(MailError::Unreachable(failure::TIMED_OUT.to_owned())),
        }
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE_TIMEOUT);
        idle.pop().map(|(connection, _)| connection)
    }

    #[expect(clippy::disallowed_methods, reason = "connections are idle for real time")]
    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push((connection, Instant::now()));
        }
    }

    async fn send_mail(&self, mail: &Mail) -> Result<(), MailError> {
        let message = message::build(mail, &self.from, &self.templates)?;
        // Not in `idle` any more: if this future is dropped, the connection is closed.
        let mut connection = self.connection().await?;
        self.deliver(&mut connection, message.envelope(), &message.formatted()).await?;
        self.keep(connection);
        Ok(())
    }

    /// The dialogue of one email: RFC 5321 section 3.3.
    async fn deliver(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<(), MailError> {
        let mut parameters = Vec::new();
        if !message.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        // An error here is about the sender or the connection, and so about every email.
        let mail_from = MailFrom::new(envelope.from().cloned(), parameters);
        self.step(false, connection.command(mail_from)).await?;
        for recipient in envelope.to() {
            self.step(true, connection.command(Rcpt::new(recipient.clone(), Vec::new()))).await?;
        }
        self.step(true, connection.command(Data)).await?;
        self.step(true, connection.message(message)).await
    }

    /// Waits for one response, with a timeout, which the library does not have.
    async fn step(
        &self,
        is_about_this_mail: bool,
        step: impl Future<Output = StepResult>,
    ) -> Result<(), MailError> {
        match timeout(self.timeout, step).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(classify(&error, is_about_this_mail)),
            // A server that is too slow in the middle of an email may accept others.
            Err(_) => Err(MailError::Later(failure::TIMED_OUT.to_owned())),
        }
    }
}

/// A response of the server, or an error.
type StepResult = Result<smtp::response::Response, smtp::Error>;

impl Mailer for SmtpMailer {
    fn send<'a>(&'a self, mail: &'a Mail) -> SendFuture<'a> {
        Box::pin(self.send_mail(mail))
    }
}

#[cfg(test)]
mod tests;
