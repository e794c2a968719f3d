//! Users: an address and the hash of a password.

use time::OffsetDateTime;

use crate::{
    Email, InvalidRequest, PasswordHash, UserId,
    request::{fill, split},
};

/// Somebody who registered.
#[derive(Debug, Clone)]
pub struct User {
    /// The stable name; never used for somebody else.
    pub id: UserId,
    /// The address, as typed at registration.
    pub email: Email,
    /// What is stored instead of the password.
    pub hashed_password: PasswordHash,
    /// Changes whenever the password does, and not when the same password is hashed anew: who verified a
    /// password before the change can tell that it no longer counts.
    pub credential_version: i64,
    /// Since when nobody can use the account; none while its owner can.
    pub disabled_at: Option<OffsetDateTime>,
    /// When the owner first proved to receive mail at the address; none before that.
    pub email_verified_at: Option<OffsetDateTime>,
    /// When the user registered.
    pub created_at: OffsetDateTime,
    /// When anything here last changed.
    pub updated_at: OffsetDateTime,
}

/// Which user is meant: every field that is given must match.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// The id.
    pub id: Option<UserId>,
    /// The address, compared by its canonical key.
    pub email: Option<Email>,
    /// The stored hash, compared byte for byte.
    pub hashed_password: Option<PasswordHash>,
}

impl UserFilter {
    /// The user with this address.
    #[must_use]
    pub fn by_email(email: Email) -> Self {
        Self { email: Some(email), ..Self::default() }
    }

    /// The user with this id.
    #[must_use]
    pub fn by_id(id: UserId) -> Self {
        Self { id: Some(id), ..Self::default() }
    }

    /// Whether no field is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.id.is_none() && self.email.is_none() && self.hashed_password.is_none()
    }

    /// Reads the textual form: `id=7`, `email=ada@example.org`, `hashed_password=…`.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`] for an unknown field, a value that the field can't have, a field given twice, and
    /// for no field at all.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidRequest> {
        let mut filter = Self::default();
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
}

/// What of a user is to be changed: fields that are not given stay.
#[derive(Debug, Clone, Default)]
pub struct UserChanges {
    /// A new address.
    pub email: Option<Email>,
    /// The hash of a new password.
    pub hashed_password: Option<PasswordHash>,
}

impl UserChanges {
    /// Sets the hash of a new password.
    #[must_use]
    pub fn hashed_password(hash: PasswordHash) -> Self {
        Self { hashed_password: Some(hash), ..Self::default() }
    }

    /// Reads the textual form: `email=ada@example.org`, `hashed_password=…`.
    ///
    /// # Errors
    ///
    /// [`InvalidRequest`] for an unknown field (an id can't be changed), a value that the field can't have,
    /// a field given twice, and for no field at all.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidRequest> {
        let mut changes = Self::default();
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_its_textual_form() {
        let filter =
            UserFilter::from_pairs(["id=7", "email=Ada@Example.org", "hashed_password=a=b"]).unwrap();

        assert_eq!(filter.id, Some(UserId::from_i64(7)));
        assert_eq!(filter.email.unwrap().key(), "ada@example.org");
        assert_eq!(filter.hashed_password.unwrap().expose(), "a=b");
    }

    #[test]
    fn a_textual_request_with_anything_wrong_is_refused() {
        let filter = |pairs: &[&'static str]| UserFilter::from_pairs(pairs.iter().copied()).unwrap_err();
        let changes = |pairs: &[&'static str]| UserChanges::from_pairs(pairs.iter().copied()).unwrap_err();

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
