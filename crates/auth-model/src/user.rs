//! Users: an address and the hash of a password.

use time::OffsetDateTime;

use crate::{Email, PasswordHash, UserId};

/// A registered user.
#[derive(Debug, Clone)]
pub struct User {
    /// The id, which is never reused.
    pub id: UserId,
    /// The address, as typed at registration.
    pub email: Email,
    /// The hash of the password.
    pub hashed_password: PasswordHash,
    /// Incremented when the password changes, and not when the same password is hashed again. A transaction that
    /// relies on a verified password checks that this number is unchanged.
    pub credential_version: i64,
    /// The instant at which an administrator disabled the account; none if it is enabled.
    pub disabled_at: Option<OffsetDateTime>,
    /// The instant at which the owner first proved to receive emails at the address; none before that.
    pub email_verified_at: Option<OffsetDateTime>,
    /// The instant of registration.
    pub created_at: OffsetDateTime,
    /// The instant of the last change.
    pub updated_at: OffsetDateTime,
}

/// Selects a user: every field that is given must match.
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
    /// Selects the user with this address.
    #[must_use]
    pub fn by_email(email: Email) -> Self {
        Self { email: Some(email), ..Self::default() }
    }

    /// Selects the user with this id.
    #[must_use]
    pub fn by_id(id: UserId) -> Self {
        Self { id: Some(id), ..Self::default() }
    }

    /// Whether no field is given.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.id.is_none() && self.email.is_none() && self.hashed_password.is_none()
    }
}

/// Changes to a user. Fields that are not given keep their values.
#[derive(Debug, Clone, Default)]
pub struct UserChanges {
    /// The new address.
    pub email: Option<Email>,
    /// The hash of the new password.
    pub hashed_password: Option<PasswordHash>,
}

impl UserChanges {
    /// Sets the hash of a new password.
    #[must_use]
    pub fn hashed_password(hash: PasswordHash) -> Self {
        Self { hashed_password: Some(hash), ..Self::default() }
    }
}
