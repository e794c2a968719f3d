//! Cross-site refusal: which requests a browser may have been made to send by somebody else's page.

use std::net::IpAddr;

use actix_web::http::{
    Method,
    header::{HeaderMap, HeaderName, ORIGIN},
};

use crate::Origin;

/// Set by browsers; says where a request comes from, relative to where it goes (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a request may pass: one that changes nothing, one that no browser sent, and one that comes from
/// a page that may.
///
/// `own` is the origin of the request's own scheme and `Host`, which counts where no origins are set.
pub fn may_pass(
    method: &Method,
    headers: &HeaderMap,
    origins: &[Origin],
    own: impl FnOnce() -> Option<Origin>,
) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method) {
        return true;
    }
    let site = Told::of(headers, &SEC_FETCH_SITE);
    let origin = Told::of(headers, &ORIGIN);
    match (site, origin) {
        (Told::Nothing, Told::Nothing) | (Told::This(b"same-origin" | b"none"), _) => true,
        (_, Told::This(origin)) => {
            let is = |allowed: &Origin| allowed.as_str().as_bytes() == origin;
            if origins.is_empty() { own().as_ref().is_some_and(is) } else { origins.iter().any(is) }
        }
        (_, Told::Nothing | Told::Several) => false,
    }
}

/// What a header that should be there once says.
enum Told<'a> {
    Nothing,
    This(&'a [u8]),
    Several,
}

impl<'a> Told<'a> {
    fn of(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let mut values = headers.get_all(name);
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::This(value.as_bytes()),
            (Some(_), Some(_)) => Self::Several,
        }
    }
}

/// Whether a `Host` names the machine itself: `localhost`, a loopback address or `0.0.0.0`, with any port.
///
/// A name that an attacker rebound to a loopback address is none of these (DNS rebinding).
pub fn is_local_host(host: &str) -> bool {
    let Some(name) = without_port(host) else { return false };
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    match literal.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback() || address.is_unspecified(),
        Ok(IpAddr::V6(address)) => name.starts_with('[') && address.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// The host of `host`, `host:port` or `[v6]:port`.
fn without_port(host: &str) -> Option<&str> {
    let end_of_host = host.rfind(']').map_or(0, |bracket| bracket + 1);
    match host[end_of_host..].split_once(':') {
        None => Some(host),
        Some((rest, port)) => {
            let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            is_port.then_some(&host[..end_of_host + rest.len()])
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
    fn only_requests_from_pages_that_may_are_let_through() {
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
                let told = format!("{method} {site:?} {origin:?}");
                assert_eq!(may_pass(&method, &headers, &[], || Some(own.clone())), by_default, "{told}");
                assert_eq!(may_pass(&method, &headers, &set, || Some(own.clone())), where_set, "{told}");
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

    #[test]
    fn only_names_of_the_machine_itself_are_local() {
        for local in [
            "localhost",
            "LOCALHOST:5000",
            "127.0.0.1",
            "127.1.2.3:80",
            "0.0.0.0:5000",
            "[::1]",
            "[::1]:5000",
        ] {
            assert!(is_local_host(local), "{local}");
        }
        for foreign in [
            "",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "192.0.2.1",
            "[::2]:5000",
            "::1",
            "localhost:",
            "localhost:x",
            "localhost:80:80",
            "a:5000@localhost",
            "[::1",
            "0.0.0.1",
            "[127.0.0.1.x]",
        ] {
            assert!(!is_local_host(foreign), "{foreign}");
        }
    }
}
