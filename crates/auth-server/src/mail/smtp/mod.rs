//! Sending by SMTP.

use std::{
    fmt, io,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use auth_core::{
    Entropy, EntropyFailed, Letter, MailFailed, Mailer, SystemEntropy,
    model::{Email, is_private},
};
use lettre::{
    Address, Message,
    address::Envelope,
    message::{Mailbox, MultiPart, header::ContentType},
    transport::smtp::{
        self, SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT,
        authentication::{Credentials, DEFAULT_MECHANISMS},
        client::{AsyncSmtpConnection, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, MailBodyParameter, MailParameter},
    },
};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::Url;

use super::Templates;

/// How long the server may take for each step.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long it may take to connect, to agree on TLS and to log in, all together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a connection that is used again may take to show that it is alive.
const NOOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Connections that are kept open, and for how long: servers close those that are idle for minutes.
const CONNECTIONS: usize = 4;
const KEPT_FOR: Duration = Duration::from_secs(15);

/// Where mail goes, and with whose name. Shows no password.
#[derive(Clone)]
pub struct SmtpUrl(Url);

impl SmtpUrl {
    /// Reads `smtps://USER:PASSWORD@HOST`, `smtp://…?tls=required`, `smtp://HOST` of this machine, or `smtp://ADDRESS?tls=off`
    /// of a private network, which sends links in plain text.
    ///
    /// None if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("://")?;
        let end_of_authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        // A password that is not percent-encoded would be taken for a host, and shown.
        if rest[end_of_authority..].contains(['@', '#']) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        // An address that is not one of the web's: `Url` takes it for a name.
        let host = url.host_str()?.trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let queries: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let is_safe = match (url.scheme(), &queries[..]) {
            ("smtps", []) => true,
            ("smtp", [(name, value)]) if name == "tls" && value == "off" => {
                host.parse().is_ok_and(is_private)
            }
            ("smtp", [(name, value)]) => name == "tls" && value == "required",
            ("smtp", []) => is_here,
            _ => false,
        };
        (is_safe && matches!(url.path(), "" | "/") && url.fragment().is_none()).then_some(Self(url))
    }

    /// Whether emails go over a network in plain text: the URL says so.
    pub fn is_plain_over_a_network(&self) -> bool {
        self.0.query() == Some("tls=off")
    }

    fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    fn security(&self) -> Security {
        match self.0.scheme() {
            "smtps" => Security::Implicit,
            _ if self.0.query() == Some("tls=required") => Security::StartTls,
            _ => Security::None,
        }
    }

    fn port(&self) -> u16 {
        self.0.port().unwrap_or(match self.security() {
            Security::Implicit => SUBMISSIONS_PORT,
            Security::StartTls => SUBMISSION_PORT,
            Security::None => SMTP_PORT,
        })
    }

    fn credentials(&self) -> Option<Credentials> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let password = self.0.password()?;
        Some(Credentials::new(decoded(self.0.username()), decoded(password)))
    }

    /// Host and port, for the log.
    pub fn shown(&self) -> String {
        let port = self.0.port().map_or(String::new(), |port| format!(":{port}"));
        format!("{}://{}{port}", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

/// How a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    None,
    StartTls,
    Implicit,
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Sends letters by SMTP.
///
/// A connection is used for one mail at a time, and again for the next one only if the dialogue of that mail came to its
/// end. If sending is cancelled or fails at any point, the connection is closed: what the server still has to say must
/// not be taken for the answer to the next mail.
pub struct SmtpMailer {
    url: SmtpUrl,
    timeout: Duration,
    connect_timeout: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
    from: Mailbox,
    templates: Templates,
    /// What we call ourselves.
    name: ClientId,
}

impl SmtpMailer {
    /// Nothing is connected to yet.
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

    /// With a name of its own for the server's log and checks.
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
    /// [`MailFailed::Unreachable`] if it may be well later, [`MailFailed::Never`] if it will not.
    pub async fn try_out(&self) -> Result<(), MailFailed> {
        match timeout(self.connect_timeout, self.connect()).await {
            Ok(Ok(connection)) => {
                self.keep(connection);
                Ok(())
            }
            Ok(Err(error)) if error.is_permanent() || error.is_tls() || error.is_client() => {
                Err(MailFailed::Never(reason(&error)))
            }
            Ok(Err(error)) => Err(MailFailed::Unreachable(reason(&error))),
            Err(_) => Err(MailFailed::Unreachable("no answer in time".to_owned())),
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

    /// A connection on which no dialogue is in progress: one that is kept and still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, MailFailed> {
        while let Some(mut kept) = self.take_kept() {
            if timeout(NOOP_TIMEOUT, kept.test_connected()).await == Ok(true) {
                return Ok(kept);
            }
        }
        match timeout(self.connect_timeout, self.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(MailFailed::Unreachable(reason(&error))),
            Err(_) => Err(MailFailed::Unreachable("no answer in time".to_owned())),
        }
    }

    fn take_kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < KEPT_FOR);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < CONNECTIONS {
            idle.push((connection, Instant::now()));
        }
    }

    fn message(&self, letter: &Letter) -> Result<Message, MailFailed> {
        // The text is ours: if it does not make a mail, no other try will.
        let never = |error: String| MailFailed::Never(error);
        let text = self.templates.text(letter).map_err(|error| never(error.to_string()))?;
        let to = address_of(&letter.to).ok_or_else(|| never("the address is none for SMTP".to_owned()))?;
        let body = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, text.plain))
            .singlepart(part(ContentType::TEXT_HTML, text.html));
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(text.subject)
            .message_id(Some(message_id(&self.from).map_err(|error| never(error.to_string()))?))
            .header(AutoSubmitted)
            .multipart(body)
            .map_err(|error| never(error.to_string()))
    }
}

