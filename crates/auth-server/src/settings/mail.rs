//! Emails.

use std::path::PathBuf;

use auth_core::model::ExposeSecret;
use lettre::message::Mailbox;
use url::Url;

use super::{
    Profile, RawSettings,
    value::{Setting, SettingError},
};
use crate::mail::{SmtpUrl, Templates};

/// The accepted URLs of mail servers.
const SERVERS: &str = "accepted: smtps://USER:PASSWORD@HOST, smtp://USER:PASSWORD@HOST?tls=required, smtp://HOST of \
                       this machine, or smtp://ADDRESS?tls=off of a private network; characters such as @ / # ? in \
                       USER and PASSWORD percent-encoded";

/// The accepted senders.
const SENDERS: &str = "accepted: an address, such as Accounts <accounts@example.org>";

/// Emails: the server, the sender, the templates.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// `AUTH_SMTP_URL`.
    pub smtp: SmtpUrl,
    /// `AUTH_MAIL_FROM`.
    pub from: Mailbox,
    /// `AUTH_MAIL_TEMPLATES`.
    pub templates: Option<PathBuf>,
    /// `AUTH_RESET_URL`, or the public URL with `/reset_password`.
    pub reset_url: Url,
    /// Whether that is the built-in page.
    pub uses_builtin_page: bool,
    /// The name of the service in emails: `AUTH_SITE_NAME`, or the host of the public URL.
    pub service_name: String,
    /// `AUTH_SMTP_NAME`.
    pub smtp_name: Option<String>,
    /// `AUTH_MAIL_NEW_DEVICE`.
    pub new_device: bool,
}

impl MailSettings {
    /// The error for a setting that production needs to send emails and that is missing.
    pub fn missing(raw: &RawSettings, profile: Profile) -> Option<SettingError> {
        let delivery = Setting::new("AUTH_RESET_DELIVERY", raw.reset_delivery.as_deref());
        let by_mail = profile == Profile::Production && delivery.given().is_none_or(|given| given == "mail");
        let is_given = |value: &Option<String>| value.as_ref().is_some_and(|text| !text.trim().is_empty());
        let has_server = is_given(&raw.smtp_url) || is_given(&raw.smtp_url_file);
        let smtp = Setting::new("AUTH_SMTP_URL", None);
        let from = Setting::new("AUTH_MAIL_FROM", raw.mail_from.as_deref());
        match (by_mail, has_server, from.is_given()) {
            (true, false, true) => Some(smtp.missing(&format!("emails need it; {SERVERS}"))),
            (true, true, false) => Some(from.missing(&format!("emails need it; {SENDERS}"))),
            (true, false, false) => {
                Some(smtp.missing(&format!("emails need it and AUTH_MAIL_FROM; {SERVERS}")))
            }
            _ => None,
        }
    }

    /// None if no emails are sent: no such setting is given, and they are not `needed`.
    pub fn resolve(
        raw: &RawSettings,
        profile: Profile,
        public_url: Option<&Url>,
        needed: bool,
    ) -> Result<Option<Self>, SettingError> {
        let smtp = Setting::new("AUTH_SMTP_URL", raw.smtp_url.as_deref());
        let smtp_file = Setting::new("AUTH_SMTP_URL_FILE", raw.smtp_url_file.as_deref());
        let from = Setting::new("AUTH_MAIL_FROM", raw.mail_from.as_deref());
        let templates = Setting::new("AUTH_MAIL_TEMPLATES", raw.mail_templates.as_deref());
        let reset_url = Setting::new("AUTH_RESET_URL", raw.reset_url.as_deref());
        let new_device = Setting::new("AUTH_MAIL_NEW_DEVICE", raw.mail_new_device.as_deref());
        let site = Setting::new("AUTH_SITE_NAME", raw.site_name.as_deref());
        let name = Setting::new("AUTH_SMTP_NAME", raw.smtp_name.as_deref());

        let Some((setting, url)) = smtp.or_file(smtp_file)? else {
            if needed {
                return Err(smtp.missing(&format!("emails need it; {SERVERS}")));
            }
            return reject_given(&[from, templates, reset_url, new_device, site, name]).map(|()| None);
        };
        let smtp = SmtpUrl::parse(url.expose_secret()).ok_or_else(|| setting.reject_secret(SERVERS))?;
        let Some(public_url) = public_url else {
            let public = Setting::new("AUTH_PUBLIC_URL", None);
            return Err(public.missing("links in emails need it; accepted: such as https://auth.example.org"));
        };
        let from = match from.given() {
            Some(given) => given.parse().map_err(|_| from.reject(SENDERS))?,
            None => return Err(from.missing(&format!("emails need it; {SENDERS}"))),
        };
        let settings = Self {
            smtp,
            from,
            templates: templates.given().map(PathBuf::from),
            reset_url: link_target(&reset_url, profile, public_url)?,
            uses_builtin_page: !reset_url.is_given(),
            service_name: service_name(&site, public_url)?,
            smtp_name: smtp_name(&name)?,
            new_device: new_device.one_of(&[("on", true), ("off", false)], true)?,
        };
        settings.load_templates().map_err(|error| templates.reject(&error.to_string()))?;
        Ok(Some(settings))
    }

    /// Loads the templates.
    pub fn load_templates(&self) -> Result<Templates, crate::mail::TemplatesError> {
        Templates::load(self.templates.as_deref(), &self.service_name, &self.reset_url)
    }
}

/// Rejects settings of emails, because no emails are sent.
fn reject_given(settings: &[Setting<'_>]) -> Result<(), SettingError> {
    match settings.iter().find(|setting| setting.is_given()) {
        Some(setting) => Err(setting.reject("it is a setting of emails; accepted: only with AUTH_SMTP_URL")),
        None => Ok(()),
    }
}

/// A line that fits in a subject.
fn service_name(setting: &Setting<'_>, public_url: &Url) -> Result<String, SettingError> {
    let Some(given) = setting.given() else {
        return Ok(public_url.host_str().unwrap_or_default().to_owned());
    };
    if given.chars().count() > 60 || given.chars().any(char::is_control) {
        return Err(setting.reject("accepted: up to 60 characters in one line"));
    }
    Ok(given.to_owned())
}

/// A name of a host, as RFC 5321 section 4.1.1.1 has it.
fn smtp_name(setting: &Setting<'_>) -> Result<Option<String>, SettingError> {
    let Some(given) = setting.given() else { return Ok(None) };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    if given.len() > 255 || !given.bytes().all(is_name) {
        return Err(setting.reject("accepted: the name of a host, such as auth.example.org"));
    }
    Ok(Some(given.to_owned()))
}

/// The page that a link opens. The link contains a secret, so the page must use TLS.
fn link_target(setting: &Setting<'_>, profile: Profile, public_url: &Url) -> Result<Url, SettingError> {
    let Some(given) = setting.given() else {
        let mut url = public_url.clone();
        url.set_path("/reset_password");
        return Ok(url);
    };
    let expected = "accepted: the page that asks for the new password, such as https://app.example.org/reset";
    let url = Url::parse(given).map_err(|_| setting.reject_secret_if(given.contains('@'), expected))?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
    if !is_web || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(setting.reject_secret_if(given.contains('@'), expected));
    }
    if profile == Profile::Production && url.scheme() != "https" && !super::http::is_loopback(&url) {
        return Err(setting.reject("production accepts https, and http for a loopback host only"));
    }
    Ok(url)
}
