//! Cross-origin resource sharing for pages of listed origins (Fetch standard, "CORS protocol").

use actix_web::http::{
    Method,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
        ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
        ACCESS_CONTROL_REQUEST_METHOD, ALLOW, HeaderMap, HeaderValue, ORIGIN, VARY,
    },
};

use crate::input::Origin;

/// The request header that pages may set besides the CORS-safelisted ones. JSON needs it.
const HEADERS: HeaderValue = HeaderValue::from_static("content-type");

/// Response headers that pages may read.
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, x-auth-user-id, x-request-id");

/// The time for which browsers may cache a preflight, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The CORS properties of a request.
pub struct CorsRequest {
    /// The origin, if it is listed.
    listed: Option<HeaderValue>,
    is_preflight: bool,
}

impl CorsRequest {
    /// None if no origins are listed, so that no response depends on the origin.
    pub fn of(method: &Method, headers: &HeaderMap, origins: &[Origin]) -> Option<Self> {
        if origins.is_empty() {
            return None;
        }
        let mut given = headers.get_all(ORIGIN);
        let listed = match (given.next(), given.next()) {
            (Some(origin), None) => {
                let is_listed = origins.iter().any(|listed| listed.as_str().as_bytes() == origin.as_bytes());
                is_listed.then(|| origin.clone())
            }
            _ => None,
        };
        let is_preflight = method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Some(Self { listed, is_preflight })
    }

    /// Adds the headers for a page of a listed origin. Other pages get none.
    pub fn grant(self, response: &mut HeaderMap) {
        response.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.listed else { return };
        response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        response.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if self.is_preflight
            && let Some(methods) = response.get(ALLOW).cloned()
        {
            response.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            response.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            response.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        }
    }
}
