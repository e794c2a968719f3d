//! Passwords that are refused because others have them, or because they are made of what is known of the account.

mod context;
mod filter;
mod fold;
mod list;

use std::{fmt, path::Path, sync::Arc};

use auth_db::model::{Email, InvalidPassword, NewPassword};
use sha1::{Digest, Sha1};

pub use self::filter::{BREACHED_MISTAKES_ONE_IN, BreachedBuilder, InvalidFilter};
use self::{
    context::is_made_of,
    filter::Breached,
    fold::{dense, visible},
    list::Common,
};

/// Passwords that are refused, however long they are: NIST SP 800-63B-4 section 3.1.1.2, ASVS 6.2.4, 6.2.11,
/// 6.2.12. Cheap to clone.
#[derive(Clone, Default)]
pub struct Denylist(Option<Arc<Refused>>);

struct Refused {
    common: Common,
    own: Option<Own>,
    words: Vec<String>,
}

/// What an operator brought.
enum Own {
    List(Common),
    Breached(Breached),
}

/// Why a file is no list of passwords.
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
    /// Refuses nothing.
    pub const OFF: Self = Self(None);

    /// Refuses what is on the list that comes with this crate, and what is made of the account's address or of
    /// `words`: the names of the service.
    #[must_use]
    pub fn builtin(words: impl IntoIterator<Item = String>) -> Self {
        Self::with(None, words)
    }

    /// The same, and what is in a file: a text with a password on each line, or a filter that a [`BreachedBuilder`]
    /// made.
    ///
    /// # Errors
    ///
    /// [`DenylistError`].
    pub fn with_file(path: &Path, words: impl IntoIterator<Item = String>) -> Result<Self, DenylistError> {
        let bytes = std::fs::read(path)?;
        let own = if Breached::is_one(&bytes) {
            Own::Breached(Breached::read(&bytes)?)
        } else {
            let text = String::from_utf8(bytes).map_err(|_| DenylistError::Neither)?;
            Own::List(Common::of(&text))
        };
        Ok(Self::with(Some(own), words))
    }

    fn with(own: Option<Own>, words: impl IntoIterator<Item = String>) -> Self {
        let words = words.into_iter().map(|word| visible(&word).to_string()).collect();
        Self(Some(Arc::new(Refused { common: Common::builtin(), own, words })))
    }

    /// Whether a new password of this account is not refused.
    ///
    /// # Errors
    ///
    /// [`InvalidPassword::Common`], [`InvalidPassword::Guessable`].
    pub(crate) fn admit(&self, password: &NewPassword, email: &Email) -> Result<(), InvalidPassword> {
        let Some(refused) = &self.0 else { return Ok(()) };
        let exact = password.as_password().normalized();
        let (visible, dense) = (visible(&exact), dense(&exact));
        let is_own = match &refused.own {
            None => false,
            Some(Own::List(list)) => list.holds(&dense),
            // It holds digests of what people typed: exactly this, or what this was varied from.
            Some(Own::Breached(filter)) => [exact.as_str(), exact.trim(), &visible, visible.trim(), &dense]
                .iter()
                .any(|variant| filter.holds(&Sha1::digest(variant.as_bytes()).into())),
        };
        if is_own || refused.common.holds(&dense) {
            return Err(InvalidPassword::Common);
        }
        if is_made_of(&visible, email, &refused.words) {
            return Err(InvalidPassword::Guessable);
        }
        Ok(())
    }
}

/// Which lists are in force, in words for an operator.
impl fmt::Display for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = match self.0.as_ref().map(|refused| &refused.own) {
            None => "off",
            Some(None) => "builtin",
            Some(Some(Own::List(_))) => "builtin and a list",
            Some(Some(Own::Breached(_))) => "builtin and a filter",
        };
        f.write_str(lists)
    }
}

impl fmt::Debug for Denylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Denylist({self})")
    }
}
