//! The templates of emails. They are compiled in, and files of a folder can replace them.

use std::{collections::HashMap, fs, io, path::Path, time::Duration};

use auth_core::{
    mail::{Mail, MailBody},
    model::{Email, Language, MailKind, ResetToken},
};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, escape_formatter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::OffsetDateTime;
use url::Url;

/// The built-in templates: name and text.
const BUILTIN: [(&str, &str); 12] = [
    ("reset.en.txt", include_str!("templates/reset.en.txt")),
    ("reset.en.html", include_str!("templates/reset.en.html")),
    ("reset.fr.txt", include_str!("templates/reset.fr.txt")),
    ("reset.fr.html", include_str!("templates/reset.fr.html")),
    ("password_changed.en.txt", include_str!("templates/password_changed.en.txt")),
    ("password_changed.en.html", include_str!("templates/password_changed.en.html")),
    ("password_changed.fr.txt", include_str!("templates/password_changed.fr.txt")),
    ("password_changed.fr.html", include_str!("templates/password_changed.fr.html")),
    ("new_device.en.txt", include_str!("templates/new_device.en.txt")),
    ("new_device.en.html", include_str!("templates/new_device.en.html")),
    ("new_device.fr.txt", include_str!("templates/new_device.fr.txt")),
    ("new_device.fr.html", include_str!("templates/new_device.fr.html")),
];

/// The beginning of the first line of a text.
const SUBJECT: &str = "Subject: ";

/// The characters that are not escaped in the fragment of a link: RFC 3986 section 2.3, and the `@`.
const FRAGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// An error of a template, with the name of its file.
#[derive(Debug, thiserror::Error)]
pub enum TemplatesError {
    #[error("could not read {0}: {1}")]
    Unreadable(String, #[source] io::Error),
    #[error("{0} is not the name of a template; accepted: {names}", names = names())]
    Unknown(String),
    #[error("{0} is invalid: {1}")]
    Invalid(String, #[source] minijinja::Error),
    #[error("{0} must begin with `{SUBJECT}`, one line, and an empty line")]
    NoSubject(String),
}

/// Escapes a text or an attribute of HTML. The library also escapes slashes, and some mail programs then recognise no links.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn names() -> String {
    BUILTIN.map(|(name, _)| name).join(", ")
}

/// A rendered email.
#[derive(Debug)]
pub struct RenderedMail {
    pub subject: String,
    pub plain: String,
    pub html: String,
}

/// All templates, with the values of the service.
pub struct Templates {
    environment: Environment<'static>,
    service_name: String,
    reset_url: Url,
}

impl Templates {
    /// Loads the built-in templates and their replacements in a folder. Renders each once, to find errors.
    pub fn load(folder: Option<&Path>, service_name: &str, reset_url: &Url) -> Result<Self, TemplatesError> {
        let mut texts: HashMap<String, String> =
            BUILTIN.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        if let Some(folder) = folder {
            replace(&mut texts, folder)?;
        }
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| {
            if name.rsplit('.').next() == Some("html") { AutoEscape::Html } else { AutoEscape::None }
        });
        environment.set_formatter(|out, state, value| match state.auto_escape() {
            AutoEscape::Html if !value.is_safe() && !value.is_undefined() => {
                Ok(out.write_str(&escape(&value.to_string()))?)
            }
            _ => escape_formatter(out, state, value),
        });
        for (name, text) in texts {
            let invalid = |error| TemplatesError::Invalid(name.clone(), error);
            environment.add_template_owned(name.clone(), text).map_err(invalid)?;
        }
        let templates =
            Self { environment, service_name: service_name.to_owned(), reset_url: reset_url.clone() };
        templates.render_all()?;
        Ok(templates)
    }

