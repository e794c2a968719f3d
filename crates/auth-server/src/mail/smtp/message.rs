//! An email as a message of RFC 5322.

use auth_core::{
    Entropy, EntropyError, SystemEntropy,
    mail::{Mail, MailError},
    model::Email,
};
use lettre::{
    Address, Message,
    message::{Mailbox, MultiPart, SinglePart, header::ContentType},
};

use crate::mail::Templates;

/// Renders an email. The text is that of our templates, so an error is permanent.
///
/// # Errors
///
/// [`MailError::Never`].
pub fn build(mail: &Mail, from: &Mailbox, templates: &Templates) -> Result<Message, MailError> {
    let text = templates.render(mail).map_err(|error| never(&error))?;
    let to = address_of(&mail.to).ok_or_else(|| never("the address is not valid for SMTP"))?;
    let body = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, text.plain))
        .singlepart(part(ContentType::TEXT_HTML, text.html));
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(text.subject)
        .message_id(Some(message_id(from).map_err(|error| never(&error))?))
        .header(AutoSubmitted)
        .multipart(body)
        .map_err(|error| never(&error))
}

fn never<E: ToString + ?Sized>(error: &E) -> MailError {
    MailError::Never(error.to_string())
}

/// RFC 5322 section 3.6.4, in the sender's domain. The name of this machine would reveal more.
fn message_id(from: &Mailbox) -> Result<String, EntropyError> {
    let mut bits = [0; 16];
    SystemEntropy.fill(&mut bits)?;
    Ok(format!("<{:032x}@{}>", u128::from_le_bytes(bits), from.email.domain()))
}

fn part(kind: ContentType, text: String) -> SinglePart {
    SinglePart::builder().header(kind).body(text)
}
/// The local part as typed, and the domain in the form of DNS.
pub fn address_of(email: &Email) -> Option<Address> {
    let (local, _) = email.as_str().trim().rsplit_once('@')?;
    let (_, domain) = email.key().as_str().rsplit_once('@')?;
    Address::new(local, domain).ok()
}

/// Prevents automatic replies; RFC 3834 section 5.
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
