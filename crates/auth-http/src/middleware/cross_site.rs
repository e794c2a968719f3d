//! Protection against cross-site requests: requests that a page of another site may have made a browser send.

use actix_web::http::{
    Method,
    header::{HeaderMap, HeaderName, ORIGIN},
};

use crate::input::Origin;

/// Set by browsers: the relation between the sites of the sender and the target (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request may pass: its method changes nothing, or it was not sent by a browser, or by a page of an allowed
/// origin.
///
/// `own` is the origin of the request's own scheme and `Host`, which is the allowed one if `origins` is empty.
pub fn may_pass(
    method: &Method,
    headers: &HeaderMap,
    origins: &[Origin],
    own: impl FnOnce() -> Option<Origin>,
) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method) {
        return true;
    }
    let site = Single::of(headers, &SEC_FETCH_SITE);
    let origin = Single::of(headers, &ORIGIN);
    match (site, origin) {
        (Single::None, Single::None) | (Single::One(b"same-origin" | b"none"), _) => true,
        (_, Single::One(origin)) => {
            let is = |allowed: &Origin| allowed.as_str().as_bytes() == origin;
            if origins.is_empty() { own().as_ref().is_some_and(is) } else { origins.iter().any(is) }
        }
        (_, Single::None | Single::Several) => false,
    }
}

/// A header that should occur once.
enum Single<'a> {
    None,
    One(&'a [u8]),
    Several,
}

impl<'a> Single<'a> {
    fn of(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let mut values = headers.get_all(name);
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => Self::One(value.as_bytes()),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(site: &[&str], origin: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in [(SEC_FETCH_SITE, site), (ORIGIN, origin)] {
            for value in values {
                headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
            }
        }
        headers
    }

    /// asvs 3.5.1, 3.5.2
    #[test]
    fn only_requests_from_allowed_origins_pass() {
        let own = Origin::of_url("http://app.example").unwrap();
        let set =
            [Origin::of_url("https://app.example").unwrap(), Origin::of_url("https://b.example").unwrap()];
        let own_origin = ["http://app.example"].as_slice();
        for (site, origin, by_default, where_set) in [
            (&[] as &[&str], &[] as &[&str], true, true),
            (&["same-origin"], &[], true, true),
            (&["none"], &[], true, true),
            (&["same-origin"], &["http://other.example"], true, true),
            (&["cross-site"], &[], false, false),
            (&["same-site"], &[], false, false),
            (&["whatever"], &[], false, false),
            (&[], own_origin, true, false),
            (&["same-site"], own_origin, true, false),
            (&[], &["https://app.example"], false, true),
            (&["cross-site"], &["https://b.example"], false, true),
            (&[], &["https://c.example"], false, false),
            (&[], &["null"], false, false),
            (&["cross-site"], &["null"], false, false),
            (&[], &[""], false, false),
            (&[], &["http://app.example.evil.example"], false, false),
            (&[], &["http://app.example:81"], false, false),
            (&[], &["http://app.example/"], false, false),
            (&[], &["https://app.example", "https://app.example"], false, false),
            (&["same-origin", "cross-site"], &[], false, false),
        ] {
            let headers = headers(site, origin);
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                let case = format!("{method} {site:?} {origin:?}");
                assert_eq!(may_pass(&method, &headers, &[], || Some(own.clone())), by_default, "{case}");
                assert_eq!(may_pass(&method, &headers, &set, || Some(own.clone())), where_set, "{case}");
            }
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                assert!(may_pass(&method, &headers, &set, || None));
            }
        }
    }

    #[test]
    fn a_request_without_a_host_has_no_origin_of_its_own() {
        assert!(!may_pass(&Method::POST, &headers(&[], &["http://app.example"]), &[], || None));
    }
}
