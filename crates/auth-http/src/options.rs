//! The options of the routes.

use auth_core::model::Language;
use ipnet::IpNet;

use crate::input::Origin;

/// The options of the routes.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// The session cookie.
    pub cookie: CookieOptions,
    /// Origins whose pages may send requests that change something: the public one, and further allowed ones. If empty, the
    /// origin of the request's own scheme and `Host`.
    pub origins: Vec<Origin>,
    /// Networks whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Request-Id` are trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether `Host` must be this machine, for a service that returns reset tokens.
    pub local_hosts_only: bool,
    /// The path of the scope in which the routes are mounted, such as `/auth`; empty for the root. Redirects lead there.
    pub mounted_at: String,
    /// Whether `GET /` is mounted, a greeting. A logout redirects to it, or to the root of the app.
    pub welcome: bool,
    /// Who may register.
    pub registration: Registration,
    /// The language of emails and pages for clients that prefer no supported one.
    pub language: Language,
    /// How reset tokens are delivered.
    pub reset: ResetDelivery,
    /// Whether the routes of one's own account are mounted: `PUT /profile/password`, `GET` and `DELETE /profile/sessions`,
    /// `DELETE /profile/sessions/{id}`, `DELETE /profile`.
    pub account_routes: bool,
    /// For which hosts browsers must use TLS for a year (RFC 6797). Use it only if the public URL is https.
    pub hsts: Hsts,
}

/// The hosts for which browsers must use TLS (`Strict-Transport-Security`, RFC 6797).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hsts {
    /// None.
    #[default]
    Off,
    /// This host (ASVS 3.4.1).
    Host,
    /// This host and all its subdomains. **A subdomain without TLS becomes unreachable.**
    Subdomains,
}

/// The session cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieOptions {
    /// The name. One that starts with `__Host-` or `__Secure-` needs `secure`.
    pub name: String,
    /// Whether browsers send it over TLS only.
    pub secure: bool,
}

/// `session_id`, sent over TLS only.
impl Default for CookieOptions {
    fn default() -> Self {
        Self { name: "session_id".to_owned(), secure: true }
    }
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Everyone.
    #[default]
    Open,
    /// Only administrators create accounts; `POST /users` returns 403.
    Closed,
}

/// How reset tokens are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetDelivery {
    /// Not by these routes: `/reset_password` is not mounted, and the program calls
    /// [`issue_reset_token`](auth_core::Auth::issue_reset_token).
    #[default]
    Off,
    /// In the response. **Any client can then take over any account**: for development on a loopback address only.
    InResponse,
    /// By email, which some process must send ([`MailOptions`](auth_core::mail::MailOptions)). The links open a page of the
    /// program, which asks for the new password and sends it to these routes.
    Mail,
    /// By email. The links open the page `GET /reset_password`, which can also request a link, and to which
    /// `GET /.well-known/change-password` redirects.
    MailAndPage,
}
