//! What the wire can be told.

use auth_core::model::Language;
use ipnet::IpNet;

use crate::Origin;

/// How the routes behave towards browsers, proxies and whoever asks for a reset.
#[derive(Debug, Clone, Default)]
pub struct HttpOptions {
    /// The session cookie.
    pub cookie: CookieOptions,
    /// Origins whose pages may send state-changing requests: the public one and those allowed besides. If
    /// there are none, the scheme and `Host` of the request itself.
    pub origins: Vec<Origin>,
    /// Networks whose `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Request-Id` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether `Host` must name this machine: for a service that answers reset tokens.
    pub local_hosts_only: bool,
    /// Where the routes are, if not at the root of the app: the path of the scope, such as `/auth`. Redirects lead there.
    pub mounted_at: String,
    /// Whether `GET /` is mounted, which says hello. A logout leads there, or to the root of the app.
    pub welcome: bool,
    /// Who can register.
    pub registration: Registration,
    /// The language of emails and pages for clients that name none of ours.
    pub language: Language,
    /// How a reset token reaches its owner.
    pub reset: ResetDelivery,
    /// Whether users manage their own accounts here: `PUT /profile/password`, `GET` and `DELETE /profile/sessions`,
    /// `DELETE /profile/sessions/{id}`, `DELETE /profile`.
    pub account_routes: bool,
    /// Whether every response tells browsers to come by TLS only, for a year (RFC 6797): where the public URL is https.
    pub hsts: Hsts,
}

/// The hosts for which browsers use TLS only (`Strict-Transport-Security`, RFC 6797).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hsts {
    /// None.
    #[default]
    Off,
    /// This one (ASVS 3.4.1).
    Host,
    /// Those below it, too. **They may be sites of others that have no TLS.**
    Subdomains,
}

/// The session cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieOptions {
    /// Its name; one that starts with `__Host-` or `__Secure-` needs `secure`.
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

/// Who can register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Everybody.
    #[default]
    Open,
    /// Nobody: accounts are made by administrators, and `POST /users` is a 403.
    Closed,
}

/// How a reset token reaches its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetDelivery {
    /// Not by these routes: `/reset_password` is not mounted, and the program calls
    /// [`request_reset`](auth_core::Auth::request_reset) itself.
    #[default]
    Off,
    /// In the answer to whoever asks. **Whoever can reach the service can then take over any account**: for
    /// development, on a loopback address.
    Answer,
    /// By mail: [`deliver_mail`](auth_core::Auth::deliver_mail) must run in some process. The links in the mails open
    /// a page of the program, which asks for the new password and sends it here.
    Mail,
    /// By mail, and the links open a page of ours: `GET /reset_password`, which also asks for a link, and to which
    /// `GET /.well-known/change-password` leads.
    MailAndPage,
}
