//! Origins: scheme, host and port.

use url::Url;

/// The scheme, host and port of a page, as browsers send them in `Origin` (RFC 6454 section 6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin of an `http` or `https` URL.
    ///
    /// # Errors
    ///
    /// [`InvalidOrigin`] for another scheme, or a malformed URL.
    pub fn of_url(url: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(url).map_err(|_| InvalidOrigin)?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none_or(str::is_empty) {
            return Err(InvalidOrigin);
        }
        Ok(Self(url.origin().ascii_serialization()))
    }

    /// The origin of a request's own scheme and `Host`.
    pub(crate) fn of_request(scheme: &str, host: &str) -> Option<Self> {
        let authority_only = !host.contains(['/', '?', '#', '@', '\\']);
        authority_only.then(|| Self::of_url(&format!("{scheme}://{host}")).ok()).flatten()
    }

    /// The form that browsers send: `https://example.org`, `http://localhost:5000`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text has no web origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an http or https URL")]
pub struct InvalidOrigin;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_the_form_that_browsers_send() {
        for (url, origin) in [
            ("https://Example.org/path?query", "https://example.org"),
            ("https://example.org:443", "https://example.org"),
            ("http://localhost:5000", "http://localhost:5000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("http://[::1]:80/", "http://[::1]"),
        ] {
            assert_eq!(Origin::of_url(url).unwrap().as_str(), origin);
        }
        for bad in ["", "example.org", "ftp://example.org", "file:///etc", "null", "https://"] {
            assert_eq!(Origin::of_url(bad), Err(InvalidOrigin), "{bad}");
        }
    }

    #[test]
    fn a_host_header_contains_only_a_host() {
        assert_eq!(Origin::of_request("http", "a.example:81").unwrap().as_str(), "http://a.example:81");
        for bad in ["a.example/b", "b@a.example", "a.example?x", "a.example#x", ""] {
            assert_eq!(Origin::of_request("http", bad), None, "{bad}");
        }
    }
}
