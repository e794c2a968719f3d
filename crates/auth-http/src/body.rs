//! The body of a request: its bytes, and how they are written.

use std::time::Duration;

use actix_web::{
    dev::Payload,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING},
    rt::time::timeout,
};
use futures_util::StreamExt;
use zeroize::Zeroizing;

use crate::ApiError;

/// The longest body, in bytes.
const MAX_BODY: usize = 16 * 1024;

/// How much of a body that is too long is read and thrown away, in bytes, so that its sender gets to read
/// the refusal instead of a broken connection.
const MAX_DISCARDED: usize = 4 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A body that was read.
pub struct Body {
    /// How it is written, or that it is in a way that is not supported.
    pub content: Result<Content, ApiError>,
    /// The bytes. Wiped when dropped.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// How a body is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Nothing,
    Form,
    Json,
    /// With the boundary of its parts.
    Multipart(String),
}

impl Content {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let encoded = headers.get_all(CONTENT_ENCODING).any(|value| value != "identity");
        let mut types = headers.get_all(CONTENT_TYPE);
        match (types.next(), types.next()) {
            _ if encoded => Err(ApiError::UNSUPPORTED_MEDIA_TYPE),
            (None, _) => Ok(Self::Nothing),
            (Some(told), None) => {
                told.to_str().ok().and_then(Self::named).ok_or(ApiError::UNSUPPORTED_MEDIA_TYPE)
            }
            (Some(_), Some(_)) => Err(ApiError::UNSUPPORTED_MEDIA_TYPE),
        }
    }

    fn named(media_type: &str) -> Option<Self> {
        let (essence, parameters) = media_type.split_once(';').unwrap_or((media_type, ""));
        let charset = parameters
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        let is_utf8 = |told: &str| ["utf-8", "utf8"].iter().any(|name| told.eq_ignore_ascii_case(name));
        if charset.is_some_and(|(_, told)| !is_utf8(told.trim().trim_matches('"'))) {
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
    /// Reads a body, within bounds of length and time.
    pub fn read(
        headers: &HeaderMap,
        payload: Payload,
    ) -> impl Future<Output = Result<Self, ApiError>> + use<> {
        let content = Content::of(headers);
        let expected = Length::of(headers);
        async move {
            match expected {
                Length::Known(0) => return Ok(Self { content, bytes: Zeroizing::default() }),
                Length::Known(length) if length > MAX_DISCARDED => return Err(ApiError::TOO_LARGE),
                Length::Known(_) | Length::Chunked => {}
            }
            let collected = timeout(BODY_TIMEOUT, collect(payload, expected)).await;
            let bytes = collected.unwrap_or(Err(ApiError::TOO_SLOW))?;
            Ok(Self { content, bytes })
        }
    }
}

/// Where a body ends (RFC 9112 section 6.3). No other header has a say in it: one that asks for an upgrade makes
/// actix-http wait for the end of the connection.
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

async fn collect(mut payload: Payload, expected: Length) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let mut body = Zeroizing::new(Vec::new());
    let mut length = 0;
    while expected != Length::Known(length)
        && let Some(chunk) = payload.next().await
    {
        let chunk = chunk.map_err(|error| match error {
            PayloadError::Overflow => ApiError::TOO_LARGE,
            _ => ApiError::BODY_INCOMPLETE,
        })?;
        let chunk = match expected {
            // What comes after the body of an upgrade belongs to nobody.
            Length::Known(expected) => chunk.slice(..chunk.len().min(expected - length)),
            Length::Chunked => chunk,
        };
        length += chunk.len();
        if length > MAX_DISCARDED {
            return Err(ApiError::TOO_LARGE);
        }
        if length <= MAX_BODY {
            if body.is_empty() {
                // At once, so that growing leaves no copies of a password behind.
                body.reserve_exact(MAX_BODY);
            }
            body.extend_from_slice(&chunk);
        }
    }
    if length > MAX_BODY { Err(ApiError::TOO_LARGE) } else { Ok(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_three_types_in_utf_8_are_supported() {
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
