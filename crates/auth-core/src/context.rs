//! The sender of a request: client, session, device and language.

use auth_db::model::{ClientInfo, DeviceToken, Language, SessionToken};

/// The sender of a request: client, session, device and language. Every use case that acts for a user takes one.
#[derive(Debug, Clone, Default)]
pub struct RequestContext {
    /// The client. Without its address, no limits per client apply.
    pub client: ClientInfo,
    /// Whether the address is that of an unlisted proxy, which many clients may share.
    pub address_is_shared: bool,
    /// The session of the request. A login revokes it if it belongs to the same user.
    pub session: Option<SessionToken>,
    /// The device of the request. If it belongs to the user, it has its own allowance of failed attempts.
    pub device: Option<DeviceToken>,
    /// The preferred language, for emails.
    pub language: Language,
}

impl RequestContext {
    /// The context of a request without session and device.
    #[must_use]
    pub fn new(client: ClientInfo) -> Self {
        Self { client, ..Self::default() }
    }
}
