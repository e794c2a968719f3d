//! The host of a request.

use std::net::IpAddr;

use actix_web::{HttpRequest, http::header::HOST};

/// The host of a request: its single `Host` header, which must agree with a URL in absolute form.
pub fn host_of(request: &HttpRequest) -> Option<&str> {
    let mut hosts = request.headers().get_all(HOST);
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?,
        _ => return None,
    };
    let authority = request.uri().authority();
    authority.is_none_or(|authority| authority.as_str().eq_ignore_ascii_case(host)).then_some(host)
}

/// Whether a `Host` is this machine: `localhost`, a loopback address or `0.0.0.0`, with any port.
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
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
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
