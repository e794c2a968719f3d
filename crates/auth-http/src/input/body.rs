//! The body of a request: its bytes and their format.

use std::time::Duration;

use actix_web::{
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING},
    rt::time::timeout,
};
use futures_util::StreamExt;
use zeroize::Zeroizing;

use crate::Problem;

/// The maximum length of a body, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// The maximum length up to which a body that is too long is read and discarded, in bytes, so that its sender receives the
/// response instead of a broken connection.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// The timeout for a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A complete body.
pub struct Body {
    /// The format, or that it is not supported.
    pub content: Result<Content, Problem>,
    /// The bytes. They are wiped when dropped.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// The format of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Nothing,
    Form,
    Json,
    /// With the boundary between its parts.
    Multipart(String),
}

impl Content {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let encoded = headers.get_all(CONTENT_ENCODING).any(|value| value != "identity");
        let mut types = headers.get_all(CONTENT_TYPE);
        match (types.next(), types.next()) {
            _ if encoded => Err(Problem::UnsupportedMediaType),
            (None, _) => Ok(Self::Nothing),
            (Some(media_type), None) => {
                media_type.to_str().ok().and_then(Self::named).ok_or(Problem::UnsupportedMediaType)
            }
            (Some(_), Some(_)) => Err(Problem::UnsupportedMediaType),
        }
    }

    fn named(media_type: &str) -> Option<Self> {
        let (essence, parameters) = media_type.split_once(';').unwrap_or((media_type, ""));
        let charset = parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        let is_utf8 = |value: &str| ["utf-8", "utf8"].iter().any(|name| value.eq_ignore_ascii_case(name));
        if charset.is_some_and(|(_, value)| !is_utf8(value.trim().trim_matches('"'))) {
            return None;
        }
        match essence.trim().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => Some(Self::Form),
            "application/json" => Some(Self::Json),
            "multipart/form-data" => multer::parse_boundary(media_type).ok().map(Self::Multipart),
            _ => None,
        }
    }
}

impl Body {
    /// Reads a body, within limits of length and time.
    pub fn read(
        headers: &HeaderMap,
        payload: Payload,
    ) -> impl Future<Output = Result<Self, Problem>> + use<> {
        let content = Content::of(headers);
        let expected = Length::of(headers);
        async move {
            match expected {
                Length::Known(0) => return Ok(Self { content, bytes: Zeroizing::default() }),
                Length::Known(length) if length > MAX_DISCARDED => return Err(Problem::BodyTooLarge),
                Length::Known(_) | Length::Chunked => {}
            }
            let collected = timeout(BODY_TIMEOUT, collect(payload, expected)).await;
            let bytes = collected.unwrap_or(Err(Problem::BodyTooSlow))?;
            Ok(Self { content, bytes })
        }
    }
}

/// The length of a body (RFC 9112 section 6.3). Other headers are ignored: with a request for an upgrade, actix-http would
/// wait for the end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
}

impl Length {
    fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(TRANSFER_ENCODING) {
            return Self::Chunked;
        }
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self::Known(length.unwrap_or(0))
    }
}

async fn collect(mut payload: Payload, expected: Length) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut body = Zeroizing::new(Vec::new());
    let mut length = 0;
    while expected != Length::Known(length)
        && let Some(chunk) = payload.next().await
    {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => Problem::BodyTooLarge,
            _ => Problem::BodyIncomplete,
        })?;
        let chunk = match expected {
            // Bytes after the body of an upgrade are ignored.
            Length::Known(expected) => chunk.slice(..chunk.len().min(expected - length)),
            Length::Chunked => chunk,
        };
        length += chunk.len();
        if length > MAX_DISCARDED {
            return Err(Problem::BodyTooLarge);
        }
        if length <= MAX_BODY {
            if body.is_empty() {
                // Reserved once, because growing would leave copies of a password in memory.
                body.reserve_exact(MAX_BODY);
            }
            body.extend_from_slice(&chunk);
        }
    }
    if length > MAX_BODY { Err(Problem::BodyTooLarge) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_media_types_in_utf_8_are_supported() {
        assert_eq!(Content::named("application/json"), Some(Content::Json));
        assert_eq!(Content::named("Application/JSON; charset=UTF-8"), Some(Content::Json));
        assert_eq!(
            Content::named("application/x-www-form-urlencoded;charset=\"utf-8\""),
            Some(Content::Form)
        );
        assert_eq!(Content::named("application/json; charset=utf8"), Some(Content::Json));
        let multipart = Content::named("multipart/form-data; boundary=x");
        assert_eq!(multipart, Some(Content::Multipart("x".to_owned())));
        for other in [
            "",
            "text/plain",
            "multipart/form-data",
            "multipart/mixed; boundary=x",
            "application/jsonx",
            "application/problem+json",
            "application/x-www-form-urlencoded; charset=iso-8859-1",
        ] {
            assert_eq!(Content::named(other), None, "{other}");
        }
    }
}
