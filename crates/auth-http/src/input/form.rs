//! `application/x-www-form-urlencoded`, parsed strictly.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use zeroize::Zeroizing;

use super::fields::{Unreadable, Value};

/// Parses the fields of a form. Invalid UTF-8 is an error: replacement characters would make two passwords equal.
pub fn parse(body: &[u8]) -> Result<Vec<(String, Value)>, Unreadable> {
    body.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            Ok((name.into_owned(), Value::Text(value.into_owned().into())))
        })
        .collect()
}

/// Percent-decodes once.
fn decode(encoded: &[u8]) -> Result<Cow<'static, str>, Unreadable> {
    let spaced: Zeroizing<Vec<u8>> =
        Zeroizing::new(encoded.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect());
    let decoded = percent_decode(&spaced).decode_utf8().map_err(|_| Unreadable::NotUtf8)?;
    Ok(Cow::Owned(decoded.into_owned()))
}
