//! Sending by SMTP.

use std::{fmt, net::IpAddr, time::Duration};

use auth_core::{Entropy, EntropyFailed, Letter, MailFailed, Mailer, SystemEntropy, model::Email};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header::ContentType},
    transport::smtp::{self, PoolConfig},
};
use url::Url;

use super::Templates;

/// How long the server may take for each step.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Connections that are kept open.
const CONNECTIONS: u32 = 2;

/// Where mail goes, and with whose name. Shows no password.
#[derive(Clone)]
pub struct SmtpUrl(Url);

impl SmtpUrl {
    /// Reads `smtps://USER:PASSWORD@HOST`, `smtp://…?tls=required`, or `smtp://HOST` of this machine.
    ///
    /// None if it is anything else, or would send passwords or links in plain text over a network.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        // An address that is not one of the web's: `Url` takes it for a name.
        let host = url.host_str()?.trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let queries: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let is_safe = match (url.scheme(), &queries[..]) {
            ("smtps", []) => true,
            ("smtp", [(name, value)]) => name == "tls" && value == "required",
            ("smtp", []) => is_here,
            _ => false,
        };
        (is_safe && matches!(url.path(), "" | "/") && url.fragment().is_none()).then_some(Self(url))
    }

    /// Host and port, for the log.
    pub fn shown(&self) -> String {
        let port = self.0.port().map_or(String::new(), |port| format!(":{port}"));
        format!("{}://{}{port}", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Sends letters by SMTP.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    templates: Templates,
}

impl SmtpMailer {
    /// Nothing is connected to yet.
    pub fn new(url: &SmtpUrl, from: Mailbox, templates: Templates) -> anyhow::Result<Self> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.0.as_str())?
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS))
            .build();
        Ok(Self { transport, from, templates })
    }

    /// Connects and logs in, and sends nothing.
    ///
    /// # Errors
    ///
    /// [`MailFailed::Unreachable`] if it may be well later, [`MailFailed::Never`] if it will not.
    pub async fn try_out(&self) -> Result<(), MailFailed> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailFailed::Unreachable("the server does not answer".to_owned())),
            Err(error) if error.is_permanent() || error.is_tls() || error.is_client() => {
                Err(MailFailed::Never(reason(&error)))
            }
            Err(error) => Err(MailFailed::Unreachable(reason(&error))),
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
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }
}

/// The part before the `@` as its owner typed it, and the domain as DNS has it.
fn address_of(email: &Email) -> Option<Address> {
    let (local, _) = email.as_str().trim().rsplit_once('@')?;
    let (_, domain) = email.key().rsplit_once('@')?;
    Address::new(local, domain).ok()
}

/// What an error means for this mail, and for others.
fn failure(error: &smtp::Error) -> MailFailed {
    let reason = reason(error);
    let Some(code) = error.status().map(u16::from) else { return MailFailed::Unreachable(reason) };
    match code {
        // RFC 4954: who we are is not accepted. RFC 5321 section 4.2.3: the server closes, or serves nobody.
        421 | 454 | 530 | 534 | 535 | 538 | 521 => MailFailed::Unreachable(reason),
        500..600 => MailFailed::Never(reason),
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
        "no connection"
    };
    match error.status() {
        Some(code) => format!("the server answered {code}"),
        None => kind.to_owned(),
    }
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
