//! What a request says: the fields of its form or JSON object.

use std::collections::HashSet;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use auth_core::model::{Email, ExposeSecret, SecretString};
use futures_util::future::LocalBoxFuture;

use crate::{
    ApiError,
    body::{Body, Content},
    form, json, multipart,
};

/// The fields of a request, each named once.
#[derive(Debug)]
pub struct Fields(Vec<(String, Value)>);

/// What a field holds.
#[derive(Debug)]
pub enum Value {
    /// A text.
    Text(SecretString),
    /// JSON's `null`: as good as nothing.
    Null,
    /// A number, a list, an object: never what a field of ours is.
    NotText,
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    NotUtf8,
    NotJson,
    NotMultipart,
    /// A part of a form is a file.
    File,
    GivenTwice,
}

impl Fields {
    /// The text of a field; none if it is missing, empty, `null` or no text.
    pub fn text(&self, name: &str) -> Option<&SecretString> {
        match self.value(name)? {
            Value::Text(text) if !text.expose_secret().is_empty() => Some(text),
            Value::Text(_) | Value::Null | Value::NotText => None,
        }
    }

    /// The address in the field `email`, with the spelling it came in, less ASCII white space around it: telephones add
    /// a space when they complete a word.
    ///
    /// # Errors
    ///
    /// A 400 that names the field.
    pub fn email(&self) -> Result<Email, ApiError> {
        let typed = self.text("email").ok_or_else(|| self.absent("email"))?;
        Email::parse(typed.expose_secret().trim_ascii()).map_err(|_| ApiError::EMAIL_INVALID)
    }

    /// What to say of a field that has no text: that it is required, or that it is something else.
    pub fn absent(&self, name: &str) -> ApiError {
        match self.value(name) {
            Some(Value::NotText) => ApiError::field(&format!("{name} must be a string")),
            Some(Value::Text(_) | Value::Null) | None => ApiError::field(&format!("{name} is required")),
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(told, _)| told == name).map(|(_, value)| value)
    }

    async fn parse(content: Content, body: &[u8]) -> Result<Self, Unreadable> {
        Self::of(match content {
            Content::Nothing => Vec::new(),
            Content::Form => form::parse(body)?,
            Content::Json => json::parse(body)?,
            Content::Multipart(boundary) => multipart::parse(body, &boundary).await?,
        })
    }

    fn of(fields: Vec<(String, Value)>) -> Result<Self, Unreadable> {
        let mut names = HashSet::with_capacity(fields.len());
        if fields.iter().all(|(name, _)| names.insert(name)) {
            Ok(Self(fields))
        } else {
            Err(Unreadable::GivenTwice)
        }
    }
}

impl FromRequest for Fields {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::read(request.headers(), payload.take());
        Box::pin(async move {
            let Body { content, bytes } = body.await?;
            match content? {
                Content::Nothing if !bytes.is_empty() => Err(ApiError::UNSUPPORTED_MEDIA_TYPE),
                content => Ok(Self::parse(content, &bytes).await?),
            }
        })
    }
}

/// The body of a call that has no fields: it may be empty whatever its type, and must be readable if it is
/// not.
#[derive(Debug)]
pub struct NoFields;

impl FromRequest for NoFields {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::read(request.headers(), payload.take());
        Box::pin(async move {
            let Body { content, bytes } = body.await?;
            if bytes.is_empty() {
                return Ok(Self);
            }
            match content? {
                Content::Nothing => Err(ApiError::UNSUPPORTED_MEDIA_TYPE),
                content => Ok(Fields::parse(content, &bytes).await.map(|_| Self)?),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<Fields, Unreadable> {
        Fields::of(form::parse(body.as_bytes())?)
    }

    fn json(body: &str) -> Result<Fields, Unreadable> {
        Fields::of(json::parse(body.as_bytes())?)
    }

    fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
        fields.text(name).map(ExposeSecret::expose_secret)
    }

    /// asvs 1.1.1: decoded once and no more.
    #[test]
    fn a_form_is_decoded_once() {
        let fields = form("email=ada%2Bnews%40example.org&password=a+b%2520&&empty=&bare&odd=%zz").unwrap();

        assert_eq!(text(&fields, "email"), Some("ada+news@example.org"));
        assert_eq!(text(&fields, "password"), Some("a b%20"));
        assert_eq!(text(&fields, "odd"), Some("%zz"));
        for absent in ["empty", "bare", "missing"] {
            assert_eq!(text(&fields, absent), None);
        }
    }

    #[test]
    fn a_json_object_is_read_like_a_form() {
        let fields = json(r#"{"email":"\u0061da","n":1,"o":{"a":[null]},"z":null,"e":""}"#).unwrap();

        assert_eq!(text(&fields, "email"), Some("ada"));
        for absent in ["n", "o", "z", "e", "missing"] {
            assert_eq!(text(&fields, absent), None);
        }
        assert_eq!(fields.absent("n").to_string(), "n must be a string");
        assert_eq!(fields.absent("z").to_string(), "z is required");
    }

    /// asvs 1.5.2, 1.5.3
    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for bad in [
            "",
            " ",
            "null",
            "[]",
            "\"a\"",
            "{",
            "{\"a\":1}x",
            "\u{feff}{}",
            "{'a':1}",
            "{\"a\":\"\\ud800\"}",
        ] {
            assert!(matches!(json(bad), Err(Unreadable::NotJson)), "{bad}");
        }
        assert!(matches!(json(r#"{"a":1,"a":1}"#), Err(Unreadable::GivenTwice)));
        assert!(matches!(json(r#"{"a":1,"\u0061":1}"#), Err(Unreadable::GivenTwice)));
        assert!(matches!(form("a=1&b=2&a=1"), Err(Unreadable::GivenTwice)));
        assert!(matches!(form("a=1&%61=1"), Err(Unreadable::GivenTwice)));
        assert!(matches!(form("a=%ff"), Err(Unreadable::NotUtf8)));
        assert!(matches!(form::parse(b"a=\xff"), Err(Unreadable::NotUtf8)));
        assert!(matches!(json::parse(b"{\"a\":\"\xff\"}"), Err(Unreadable::NotJson)));
    }

    #[test]
    fn a_value_nested_as_deep_as_a_body_can_hold_is_passed_over() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(8000), "]".repeat(8000));

        assert_eq!(text(&json(&deep).unwrap(), "a"), None);
    }

    /// asvs 16.2.5
    #[test]
    fn debug_output_shows_no_value() {
        let fields = form("password=hunter2").unwrap();

        assert!(!format!("{fields:?}").contains("hunter2"));
    }
}