    /// Renders an email.
    pub fn render(&self, mail: &Mail) -> Result<RenderedMail, TemplatesError> {
        let (link, minutes, device) = match &mail.body {
            MailBody::Reset { token, lifetime } => {
                (Some(self.link(&mail.to, token)), Some(lifetime.as_secs() / 60), None)
            }
            MailBody::PasswordChanged => (None, None, None),
            MailBody::NewDevice { device } => (None, None, Some(device.as_str())),
        };
        // All of them are always defined, so that a template can test them.
        let values = Value::from_pairs([
            ("service", Value::from(self.service_name.as_str())),
            ("email", mail.to.as_str().into()),
            ("at", in_words(mail.at).into()),
            ("link", link.into()),
            ("minutes", minutes.into()),
            ("device", device.into()),
        ]);
        let kind = mail.body.kind();
        let render = |ending: &str| {
            let name = format!("{kind}.{}.{ending}", mail.language);
            let text =
                self.environment.get_template(&name).and_then(|template| template.render(values.clone()));
            text.map_err(|error| TemplatesError::Invalid(name, error))
        };
        let text = render("txt")?;
        let head = text.strip_prefix(SUBJECT).and_then(|rest| rest.split_once("\n\n"));
        let Some((subject, plain)) = head.filter(|(subject, _)| !subject.contains('\n')) else {
            return Err(TemplatesError::NoSubject(format!("{kind}.{}.txt", mail.language)));
        };
        Ok(RenderedMail { subject: subject.to_owned(), plain: plain.to_owned(), html: render("html")? })
    }

    /// The address and the token are in the fragment, which browsers send to no server.
    fn link(&self, email: &Email, token: &ResetToken) -> String {
        let email = utf8_percent_encode(email.as_str(), FRAGMENT);
        format!("{}#email={email}&token={}", self.reset_url, *token.expose())
    }

    fn render_all(&self) -> Result<(), TemplatesError> {
        let at = OffsetDateTime::UNIX_EPOCH;
        for (kind, language) in
            MailKind::ALL.into_iter().flat_map(|kind| Language::ALL.map(|language| (kind, language)))
        {
            let body = match kind {
                MailKind::Reset => MailBody::Reset {
                    token: ResetToken::from_bits([0; 16]),
                    lifetime: Duration::from_mins(30),
                },
                MailKind::PasswordChanged => MailBody::PasswordChanged,
                MailKind::NewDevice => MailBody::NewDevice { device: "a device".to_owned() },
            };
            let Ok(to) = Email::parse("ada@example.org") else { continue };
            self.render(&Mail { to, language, at, body })?;
        }
        Ok(())
    }
}

fn replace(texts: &mut HashMap<String, String>, folder: &Path) -> Result<(), TemplatesError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |error| TemplatesError::Unreadable(path, error)
    };
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // Files of editors and of version control.
        if name.starts_with('.') || path.is_dir() {
            continue;
        }
        let Some(text) = texts.get_mut(&name) else { return Err(TemplatesError::Unknown(name)) };
        *text = fs::read_to_string(&path).map_err(unreadable(&path))?.replace("\r\n", "\n");
    }
    Ok(())
}

/// `2026-11-21 14:05 UTC`, in every language.
fn in_words(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02} UTC", time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(folder: Option<&Path>) -> Result<RenderedMail, TemplatesError> {
        let url = Url::parse("https://auth.example.org/reset_password?a=1&b=2").unwrap();
        let mail = Mail {
            to: Email::parse("a'&b@example.org").unwrap(),
            language: Language::English,
            at: OffsetDateTime::UNIX_EPOCH,
            body: MailBody::Reset {
                token: ResetToken::from_bits([7; 16]),
                lifetime: Duration::from_mins(30),
            },
        };
        Templates::load(folder, "auth.example.org", &url)?.render(&mail)
    }

    /// Some mail programs recognise no link whose slashes are escaped.
    #[test]
    fn html_is_escaped_and_links_stay_links() {
        let html = reset(None).unwrap().html;

        assert!(html.contains(
            "href=\"https://auth.example.org/reset_password?a=1&amp;b=2#email=a%27%26b@example.org"
        ));
        assert!(html.contains("the account a&#39;&amp;b@example.org at"));
        assert_eq!(escape("<b title=\"'&\">/"), "&lt;b title=&quot;&#39;&amp;&quot;&gt;/");
    }

    #[test]
    fn a_template_with_an_undefined_value_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("reset.en.html"), "{{ nothing }}").unwrap();

        let error = reset(Some(folder.path())).unwrap_err();
        assert!(error.to_string().starts_with("reset.en.html is invalid"), "{error}");
    }
}