/// RFC 5322 section 3.6.4, under the sender's domain: it tells nothing of this machine, as its name would.
fn message_id(from: &Mailbox) -> Result<String, EntropyFailed> {
    let mut bits = [0; 16];
    SystemEntropy.fill(&mut bits)?;
    Ok(format!("<{:032x}@{}>", u128::from_le_bytes(bits), from.email.domain()))
}

fn part(kind: ContentType, text: String) -> lettre::message::SinglePart {
    lettre::message::SinglePart::builder().header(kind).body(text)
}

impl Mailer for SmtpMailer {
    async fn send(&self, letter: &Letter) -> Result<(), MailFailed> {
        let message = self.message(letter)?;
        // Taken out of what is kept: if this future is dropped, the connection is closed.
        let mut connection = self.connection().await?;
        self.deliver(&mut connection, message.envelope(), &message.formatted()).await?;
        self.keep(connection);
        Ok(())
    }
}

/// A response of the server, and what an error means if it is one.
type Step = Result<smtp::response::Response, smtp::Error>;

impl SmtpMailer {
    /// Hands over one mail, step by step: RFC 5321 section 3.3.
    async fn deliver(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<(), MailFailed> {
        let mut parameters = Vec::new();
        if !message.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        // About the sender or the connection, and so about every mail.
        let mail = Mail::new(envelope.from().cloned(), parameters);
        self.step(false, connection.command(mail)).await?;
        for recipient in envelope.to() {
            self.step(true, connection.command(Rcpt::new(recipient.clone(), Vec::new()))).await?;
        }
        self.step(true, connection.command(Data)).await?;
        self.step(true, connection.message(message)).await
    }

    /// Waits for one response. The library has no limit for that.
    async fn step(
        &self,
        is_about_this_mail: bool,
        step: impl Future<Output = Step>,
    ) -> Result<(), MailFailed> {
        match timeout(self.timeout, step).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error, is_about_this_mail)),
            // A server that takes too long in the midst of a mail may be well with others.
            Err(_) => Err(MailFailed::Later("no answer in time".to_owned())),
        }
    }
}

/// The part before the `@` as its owner typed it, and the domain as DNS has it.
fn address_of(email: &Email) -> Option<Address> {
    let (local, _) = email.as_str().trim().rsplit_once('@')?;
    let (_, domain) = email.key().rsplit_once('@')?;
    Address::new(local, domain).ok()
}

/// What an error means: only a permanent answer to a step that is about this very mail gives it up.
fn failure(error: &smtp::Error, is_about_this_mail: bool) -> MailFailed {
    let reason = reason(error);
    let Some(code) = error.status().map(u16::from) else { return MailFailed::Unreachable(reason) };
    match code {
        // RFC 4954: who we are is not accepted. RFC 5321 section 4.2.3: the server closes, or serves nobody. 503: it is
        // out of step.
        421 | 454 | 503 | 521 | 530 | 534 | 535 | 538 => MailFailed::Unreachable(reason),
        500..600 if is_about_this_mail => MailFailed::Never(reason),
        _ => MailFailed::Later(reason),
    }
}

/// The code and the kind of an error: what the server said may hold the address.
fn reason(error: &smtp::Error) -> String {
    let kind = if error.is_tls() {
        "TLS failed"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_response() {
        "the answer was none of SMTP"
    } else if error.is_client() {
        "the server lacks what is needed"
    } else if error.is_transport_shutdown() {
        "shut down"
    } else {
        no_connection(error)
    };
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None => kind.to_owned(),
    }
}

/// Why there is no connection, as far as the system says so.
fn no_connection(error: &smtp::Error) -> &'static str {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(system) = inner.downcast_ref::<io::Error>() {
            return match system.kind() {
                io::ErrorKind::ConnectionRefused => "nothing listens at its port: is the port right?",
                io::ErrorKind::TimedOut => "no answer: does a firewall let us through?",
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    "there is no way to it from this network"
                }
                _ if system.to_string().contains("lookup") => "its name is not known: is the host right?",
                _ => "no connection",
            };
        }
        cause = inner.source();
    }
    "no connection"
}

/// So that no absence note comes back; RFC 3834 section 5.
#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests;
