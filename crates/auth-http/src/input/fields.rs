//! The fields of a request, from a form or a JSON object.

use std::collections::HashSet;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use auth_core::model::{Email, ExposeSecret, SecretString};
use futures_util::future::LocalBoxFuture;

use super::{
    body::{Body, Content},
    form, json, multipart,
};
use crate::Problem;

/// A field of an endpoint's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// Whether the request must have it.
    pub required: bool,
}

impl Field {
    pub(crate) const fn required(name: &'static str) -> Self {
        Self { name, required: true }
    }

    pub(crate) const fn optional(name: &'static str) -> Self {
        Self { name, required: false }
    }
}

/// The typed body of a request.
pub trait RequestBody: Sized {
    /// The fields that it has.
    const FIELDS: &'static [Field];

    /// Parses the fields.
    ///
    /// # Errors
    ///
    /// The [`Problem`] of the first field that has one.
    fn parse(fields: &Fields) -> Result<Self, Problem>;
}

/// The fields of a request. Each name occurs once.
#[derive(Debug)]
pub struct Fields(Vec<(String, Value)>);

/// The value of a field.
#[derive(Debug)]
pub enum Value {
    Text(SecretString),
    /// JSON's `null`, which is treated as missing.
    Null,
    /// A number, a list or an object, which no field accepts.
    NotText,
}

/// Why a body could not be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    NotUtf8,
    NotJson,
    NotMultipart,
    /// A part of a form is a file.
    File,
    GivenTwice,
}

impl From<Unreadable> for Problem {
    fn from(cause: Unreadable) -> Self {
        match cause {
            Unreadable::NotUtf8 => Self::BodyNotUtf8,
            Unreadable::NotJson => Self::BodyNotJson,
            Unreadable::NotMultipart => Self::BodyNotMultipart,
            Unreadable::File => Self::FieldIsFile,
            Unreadable::GivenTwice => Self::FieldGivenTwice,
        }
    }
}

impl Fields {
    /// The text of a field; none if it is missing, empty, `null` or not a string.
    pub fn text(&self, name: &str) -> Option<&SecretString> {
        match self.value(name)? {
            Value::Text(text) if !text.expose_secret().is_empty() => Some(text),
            Value::Text(_) | Value::Null | Value::NotText => None,
        }
    }

    /// The text of a required field.
    ///
    /// # Errors
    ///
    /// [`Problem::FieldMissing`], [`Problem::FieldNotString`].
    pub fn required(&self, name: &'static str) -> Result<&SecretString, Problem> {
        self.text(name).ok_or_else(|| self.absent(name))
    }

    /// The address in the field `email`, without surrounding ASCII white space: phones add a space after a completed word.
    ///
    /// # Errors
    ///
    /// [`Problem::EmailInvalid`], or as [`Fields::required`].
    pub fn email(&self) -> Result<Email, Problem> {
        let typed = self.required("email")?.expose_secret();
        Email::parse(typed.trim_ascii()).map_err(|_| Problem::EmailInvalid)
    }

    /// The problem of a required field without text.
    pub fn absent(&self, field: &'static str) -> Problem {
        match self.value(field) {
            Some(Value::NotText) => Problem::FieldNotString { field },
            Some(Value::Text(_) | Value::Null) | None => Problem::FieldMissing { field },
        }
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value)
    }

    async fn of(Body { content, bytes }: Body) -> Result<Self, Problem> {
        match content? {
            Content::Nothing if !bytes.is_empty() => Err(Problem::UnsupportedMediaType),
            content => Ok(Self::parse(content, &bytes).await?),
        }
    }

    async fn parse(content: Content, body: &[u8]) -> Result<Self, Unreadable> {
        Self::new(match content {
            Content::Nothing => Vec::new(),
            Content::Form => form::parse(body)?,
            Content::Json => json::parse(body)?,
            Content::Multipart(boundary) => multipart::parse(body, &boundary).await?,
        })
    }

    fn new(fields: Vec<(String, Value)>) -> Result<Self, Unreadable> {
        let mut names = HashSet::with_capacity(fields.len());
        if fields.iter().all(|(name, _)| names.insert(name)) {
            Ok(Self(fields))
        } else {
            Err(Unreadable::GivenTwice)
        }
    }
}

impl FromRequest for Fields {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::read(request.headers(), payload.take());
        Box::pin(async move { Self::of(body.await?).await })
    }
}

/// The body of a request without fields. It may be empty regardless of its media type; otherwise it must be readable.
#[derive(Debug)]
pub struct NoFields;

impl FromRequest for NoFields {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::read(request.headers(), payload.take());
        Box::pin(async move {
            let body = body.await?;
            if !body.bytes.is_empty() {
                Fields::of(body).await?;
            }
            Ok(Self)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &str) -> Result<Fields, Unreadable> {
        Fields::new(form::parse(body.as_bytes())?)
    }

    fn json(body: &str) -> Result<Fields, Unreadable> {
        Fields::new(json::parse(body.as_bytes())?)
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
    fn a_json_object_has_fields_like_a_form() {
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
    fn ambiguous_bodies_are_rejected() {
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
    fn a_deeply_nested_value_is_ignored() {
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
