//! The URL of a mail server.

use std::{fmt, net::IpAddr};

use auth_core::model::is_private;
use lettre::transport::smtp::{SMTP_PORT, SUBMISSION_PORT, SUBMISSIONS_PORT, authentication::Credentials};
use percent_encoding::percent_decode_str;
use url::Url;

/// The URL of a mail server, with the credentials. Its `Debug` form has no password.
#[derive(Clone)]
pub struct SmtpUrl(Url);

impl SmtpUrl {
    /// Parses `smtps://USER:PASSWORD@HOST`, `smtp://…?tls=required`, `smtp://HOST` of this machine, or `smtp://ADDRESS?tls=off`
    /// of a private network, which sends links in plain text.
    ///
    /// Returns none for other texts.
    pub fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("://")?;
        let end_of_authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        // A password that is not percent-encoded would be taken for a host, and logged.
        if rest[end_of_authority..].contains(['@', '#']) {
            return None;
        }
        let url = Url::parse(text).ok()?;
        // `Url` takes addresses for names if the scheme is not one of the web.
        let host = url.host_str()?.trim_matches(['[', ']']);
        let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let queries: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let is_safe = match (url.scheme(), &queries[..]) {
            ("smtps", []) => true,
            ("smtp", [(name, value)]) if name == "tls" && value == "off" => {
                host.parse().is_ok_and(is_private)
            }
            ("smtp", [(name, value)]) => name == "tls" && value == "required",
            ("smtp", []) => is_local,
            _ => false,
        };
        (is_safe && matches!(url.path(), "" | "/") && url.fragment().is_none()).then_some(Self(url))
    }

    /// Whether emails are sent over a network in plain text.
    pub fn is_plain_over_a_network(&self) -> bool {
        self.0.query() == Some("tls=off")
    }

    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    pub(super) fn security(&self) -> Security {
        match self.0.scheme() {
            "smtps" => Security::Implicit,
            _ if self.0.query() == Some("tls=required") => Security::StartTls,
            _ => Security::None,
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port().unwrap_or(match self.security() {
            Security::Implicit => SUBMISSIONS_PORT,
            Security::StartTls => SUBMISSION_PORT,
            Security::None => SMTP_PORT,
        })
    }

    pub(super) fn credentials(&self) -> Option<Credentials> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let password = self.0.password()?;
        Some(Credentials::new(decoded(self.0.username()), decoded(password)))
    }

    /// The URL without credentials, for the log.
    pub fn shown(&self) -> String {
        let port = self.0.port().map_or(String::new(), |port| format!(":{port}"));
        format!("{}://{}{port}", self.0.scheme(), self.0.host_str().unwrap_or_default())
    }
}

/// The protection of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    None,
    StartTls,
    Implicit,
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}
