//! Who is at the other end: the peer, or whoever a trusted proxy says.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, USER_AGENT, X_FORWARDED_FOR},
};
use auth_core::model::{Client, Language};
use ipnet::IpNet;

/// What is kept of the sender of a request.
pub fn client_of(request: &HttpRequest, trusted: &[IpNet]) -> Client {
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    Client::new(client_address(request, trusted), user_agent).in_language(language_of(request))
}

/// The language that its sender likes best.
pub fn language_of(request: &HttpRequest) -> Language {
    let header = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Language::preferred(header.unwrap_or_default())
}

/// The address that a request came from.
pub fn client_address(request: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = peer(request)?;
    Some(farthest_trusted(peer, request.headers(), trusted))
}

/// Whether the peer is a proxy that is believed.
pub fn is_from_trusted_proxy(request: &HttpRequest, trusted: &[IpNet]) -> bool {
    peer(request).is_some_and(|peer| is_trusted(peer, trusted))
}

/// The one value that a trusted proxy gave a header, if it did.
pub fn told_by_proxy<'a>(request: &'a HttpRequest, trusted: &[IpNet], name: &HeaderName) -> Option<&'a str> {
    let mut values = request.headers().get_all(name);
    match (values.next(), values.next()) {
        (Some(value), None) if is_from_trusted_proxy(request, trusted) => value.to_str().ok(),
        _ => None,
    }
}

fn peer(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|address| address.ip().to_canonical())
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// Walks `X-Forwarded-For` from the right, as long as the hop that told it is trusted: the first that is
/// not is the client. What stands further left anybody can write (CVE-2023-36456).
fn farthest_trusted(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut hop = peer;
    let told: Vec<&str> = headers
        .get_all(X_FORWARDED_FOR)
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .collect();
    for next in told.into_iter().rev() {
        if !is_trusted(hop, trusted) {
            break;
        }
        match next.trim().parse::<IpAddr>() {
            Ok(address) => hop = address.to_canonical(),
            Err(_) => break,
        }
    }
    hop
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// asvs 4.1.3, 15.3.4
    #[test]
    fn only_what_trusted_proxies_say_is_believed() {
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
}
