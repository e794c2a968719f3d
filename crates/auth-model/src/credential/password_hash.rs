//! Stored password hashes.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The maximum length of a stored hash, in bytes. The longest that this project makes has 97 bytes; the longest known
/// format of other systems stays below 200.
pub const MAX_PASSWORD_HASH_BYTES: usize = 512;

/// A password hash as it is stored: a crypt or PHC string such as `$2b$12$…`.
///
/// The hasher in `auth-core` knows the schemes. Here it is a line of printable ASCII.
#[derive(Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Parses a hash as a hasher wrote it.
    ///
    /// # Errors
    ///
    /// [`InvalidPasswordHash`] if it is empty, longer than [`MAX_PASSWORD_HASH_BYTES`], or has a character
    /// that is not printable ASCII.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidPasswordHash> {
        let text = SecretString::from(text.into());
        let bytes = text.expose_secret().as_bytes();
        let fits = (1..=MAX_PASSWORD_HASH_BYTES).contains(&bytes.len());
        if fits && bytes.iter().all(u8::is_ascii_graphic) { Ok(Self(text)) } else { Err(InvalidPasswordHash) }
    }

    /// The stored text, for the hasher and the database only.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// A text is not a stored password hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a password hash: 1 to {MAX_PASSWORD_HASH_BYTES} printable ASCII characters")]
pub struct InvalidPasswordHash;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_a_line_of_printable_ascii_and_hides_in_debug_output() {
        let hash = PasswordHash::parse("$2b$04$abcdefghijklmnopqrstuu").unwrap();

        assert_eq!(hash.expose(), "$2b$04$abcdefghijklmnopqrstuu");
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
        for bad in ["", "a b", "a\n", "é", &"x".repeat(513)] {
            assert!(PasswordHash::parse(bad).is_err(), "{bad:?}");
        }
    }
}
