//! The textual form of filters and changes, `field=value`, which the original exercise has as keyword arguments and the
//! command line uses.

use auth_model::{Email, PasswordHash, User, UserChanges, UserFilter, UserId};
use sea_orm::ConnectionTrait;
use time::OffsetDateTime;

use crate::{DbError, users};

/// Why a textual request was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// A text has no `=`.
    #[error("expected field=value")]
    NotAPair,
    /// The field does not exist.
    #[error("unknown field `{0}`")]
    UnknownField(String),
    /// A field is given twice.
    #[error("`{0}` is given twice")]
    GivenTwice(&'static str),
    /// The value is invalid for the field.
    #[error("`{0}` is not valid")]
    InvalidValue(&'static str),
    /// No field is given.
    #[error("no field is given")]
    Empty,
}

/// Parses a filter: `id=7`, `email=ada@example.org`, `hashed_password=…`.
///
/// # Errors
///
/// [`InvalidRequest`].
pub fn user_filter<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<UserFilter, InvalidRequest> {
    let mut filter = UserFilter::default();
    for pair in pairs {
        match split(pair)? {
            ("id", value) => fill("id", &mut filter.id, value.parse().map(UserId::from_i64))?,
            ("email", value) => fill("email", &mut filter.email, Email::parse(value))?,
            ("hashed_password", value) => {
                fill("hashed_password", &mut filter.hashed_password, PasswordHash::parse(value))?;
            }
            (field, _) => return Err(InvalidRequest::UnknownField(field.to_owned())),
        }
    }
    if filter.is_empty() { Err(InvalidRequest::Empty) } else { Ok(filter) }
}

/// Parses changes: `email=ada@example.org`, `hashed_password=…`. An id can't be changed.
///
/// # Errors
///
/// [`InvalidRequest`].
pub fn user_changes<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<UserChanges, InvalidRequest> {
    let mut changes = UserChanges::default();
    for pair in pairs {
        match split(pair)? {
            ("email", value) => fill("email", &mut changes.email, Email::parse(value))?,
            ("hashed_password", value) => {
                fill("hashed_password", &mut changes.hashed_password, PasswordHash::parse(value))?;
            }
            (field, _) => return Err(InvalidRequest::UnknownField(field.to_owned())),
        }
    }
    if changes.email.is_none() && changes.hashed_password.is_none() {
        return Err(InvalidRequest::Empty);
    }
    Ok(changes)
}

/// [`users::find_user_by`] with a textual filter: `["email=ada@example.org"]`.
///
/// # Errors
///
/// [`DbError::InvalidRequest`] for an invalid filter; otherwise as [`users::find_user_by`].
pub async fn find_user_by<'a>(
    db: &impl ConnectionTrait,
    pairs: impl IntoIterator<Item = &'a str>,
) -> Result<User, DbError> {
    users::find_user_by(db, &user_filter(pairs)?).await
}

/// [`users::update_user`] with textual changes: `["hashed_password=…"]`.
///
/// # Errors
///
/// [`DbError::InvalidRequest`] for invalid changes, before anything is written; otherwise as [`users::update_user`].
pub async fn update_user<'a>(
    db: &impl ConnectionTrait,
    id: UserId,
    pairs: impl IntoIterator<Item = &'a str>,
    now: OffsetDateTime,
) -> Result<(), DbError> {
    users::update_user(db, id, &user_changes(pairs)?, now).await
}

/// Splits `field=value`. The value may contain `=`.
fn split(pair: &str) -> Result<(&str, &str), InvalidRequest> {
    pair.split_once('=').ok_or(InvalidRequest::NotAPair)
}

fn fill<T, E>(
    field: &'static str,
    target: &mut Option<T>,
    value: Result<T, E>,
) -> Result<(), InvalidRequest> {
    let value = value.map_err(|_| InvalidRequest::InvalidValue(field))?;
    match target.replace(value) {
        None => Ok(()),
        Some(_) => Err(InvalidRequest::GivenTwice(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_parsed_from_its_textual_form() {
        let filter = user_filter(["id=7", "email=Ada@Example.org", "hashed_password=a=b"]).unwrap();

        assert_eq!(filter.id, Some(UserId::from_i64(7)));
        assert_eq!(filter.email.unwrap().key().as_str(), "ada@example.org");
        assert_eq!(filter.hashed_password.unwrap().expose(), "a=b");
    }

    #[test]
    fn an_invalid_textual_request_is_rejected_with_its_reason() {
        let filter = |pairs: &[&'static str]| user_filter(pairs.iter().copied()).unwrap_err();
        let changes = |pairs: &[&'static str]| user_changes(pairs.iter().copied()).unwrap_err();

        assert_eq!(filter(&["no_email=x"]), InvalidRequest::UnknownField("no_email".into()));
        assert_eq!(filter(&["email"]), InvalidRequest::NotAPair);
        assert_eq!(filter(&["id=x"]), InvalidRequest::InvalidValue("id"));
        assert_eq!(filter(&["id=1", "id=1"]), InvalidRequest::GivenTwice("id"));
        assert_eq!(filter(&[]), InvalidRequest::Empty);
        assert_eq!(changes(&["id=8"]), InvalidRequest::UnknownField("id".into()));
        assert_eq!(changes(&["email=x"]), InvalidRequest::InvalidValue("email"));
        assert_eq!(changes(&[]), InvalidRequest::Empty);
    }
}
