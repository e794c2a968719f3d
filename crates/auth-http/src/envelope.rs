//! What is around every call: refusals before anything is read, headers after, one line in the log.

use std::{
    fmt,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpRequest, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue,
            REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FORWARDED_PROTO,
        },
    },
    middleware::Next,
    web,
};
use auth_core::LogLimit;
use futures_util::FutureExt;
use tracing::Instrument;

use crate::{
    ApiError, Hsts, HttpOptions, Origin,
    client::{client_address, is_behind_unknown_proxy, told_by_proxy},
    cors::CorsRequest,
    cross_site::{is_local_host, may_pass},
    request_id::{is_presentable, mint},
    shared::Shared,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says to browsers, unless the page said something of its own.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            // Who looks at an answer in a browser may try requests to us in its console.
            "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
];

/// How much of a method is logged, in bytes: as much as the longest that is registered.
const LONGEST_METHOD: usize = 17;

/// For a year (ASVS 3.4.1).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// And for names below this one.
const HSTS_BELOW: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// The middleware around each mounted route, for pages of your own as well:
/// `.wrap(actix_web::middleware::from_fn(auth_http::envelope))`.
///
/// Refuses foreign hosts and cross-site requests before anything is read, turns a panic into a 500, gives the
/// answer its headers and the log its line. Needs [`AuthRoutes`](crate::AuthRoutes) in the same app.
///
/// # Errors
///
/// An [`ApiError`] if [`AuthRoutes`](crate::AuthRoutes) is missing; every other error is an answer.
pub async fn envelope(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let shared = Shared::of(request.request())?;
    let id = request_id(request.request(), &shared);
    let address = client_address(request.request(), &shared.options.trusted_proxies);
    let span = tracing::info_span!(
        "http.request",
        request_id = %id,
        client = address.map(tracing::field::display),
    );
    shared.log_limits.warn_of_proxy(request.request(), &shared.options);
    let line = RequestLine(request.request().clone());
    let cors = CorsRequest::of(request.method(), request.headers(), &shared.options.origins);

    let mut response = answer(request, next, &shared).instrument(span.clone()).await;
    if shared.is_draining() {
        // The client should send its next request to another node.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    let status = response.status();
    seal(response.headers_mut(), &id, shared.options.hsts);
    if let Some(cors) = cors {
        cors.grant(response.headers_mut());
    }
    span.in_scope(|| shared.log_limits.log(&line, status.as_u16(), began.elapsed()));
    Ok(response)
}

/// Bounds how many lines clients can cause: 100 of each kind in ten seconds. Those that are left out are counted in the
/// next one.
pub struct LogLimits {
    rejected: LogLimit,
    failed: LogLimit,
    proxy: LogLimit,
}

impl Default for LogLimits {
    fn default() -> Self {
        let limit = || LogLimit::new(100, Duration::from_secs(10));
        Self { rejected: limit(), failed: limit(), proxy: LogLimit::new(1, Duration::from_hours(1)) }
    }
}

impl LogLimits {
    /// Warns once an hour of a proxy that nobody listed.
    fn warn_of_proxy(&self, request: &HttpRequest, options: &HttpOptions) {
        if is_behind_unknown_proxy(request, &options.trusted_proxies)
            && self.proxy.admit().is_some()
            && let Some(peer) = request.peer_addr()
        {
            tracing::warn!(
                peer = %peer.ip(),
                "a proxy passes requests on that is not in AUTH_TRUSTED_PROXIES: all its visitors share the limits of one client"
            );
        }
    }

    fn log(&self, line: &RequestLine, status: u16, took: Duration) {
        match status {
            // What failed to log in has its line as an event.
            ..400 | 401 | 429 => tracing::debug!(request = %line, status, ?took, "request completed"),
            400..500 => {
                if let Some(suppressed) = self.rejected.admit() {
                    tracing::info!(request = %line, status, ?took, suppressed, "request rejected");
                }
            }
            500.. => {
                if let Some(suppressed) = self.failed.admit() {
                    tracing::warn!(request = %line, status, ?took, suppressed, "request failed");
                }
            }
        }
    }
}

/// Method and path of a request, as the log shows them: the path that is mounted, never one that a client made
/// up.
struct RequestLine(HttpRequest);

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.0.match_pattern();
        let method = self.0.method().as_str();
        // A client can make up a method, and a long one.
        let method = method.get(..LONGEST_METHOD).unwrap_or(method);
        write!(f, "{method} {}", path.as_deref().unwrap_or("*"))
    }
}

async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    shared: &web::Data<Shared>,
) -> ServiceResponse<BoxBody> {
    // A handle for answers that are not the handler's.
    let handle = request.request().clone();
    if let Err(refusal) = admissible(request.request(), shared) {
        return ServiceResponse::new(handle, refusal.error_response());
    }
    match AssertUnwindSafe(next.call(request)).catch_unwind().await {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => ServiceResponse::from_err(error, handle),
        Err(_) => {
            tracing::error!("a handler panicked");
            ServiceResponse::new(handle, ApiError::INTERNAL.error_response())
        }
    }
}

/// What is refused before anything of a request is read but its head.
pub fn admissible(request: &HttpRequest, shared: &Shared) -> Result<(), ApiError> {
    let options = &shared.options;
    let host = host(request);
    if options.local_hosts_only && !host.is_some_and(is_local_host) {
        return Err(ApiError::FOREIGN_HOST);
    }
    let scheme = told_by_proxy(request, &options.trusted_proxies, &X_FORWARDED_PROTO).unwrap_or("http");
    let own = || Origin::of_request(scheme, host?);
    if may_pass(request.method(), request.headers(), &options.origins, own) {
        Ok(())
    } else {
        Err(ApiError::CROSS_SITE)
    }
}

/// The host that a request is for: of its `Host`, which must be there once, and agree with a URL in
/// absolute form.
fn host(request: &HttpRequest) -> Option<&str> {
    let mut hosts = request.headers().get_all(HOST);
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?,
        _ => return None,
    };
    let authority = request.uri().authority();
    authority.is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host)).then_some(host)
}

fn request_id(request: &HttpRequest, shared: &Shared) -> String {
    told_by_proxy(request, &shared.options.trusted_proxies, &X_REQUEST_ID)
        .filter(|id| is_presentable(id))
        .map_or_else(mint, str::to_owned)
}

fn seal(headers: &mut HeaderMap, id: &str, hsts: Hsts) {
    match hsts {
        Hsts::Off => {}
        Hsts::Host => drop(headers.insert(STRICT_TRANSPORT_SECURITY, HSTS)),
        Hsts::Subdomains => drop(headers.insert(STRICT_TRANSPORT_SECURITY, HSTS_BELOW)),
    }
    for (name, value) in HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(X_REQUEST_ID, id);
    }
}
