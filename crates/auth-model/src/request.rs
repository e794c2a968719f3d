//! The textual form of filters and changes: `field=value`, for command lines.

/// A textual request names a field that does not exist, or gives it a value it can't have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The text has no `=`.
    #[error("expected field=value")]
    NotAPair,
    /// There is no such field.
    #[error("unknown field `{0}`")]
    UnknownField(String),
    /// A field that can be given only once was given again.
    #[error("`{0}` is given twice")]
    GivenTwice(&'static str),
    /// The field can't have this value.
    #[error("`{0}` is not valid")]
    InvalidValue(&'static str),
    /// Nothing at all was asked for.
    #[error("no field is given")]
    Empty,
}

/// Splits `field=value`; the value may contain further `=`.
pub(crate) fn split(pair: &str) -> Result<(&str, &str), InvalidRequest> {
    pair.split_once('=').ok_or(InvalidRequest::NotAPair)
}

/// Fills a field that may be given once.
pub(crate) fn fill<T, E>(
    field: &'static str,
    slot: &mut Option<T>,
    value: Result<T, E>,
) -> Result<(), InvalidRequest> {
    let value = value.map_err(|_| InvalidRequest::InvalidValue(field))?;
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(InvalidRequest::GivenTwice(field)),
    }
}
