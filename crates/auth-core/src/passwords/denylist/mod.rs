//! The denylist: common and breached passwords, and passwords that are made of the account's address or the service's name.

mod context;
mod filter;
mod fold;
mod list;

use std::{fmt, path::Path, sync::Arc};

use auth_db::model::{Email, InvalidPassword, NewPassword};
use sha1::{Digest, Sha1};

pub use self::filter::{BREACHED_FALSE_POSITIVE_ONE_IN, BreachedBuilder, InvalidFilter};
use self::{
    context::is_made_of,
    filter::Breached,
    fold::{dense, visible},
    list::Common,
};

/// Passwords that are rejected regardless of their length: NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.4, 6.2.11, 6.2.12.
/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Denylist(Option<Arc<Lists>>);

struct Lists {
    common: Common,
    custom: Option<Custom>,
    words: Vec<String>,
}

/// A list of the operator.
enum Custom {
    List(Common),
    Breached(Breached),
}

/// Why a file can't be used as a denylist.
#[derive(Debug, thiserror::Error)]
pub enum DenylistError {
    /// It can't be read.
    #[error("can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is neither text in UTF-8 nor a filter.
    #[error("is neither a text in UTF-8 with a password on each line nor a filter that was built for this")]
    Neither,
    /// It is a filter, and damaged.
    #[error(transparent)]
    Damaged(#[from] InvalidFilter),
}

impl Denylist {
    /// Rejects nothing.
    pub const OFF: Self = Self(None);

    /// Rejects the passwords of the built-in list, and those that are made of the account's address or of `words`, such as
    /// the name of the service.
    #[must_use]
    pub fn builtin(words: impl IntoIterator<Item = String>) -> Self {
        Self::with(None, words)
    }

    /// Also rejects the passwords in a file: a text with a password on each line, or a filter of a [`BreachedBuilder`].
    ///
    /// # Errors
    ///
    /// [`DenylistError`].
    pub fn with_file(path: &Path, words: impl IntoIterator<Item = String>) -> Result<Self, DenylistError> {
        let bytes = std::fs::read(path)?;
        let custom = if Breached::is_filter(&bytes) {
            Custom::Breached(Breached::read(&bytes)?)
        } else {
            let text = String::from_utf8(bytes).map_err(|_| DenylistError::Neither)?;
            Custom::List(Common::of(&text))
        };
        Ok(Self::with(Some(custom), words))
    }

    fn with(custom: Option<Custom>, words: impl IntoIterator<Item = String>) -> Self {
        let words = words.into_iter().map(|word| visible(&word).to_string()).collect();
        Self(Some(Arc::new(Lists { common: Common::builtin(), custom, words })))
    }

    /// Checks a new password for an account.
    ///
    /// # Errors
    ///
    /// [`InvalidPassword::Common`], [`InvalidPassword::Guessable`].
    pub(crate) fn check(&self, password: &NewPassword, email: &Email) -> Result<(), InvalidPassword> {
        let Some(lists) = &self.0 else { return Ok(()) };
        let exact = password.as_password().normalized();
        let (visible, dense) = (visible(&exact), dense(&exact));
        let is_listed = match &lists.custom {
            None => false,
            Some(Custom::List(list)) => list.contains(&dense),
            // The filter has digests of passwords as typed, so the variants are looked up one by one.
            Some(Custom::Breached(filter)) => {
                [exact.as_str(), exact.trim(), &visible, visible.trim(), &dense]
                    .iter()
                    .any(|variant| filter.contains(&Sha1::digest(variant.as_bytes()).into()))
            }
        };
        if is_listed || lists.common.contains(&dense) {
            return Err(InvalidPassword::Common);
        }
        if is_made_of(&visible, email, &lists.words) {
            return Err(InvalidPassword::Guessable);
        }
        Ok(())
    }
}

/// Prints which lists are in use.
impl fmt::Display for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = match self.0.as_ref().map(|lists| &lists.custom) {
            None => "off",
            Some(None) => "builtin",
            Some(Some(Custom::List(_))) => "builtin and a list",
            Some(Some(Custom::Breached(_))) => "builtin and a filter",
        };
        f.write_str(lists)
    }
}

impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Denylist({self})")
    }
}
