//! The headers of every response.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

use super::request_id::X_REQUEST_ID;
use crate::Hsts;

/// The defaults, which a handler may override.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            // A developer who opens a JSON response in a browser may send requests to this service from its console.
            "default-src 'none'; base-uri 'none'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
];

/// A year (ASVS 3.4.1).
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
const HSTS_WITH_SUBDOMAINS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// Sets the headers of a response.
pub fn set_headers(headers: &mut HeaderMap, id: &str, hsts: Hsts) {
    match hsts {
        Hsts::Off => {}
        Hsts::Host => drop(headers.insert(STRICT_TRANSPORT_SECURITY, HSTS)),
        Hsts::Subdomains => drop(headers.insert(STRICT_TRANSPORT_SECURITY, HSTS_WITH_SUBDOMAINS)),
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
