//! What letters say: templates that are compiled in, each of which a file in a folder can replace.

use std::{collections::HashMap, fs, io, path::Path};

use auth_core::{
    Content, Letter,
    model::{Email, Language, MailKind, ResetToken},
};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, escape_formatter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::{Duration, OffsetDateTime};
use url::Url;

/// What is compiled in: name and text.
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

/// What a text's first line must begin with.
const SUBJECT: &str = "Subject: ";

/// What stays as it is in the fragment of a link; RFC 3986 section 2.3, and the `@`.
const FRAGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'@');

/// Why templates can't be used. It names the file.
#[derive(Debug, thiserror::Error)]
pub enum TemplatesError {
    #[error("{0} can't be read: {1}")]
    Unreadable(String, #[source] io::Error),
    #[error("{0} is no template of ours; there are {names}", names = names())]
    Unknown(String),
    #[error("{0} is wrong: {1}")]
    Wrong(String, #[source] minijinja::Error),
    #[error("{0} must begin with `{SUBJECT}`, one line, and an empty line")]
    NoSubject(String),
}

/// What HTML needs in a text and in an attribute, and no more: some mail programs make no link of one whose slashes are
/// escaped, as the library does.
fn escaped(text: &str) -> String {
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

/// A letter as it is sent.
#[derive(Debug)]
pub struct Text {
    pub subject: String,
    pub plain: String,
    pub html: String,
}

/// All templates, with what they need to know.
pub struct Templates {
    texts: Environment<'static>,
    service: String,
    reset_url: Url,
}

impl Templates {
    /// Takes those that are compiled in, and in their place what a folder holds; each is tried out.
    pub fn load(folder: Option<&Path>, service: &str, reset_url: &Url) -> Result<Self, TemplatesError> {
        let mut texts: HashMap<String, String> =
            BUILTIN.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        if let Some(folder) = folder {
            replace(&mut texts, folder)?;
        }
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.set_auto_escape_callback(|name| {
            if name.rsplit('.').next() == Some("html") { AutoEscape::Html } else { AutoEscape::None }
        });
        templates.set_formatter(|out, state, value| match state.auto_escape() {
            AutoEscape::Html if !value.is_safe() && !value.is_undefined() => {
                Ok(out.write_str(&escaped(&value.to_string()))?)
            }
            _ => escape_formatter(out, state, value),
        });
        for (name, text) in texts {
            let wrong = |error| TemplatesError::Wrong(name.clone(), error);
            templates.add_template_owned(name.clone(), text).map_err(wrong)?;
        }
        let templates = Self { texts: templates, service: service.to_owned(), reset_url: reset_url.clone() };
        templates.try_out()?;
        Ok(templates)
    }

    /// A letter's text.
    pub fn text(&self, letter: &Letter) -> Result<Text, TemplatesError> {
        let (link, minutes, device) = match &letter.content {
            Content::Reset { token, lifetime } => {
                (Some(self.link(&letter.to, token)), Some(lifetime.whole_minutes()), None)
            }
            Content::PasswordChanged => (None, None, None),
            Content::NewDevice { device } => (None, None, Some(device.as_str())),
        };
        // All of them are always there, so that a template may ask which it has.
        let shown = Value::from_pairs([
            ("service", Value::from(self.service.as_str())),
            ("email", letter.to.as_str().into()),
            ("at", in_words(letter.at).into()),
            ("link", link.into()),
            ("minutes", minutes.into()),
            ("device", device.into()),
        ]);
        let kind = letter.content.kind();
        let rendered = |ending: &str| {
            let name = format!("{kind}.{}.{ending}", letter.language);
            let text = self.texts.get_template(&name).and_then(|template| template.render(shown.clone()));
            text.map_err(|error| TemplatesError::Wrong(name, error))
        };
        let text = rendered("txt")?;
        let head = text.strip_prefix(SUBJECT).and_then(|rest| rest.split_once("\n\n"));
        let Some((subject, plain)) = head.filter(|(subject, _)| !subject.contains('\n')) else {
            return Err(TemplatesError::NoSubject(format!("{kind}.{}.txt", letter.language)));
        };
        Ok(Text { subject: subject.to_owned(), plain: plain.to_owned(), html: rendered("html")? })
    }

    /// Address and token are in the fragment, which no server sees.
    fn link(&self, email: &Email, token: &ResetToken) -> String {
        let email = utf8_percent_encode(email.as_str(), FRAGMENT);
        format!("{}#email={email}&token={}", self.reset_url, *token.expose())
    }

    fn try_out(&self) -> Result<(), TemplatesError> {
        let at = OffsetDateTime::UNIX_EPOCH;
        for (kind, language) in
            MailKind::ALL.into_iter().flat_map(|kind| Language::ALL.map(|language| (kind, language)))
        {
            let content = match kind {
                MailKind::Reset => {
                    Content::Reset { token: ResetToken::from_bits([0; 16]), lifetime: Duration::minutes(30) }
                }
                MailKind::PasswordChanged => Content::PasswordChanged,
                MailKind::NewDevice => Content::NewDevice { device: "a device".to_owned() },
            };
            let Ok(to) = Email::parse("somebody@example.org") else { continue };
            self.text(&Letter { to, language, at, content })?;
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
        // What editors and version control leave behind.
        if name.starts_with('.') || path.is_dir() {
            continue;
        }
        let Some(text) = texts.get_mut(&name) else { return Err(TemplatesError::Unknown(name)) };
        *text = fs::read_to_string(&path).map_err(unreadable(&path))?.replace("\r\n", "\n");
    }
    Ok(())
}

/// `2026-11-21 14:05 UTC`: in every language.
fn in_words(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!("{date} {:02}:{:02} UTC", time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset(folder: Option<&Path>) -> Result<Text, TemplatesError> {
        let url = Url::parse("https://auth.example.org/reset_password?a=1&b=2").unwrap();
        let letter = Letter {
            to: Email::parse("a'&b@example.org").unwrap(),
            language: Language::English,
            at: OffsetDateTime::UNIX_EPOCH,
            content: Content::Reset {
                token: ResetToken::from_bits([7; 16]),
                lifetime: Duration::minutes(30),
            },
        };
        Templates::load(folder, "auth.example.org", &url)?.text(&letter)
    }

    /// Some mail programs make no link of one that is escaped further.
    #[test]
    fn html_escapes_what_it_needs_and_links_stay_links() {
        let html = reset(None).unwrap().html;

        assert!(html.contains(
            "href=\"https://auth.example.org/reset_password?a=1&amp;b=2#email=a%27%26b@example.org"
        ));
        assert!(html.contains("the account a&#39;&amp;b@example.org at"));
        assert_eq!(escaped("<b title=\"'&\">/"), "&lt;b title=&quot;&#39;&amp;&quot;&gt;/");
    }

    #[test]
    fn a_template_that_shows_what_there_is_not_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("reset.en.html"), "{{ nothing }}").unwrap();

        let refused = reset(Some(folder.path())).unwrap_err();
        assert!(refused.to_string().starts_with("reset.en.html is wrong"), "{refused}");
    }
}
