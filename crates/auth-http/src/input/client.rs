//! The client of a request: the peer, or the client that trusted proxies report.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, X_FORWARDED_FOR},
};
use auth_core::model::{Language, is_private};
use ipnet::IpNet;

/// Whether an unlisted proxy of a private network passed the request on. All its visitors share the limits of one client.
pub fn is_behind_unlisted_proxy(request: &HttpRequest, trusted: &[IpNet]) -> bool {
    is_forwarded(request.headers())
        && peer(request).is_some_and(|peer| is_private(peer) && !is_trusted(peer, trusted))
}

/// The language that the client prefers.
pub fn language_of(request: &HttpRequest, otherwise: Language) -> Language {
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::preferred(header.unwrap_or_default(), otherwise)
}

/// The address of the client.
pub fn client_address(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer(request)?;
    Some(farthest_trusted(peer, request.headers(), trusted))
}

/// Whether the peer is a trusted proxy.
fn is_from_trusted_proxy(request: &HttpRequest, trusted: &[IpNet]) -> bool {
    peer(request).is_some_and(|peer| is_trusted(peer, trusted))
}

/// The value of a header from a trusted proxy, if it occurs once.
pub fn value_from_proxy<'a>(
    request: &'a HttpRequest,
    trusted: &[IpNet],
    name: &HeaderName,
) -> Option<&'a str> {
    let mut values = request.headers().get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) if is_from_trusted_proxy(request, trusted) => value.to_str().ok(),
        _ => None,
    }
}

/// Whether a proxy passed the request on, according to its headers.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    const HEADERS: [&str; 7] = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
    ];
    HEADERS.iter().any(|name| headers.contains_key(*name))
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip().to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Walks `X-Forwarded-For` from the right as long as the reporting hop is trusted. The first hop that is not is the client,
/// which can write anything further left (CVE-2023-36456).
fn farthest_trusted(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut hop = peer;
    let hops: Vec<&str> = headers
        .get_all(X_FORWARDED_FOR)
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .collect();
    for next in hops.into_iter().rev() {
        if !is_trusted(hop, trusted) {
            break;
        }
        match forwarded_address(next) {
            Some(address) => hop = address,
            None => break,
        }
    }
    hop
}

/// Parses an address in the forms that proxies write: plain, with a port, in brackets, in quotes, with a zone. Mapped
/// addresses become IPv4.
///
/// Azure and some balancers add a port; RFC 7239 section 6 has brackets and quotes. Names (`unknown`, `_hidden`) are rejected.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        (port.is_empty() || is_port(port.strip_prefix(':')?)).then_some(address)?
    } else {
        match text.split_once(':') {
            Some((address, port)) if is_port(port) && address.contains('.') => address,
            _ => text,
        }
    };
    let without_zone = match address.split_once('%') {
        Some((address, zone)) if !zone.is_empty() && address.contains(':') => address,
        Some(_) => return None,
        None => address,
    };
    Some(without_zone.parse::<IpAddr>().ok()?.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// asvs 4.1.3, 15.3.4
    #[test]
    fn only_trusted_proxies_report_the_client() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()].into();
        for (peer, forwarded, client) in [
            ("192.0.2.9", &["198.51.100.1"] as &[&str], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", &["203.0.113.7, 10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.1, 203.0.113.7", "10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.1, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1, "], "10.0.0.1"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ] {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
            }

            let found = farthest_trusted(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found, client.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn addresses_are_parsed_in_the_forms_that_proxies_write() {
        for (text, address) in [
            ("203.0.113.7", Some("203.0.113.7")),
            (" 203.0.113.7:51234 ", Some("203.0.113.7")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("\"[2001:db8::1]:443\"", Some("2001:db8::1")),
            ("\"203.0.113.7\"", Some("203.0.113.7")),
            ("::ffff:203.0.113.7", Some("203.0.113.7")),
            ("[::ffff:203.0.113.7]:80", Some("203.0.113.7")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("[fe80::1%25eth0]:80", Some("fe80::1")),
            ("", None),
            ("unknown", None),
            ("_hidden", None),
            ("203.0.113.7:", None),
            ("203.0.113.7:x", None),
            ("203.0.113.7:65536", None),
            ("203.0.113.7:+80", None),
            ("203.0.113.7:80:80", None),
            ("203.0.113.7%eth0", None),
            ("203.0.113.256", None),
            ("203.0.113.7 198.51.100.1", None),
            ("[203.0.113.7", None),
            ("[2001:db8::1]x", None),
            ("[2001:db8::1]:", None),
            ("[]", None),
            ("\"203.0.113.7", None),
            ("fe80::1%", None),
            ("0x7f.0.0.1", None),
            ("127.1", None),
        ] {
            assert_eq!(forwarded_address(text), address.map(|it| it.parse().unwrap()), "{text:?}");
        }
    }
}
