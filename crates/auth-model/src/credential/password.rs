//! Passwords to verify, new passwords, and the policy for new ones.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// The longest password, in bytes of UTF-8 as typed (at least 256 code points of any script, ASVS 6.2.9).
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// A password to be verified against a stored hash.
///
/// What is hashed is its NFC form and nothing else is changed: no trimming, no case folding, no cutting
/// (NIST SP 800-63B-4 section 3.1.1.2, RFC 8265 section 4.2).
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Parses a password as typed. The policy for new passwords does not apply.
    ///
    /// # Errors
    ///
    /// [`InvalidPassword::Missing`] or [`InvalidPassword::TooLong`].
    pub fn parse(typed: SecretString) -> Result<Self, InvalidPassword> {
        match typed.expose_secret().len() {
            0 => Err(InvalidPassword::Missing),
            1..=MAX_PASSWORD_BYTES => Ok(Self(typed)),
            _ => Err(InvalidPassword::TooLong),
        }
    }

    /// The password in Unicode normalisation form C: what is hashed.
    #[must_use]
    pub fn normalized(&self) -> Zeroizing<String> {
        let typed = self.0.expose_secret();
        if typed.is_ascii() {
            return Zeroizing::new(typed.to_owned());
        }
        // NFC at most triples a text (UAX 15, section 9): reserved at once, so that growing leaves no copy.
        let mut normal = Zeroizing::new(String::with_capacity(typed.len() * 3));
        normal.extend(typed.nfc());
        normal
    }

    /// The password as typed, which other systems may have hashed.
    #[must_use]
    pub fn as_typed(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The policy for new passwords, in addition to [`MAX_PASSWORD_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The minimum number of Unicode code points, counted in NFC. At least 1.
    ///
    /// NIST SP 800-63B-4 section 3.1.1.2 requires 15 where the password is the only factor.
    pub min_code_points: usize,
}

/// A new password that satisfies the policy.
#[derive(Clone)]
pub struct NewPassword(Password);

impl NewPassword {
    /// Parses a password as typed, and checks it against the policy.
    ///
    /// # Errors
    ///
    /// [`InvalidPassword`], which names the violated rule.
    pub fn parse(typed: SecretString, policy: &PasswordPolicy) -> Result<Self, InvalidPassword> {
        let password = Password::parse(typed)?;
        if password.normalized().chars().count() < policy.min_code_points {
            return Err(InvalidPassword::TooShort { min_code_points: policy.min_code_points });
        }
        Ok(Self(password))
    }

    /// The password, for the hasher.
    #[must_use]
    pub const fn as_password(&self) -> &Password {
        &self.0
    }
}

impl fmt::Debug for NewPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NewPassword(..)")
    }
}

/// Why a password was rejected. It contains nothing of the password itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPassword {
    /// It is missing or empty.
    #[error("is required")]
    Missing,
    /// It has fewer code points than the policy requires.
    #[error("must have at least {min_code_points} characters")]
    TooShort {
        /// The minimum of the policy.
        min_code_points: usize,
    },
    /// It has more than [`MAX_PASSWORD_BYTES`].
    #[error("must have at most {MAX_PASSWORD_BYTES} bytes")]
    TooLong,
    /// It is on the denylist of common and breached passwords.
    #[error("is too common, choose another one")]
    Common,
    /// It is too similar to the account's address or the name of the service.
    #[error("is too close to the email address or the name of this service")]
    Guessable,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(text: &str, min_code_points: usize) -> Result<NewPassword, InvalidPassword> {
        NewPassword::parse(text.into(), &PasswordPolicy { min_code_points })
    }

    /// asvs 6.2.1, 6.2.5: code points are counted, of any kind, and not bytes.
    #[test]
    fn the_minimum_counts_code_points_after_normalisation() {
        assert!(new("b4l0u", 1).is_ok());
        assert!(new("aaaaaaa", 8).is_err());
        assert!(new("aaaaaaaa", 8).is_ok());
        assert!(new("💩💩💩💩💩💩💩💩", 8).is_ok());
        assert!(new("e\u{301}e\u{301}e\u{301}e\u{301}", 8).is_err(), "four letters once composed");
        assert_eq!(new("", 1).unwrap_err(), InvalidPassword::Missing);
    }

    /// asvs 6.2.9
    #[test]
    fn the_maximum_is_1024_bytes() {
        assert!(new(&"💩".repeat(256), 15).is_ok());
        assert_eq!(new(&"a".repeat(1025), 15).unwrap_err(), InvalidPassword::TooLong);
    }

    /// asvs 6.2.8: normalised to NFC and otherwise taken as it is.
    #[test]
    fn passwords_are_compared_in_nfc_and_otherwise_unchanged() {
        let normal = |text: &str| Password::parse(text.into()).unwrap().normalized();

        assert_eq!(normal("caf\u{e9}"), normal("cafe\u{301}"));
        assert_ne!(normal("cafe"), normal(" cafe"));
        assert_ne!(normal("cafe"), normal("Cafe"));
        assert_ne!(normal("ﬁ"), normal("fi"), "no compatibility folding");
    }

    /// asvs 11.7.2
    #[test]
    fn debug_output_shows_no_password() {
        let password = new("hunter2", 1).unwrap();

        assert_eq!(format!("{password:?} {:?}", password.as_password()), "NewPassword(..) Password(..)");
    }
}
