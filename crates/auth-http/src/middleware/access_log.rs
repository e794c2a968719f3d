//! The access log, with limits on the lines that clients can cause.

use std::{
    fmt,
    time::{Duration, Instant},
};

use actix_web::HttpRequest;
use auth_core::LogLimit;
use ipnet::IpNet;

use crate::input::is_behind_unlisted_proxy;

/// The maximum length of a logged method, in bytes: that of the longest registered one.
const MAX_METHOD: usize = 17;

/// Writes the access log: at most 100 lines of each kind in ten seconds. The next line has the number of suppressed ones.
pub struct AccessLog {
    rejected: LogLimit,
    failed: LogLimit,
    proxy: LogLimit,
}

impl Default for AccessLog {
    fn default() -> Self {
        let limit = || LogLimit::new(100, Duration::from_secs(10));
        Self { rejected: limit(), failed: limit(), proxy: LogLimit::new(1, Duration::from_hours(1)) }
    }
}

/// A request that is being served.
pub struct Entry {
    request: HttpRequest,
    began: Instant,
}

impl AccessLog {
    /// Begins an entry. Warns once an hour of a proxy that is not listed.
    #[expect(clippy::disallowed_methods, reason = "requests take real time")]
    pub fn begin(&self, request: &HttpRequest, trusted_proxies: &[IpNet]) -> Entry {
        if is_behind_unlisted_proxy(request, trusted_proxies)
            && self.proxy.admit().is_some()
            && let Some(peer) = request.peer_addr()
        {
            tracing::warn!(
                peer = %peer.ip(),
                "a proxy that is not in AUTH_TRUSTED_PROXIES passes requests on: all its visitors share the limits of one \
                 client"
            );
        }
        Entry { request: request.clone(), began: Instant::now() }
    }

    /// Writes the line of a response.
    pub fn log(&self, entry: &Entry, status: u16) {
        let took = entry.began.elapsed();
        match status {
            // A failed login has its own event.
            ..400 | 401 | 429 => tracing::debug!(request = %entry, status, ?took, "request completed"),
            400..500 => {
                if let Some(suppressed) = self.rejected.admit() {
                    tracing::info!(request = %entry, status, ?took, suppressed, "request rejected");
                }
            }
            500.. => {
                if let Some(suppressed) = self.failed.admit() {
                    tracing::warn!(request = %entry, status, ?took, suppressed, "request failed");
                }
            }
        }
    }
}

/// Prints the method and the mounted path, never a path that a client made up.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.request.match_pattern();
        let method = self.request.method().as_str();
        // A client can make up a long method.
        let method = method.get(..MAX_METHOD).unwrap_or(method);
        write!(f, "{method} {}", path.as_deref().unwrap_or("*"))
    }
}
