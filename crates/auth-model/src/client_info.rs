//! What is known about the client of a request.

use std::net::IpAddr;

/// The maximum length of a stored user agent, in bytes (ASVS 1.3.3: bounded before it is stored).
pub const MAX_USER_AGENT_BYTES: usize = 256;

/// What is known about the client of a request. It is stored with the session that the client opens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The IP address of the client.
    pub address: Option<IpAddr>,
    user_agent: Option<String>,
}

/// Whether an address belongs to this machine or to a private network (RFC 1918, RFC 4193), where proxies usually are.
#[must_use]
pub const fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

impl ClientInfo {
    /// Builds it from a request's address and `User-Agent`. Control characters are removed from the user agent, and what
    /// exceeds [`MAX_USER_AGENT_BYTES`] is cut off.
    #[must_use]
    pub fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| {
            let mut kept: String = text.chars().filter(|c| !c.is_control()).collect();
            kept.truncate(kept.floor_char_boundary(MAX_USER_AGENT_BYTES));
            kept
        });
        Self { address, user_agent }
    }

    /// The user agent: at most [`MAX_USER_AGENT_BYTES`], no control characters.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// A name for the device in any language, such as `Firefox, Windows`; none for an unknown program. Emails and pages
    /// show it, so it never contains text that a client chose.
    #[must_use]
    pub fn device(&self) -> Option<String> {
        let agent = self.user_agent().filter(|agent| !agent.trim().is_empty())?;
        let named = |names: &[(&str, &'static str)]| {
            names.iter().find(|(part, _)| agent.contains(part)).map(|(_, name)| *name)
        };
        match (named(&BROWSERS), named(&SYSTEMS)) {
            (Some(browser), Some(system)) => Some(format!("{browser}, {system}")),
            (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
            (None, None) => named(&PROGRAMS).map(str::to_owned),
        }
    }
}

/// Programs other than browsers, by what their user agents contain.
const PROGRAMS: [(&str, &str); 8] = [
    ("curl/", "curl"),
    ("Wget/", "Wget"),
    ("PostmanRuntime/", "Postman"),
    ("python-requests/", "Python"),
    ("Python-urllib/", "Python"),
    ("Go-http-client/", "Go"),
    ("okhttp/", "OkHttp"),
    ("axios/", "axios"),
];

/// Browsers, by what their user agents contain. Most user agents also contain the names of other browsers, so the most
/// specific ones come first.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Operating systems, in the same way.
const SYSTEMS: [(&str, &str); 7] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_user_agent_is_cut_between_characters_and_loses_its_control_characters() {
        let client = ClientInfo::new(None, Some(&format!("a\r\nb{}", "é".repeat(200))));

        let kept = client.user_agent().unwrap();
        assert!(kept.starts_with("abé"));
        assert_eq!(kept.len(), 256);
    }

    #[test]
    fn a_device_is_called_what_its_user_would_call_it() {
        let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
                      Gecko) Version/18.0 Mobile/15E148 Safari/604.1";
        let edge = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) \
                    Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
        for (agent, device) in [
            (Some(firefox), Some("Firefox, Windows")),
            (Some(safari), Some("Safari, iPhone")),
            (Some(edge), Some("Edge, macOS")),
            (Some("curl/8.7.1"), Some("curl")),
            (Some("win-a-prize.evil.example:click-now"), None),
            (Some("Prize/1.0 (evil.example) Firefox/1"), Some("Firefox")),
            (Some("/"), None),
            (Some("  "), None),
            (None, None),
        ] {
            assert_eq!(ClientInfo::new(None, agent).device().as_deref(), device, "{agent:?}");
        }
    }
}
