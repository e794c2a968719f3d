//! `multipart/form-data` (RFC 7578), which `FormData` in browsers and some clients send.

use std::convert::Infallible;

use actix_web::web::Bytes;
use futures_util::stream;
use multer::{Field, Multipart};

use super::fields::{Unreadable, Value};

/// Parses the fields of a form, each a part with text. A file is rejected, because no field is one.
pub async fn parse(body: &[u8], boundary: &str) -> Result<Vec<(String, Value)>, Unreadable> {
    let whole = Bytes::copy_from_slice(body);
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(whole)]), boundary);
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|_| Unreadable::NotMultipart)? {
        if is_file(&part) {
            return Err(Unreadable::File);
        }
        let name = part.name().ok_or(Unreadable::NotMultipart)?.to_owned();
        let bytes = part.bytes().await.map_err(|_| Unreadable::NotMultipart)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Unreadable::NotUtf8)?;
        fields.push((name, Value::Text(text.into())));
    }
    Ok(fields)
}

/// `filename*` is not allowed in forms (RFC 7578 section 4.2), and the parser does not read it.
fn is_file(part: &Field<'_>) -> bool {
    let disposition =
        part.headers().get("content-disposition").map(|value| value.as_bytes().to_ascii_lowercase());
    let is_extended = |text: Vec<u8>| text.windows(9).any(|word| word == b"filename*");
    part.file_name().is_some() || disposition.is_some_and(is_extended)
}

#[cfg(test)]
mod tests {
    use actix_web::rt::System;
    use auth_core::model::ExposeSecret;

    use super::*;

    fn parsed(body: &str) -> Result<Vec<(String, String)>, Unreadable> {
        let fields = System::new().block_on(parse(body.replace('\n', "\r\n").as_bytes(), "xyz"))?;
        let shown = |(name, value)| match value {
            Value::Text(text) => (name, text.expose_secret().to_owned()),
            other => panic!("{other:?}"),
        };
        Ok(fields.into_iter().map(shown).collect())
    }

    #[test]
    fn parts_are_fields() {
        let fields = parsed(
            "--xyz\nContent-Disposition: form-data; name=\"email\"\n\nada@example.org\n\
             --xyz\nContent-Disposition: form-data; name=\"password\"\nContent-Type: text/plain; charset=utf-8\n\n two\n\
             lines &=%41 é\n--xyz--\n",
        );
        let expected = [("email", "ada@example.org"), ("password", " two\r\nlines &=%41 é")];
        assert_eq!(fields.unwrap(), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn a_file_is_rejected() {
        let disposition = "Content-Disposition: form-data; name=\"password\"; filename";
        for name in ["=\"a.txt\"", "=\"\"", "*=UTF-8''a.txt"] {
            let body = format!("--xyz\n{disposition}{name}\n\nx\n--xyz--\n");
            assert!(matches!(parsed(&body), Err(Unreadable::File)), "{name}");
        }
    }

    #[test]
    fn a_truncated_form_or_a_part_without_a_name_is_rejected() {
        let part = "--xyz\nContent-Disposition: form-data; name=\"a\"\n\nx\n";
        for bad in [
            "",
            "a=b",
            part,
            "--xyz\nContent-Disposition: form-data\n\nx\n--xyz--\n",
            "--xyz\n\nx\n--xyz--\n",
            "--abc\nContent-Disposition: form-data; name=\"a\"\n\nx\n--abc--\n",
        ] {
            assert!(matches!(parsed(bad), Err(Unreadable::NotMultipart)), "{bad:?}");
        }
    }
}
