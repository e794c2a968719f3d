//! What the wire can be told.

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
    /// How a reset token reaches its owner.
    pub reset: ResetDelivery,
    /// Whether users manage their own accounts here: `PUT /profile/password`, `GET` and `DELETE /profile/sessions`,
    /// `DELETE /profile/sessions/{id}`, `DELETE /profile`.
    pub account_routes: bool,
    /// Whether every answer tells browsers to come by TLS only, for a year (RFC 6797): where the public URL is https.
    pub hsts: bool,
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
