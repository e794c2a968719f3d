//! Email addresses: as typed, and as compared.

use std::fmt;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

/// The maximum length of a local part, in bytes (RFC 5321 section 4.5.3.1.1).
pub const MAX_LOCAL_PART_BYTES: usize = 64;

/// The maximum length of an address, typed and canonical, in bytes (RFC 5321 section 4.5.3.1.3, without the angle
/// brackets).
pub const MAX_EMAIL_BYTES: usize = 254;

/// A well-formed email address.
///
/// It consists of the address as typed, which its owner reads and to which emails are sent, and of a canonical key, by
/// which addresses are compared. Two spellings of one address have the same key:
///
/// - the local part is an ASCII dot-atom (RFC 5322) of at most 64 bytes, in lower case; tags and dots are kept;
/// - the domain is converted by UTS 46 (non-transitional) to lower-case A-labels; one trailing dot is removed.
///
/// Every other text is rejected, including surrounding space. `Debug` output has no content, because addresses do not
/// belong in logs.
#[derive(Clone)]
pub struct Email {
    typed: String,
    key: EmailKey,
}

/// The canonical form of an address: equal for all spellings of it, compared byte for byte.
///
/// `Debug` output has no content.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailKey(String);

impl EmailKey {
    /// Takes a key that is stored. It was made by [`Email::parse`].
    #[must_use]
    pub const fn from_stored(key: String) -> Self {
        Self(key)
    }

    /// The text of the key, for the database and for digests.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailKey(..)")
    }
}

impl Email {
    /// Parses an address as typed.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`] unless it is well-formed as described above.
    pub fn parse(typed: &str) -> Result<Self, InvalidEmail> {
        let email = Self::parse_stored(typed)?;
        let local = email.typed.split('@').next().unwrap_or_default();
        if local.len() <= MAX_LOCAL_PART_BYTES { Ok(email) } else { Err(InvalidEmail) }
    }

    /// Parses a stored address. Its local part may exceed [`MAX_LOCAL_PART_BYTES`], because earlier versions accepted
    /// that.
    ///
    /// # Errors
    ///
    /// [`InvalidEmail`] unless it is well-formed as described above.
    pub fn parse_stored(typed: &str) -> Result<Self, InvalidEmail> {
        if typed.len() > MAX_EMAIL_BYTES {
            return Err(InvalidEmail);
        }
        let (local, domain) = typed.split_once('@').ok_or(InvalidEmail)?;
        if !is_dot_atom(local) {
            return Err(InvalidEmail);
        }
        let domain = canonical_domain(domain)?;
        let key = format!("{}@{domain}", local.to_ascii_lowercase());
        if key.len() > MAX_EMAIL_BYTES {
            return Err(InvalidEmail);
        }
        Ok(Self { typed: typed.to_owned(), key: EmailKey(key) })
    }

    /// The address as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.typed
    }

    /// The canonical key.
    #[must_use]
    pub const fn key(&self) -> &EmailKey {
        &self.key
    }
}

/// Prints the address as typed.
impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.typed)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// A text is not an acceptable email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid e-mail address")]
pub struct InvalidEmail;

/// RFC 5322 section 3.2.3: sequences of `atext`, joined by single dots.
fn is_dot_atom(local: &str) -> bool {
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || is_atext_symbol(b)))
}

fn is_atext_symbol(byte: u8) -> bool {
    b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

fn canonical_domain(domain: &str) -> Result<String, InvalidEmail> {
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::CheckFirstLast,
            DnsLength::VerifyAllowRootDot,
        )
        .map_err(|_| InvalidEmail)?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    if name.is_empty() { Err(InvalidEmail) } else { Ok(name.to_owned()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(typed: &str) -> String {
        Email::parse(typed).unwrap().key().as_str().to_owned()
    }

    #[test]
    fn all_spellings_of_an_address_have_one_key() {
        for spelling in
            ["ada@bücher.example", "ADA@BÜCHER.EXAMPLE", "Ada@xn--bcher-kva.example", "ada@bücher.example."]
        {
            assert_eq!(key(spelling), "ada@xn--bcher-kva.example", "{spelling}");
        }
        assert_eq!(key("bob@ex\u{ad}ample。org"), "bob@example.org");
    }

    #[test]
    fn an_address_prints_as_typed_and_hides_in_debug_output() {
        let email = Email::parse("Ada@Example.ORG.").unwrap();

        assert_eq!(email.to_string(), "Ada@Example.ORG.");
        assert!(!format!("{email:?}").to_lowercase().contains("ada"));
    }

    #[test]
    fn tags_dots_and_ss_stay_distinct() {
        assert_ne!(key("ada+news@example.org"), key("ada@example.org"));
        assert_ne!(key("a.da@example.org"), key("ada@example.org"));
        assert_ne!(key("ada@straße.example"), key("ada@strasse.example"));
    }

    /// CVE-2019-19844: a dotless i must not become an i. asvs 1.3.11: nothing that could split a header.
    #[test]
    fn malformed_addresses_are_rejected() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@@example.org",
            "a@b@example.org",
            " ada@example.org",
            "ada@example.org ",
            "ada @example.org",
            "ada@exa mple.org",
            "ada.@example.org",
            ".ada@example.org",
            "a..da@example.org",
            "\"ada\"@example.org",
            "ada@[127.0.0.1]",
            "ada@.example.org",
            "ada@example..org",
            "ada@example.org..",
            "ada@.",
            "ada@-example.org",
            "ada@exam_ple.org",
            "ada\r\n@example.org",
            "ada@example.org\0",
            "mıke@example.org",
            "ädä@example.org",
            "ada(x)@example.org",
            "ada@example.org\n",
            &long_local,
        ] {
            assert!(Email::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_length_limit_is_254_bytes_typed_and_canonical() {
        let labels = |last: usize| format!("{0}.{0}.{1}", "b".repeat(63), "c".repeat(last));
        let longest = format!("{}@{}", "a".repeat(64), labels(61));
        assert_eq!(longest.len(), 254);
        assert!(Email::parse(&longest).is_ok());
        assert!(Email::parse(&format!("{}@{}", "a".repeat(64), labels(62))).is_err());

        let grows = format!("{}@bücher.{}", "a".repeat(64), labels(53));
        assert!(grows.len() <= MAX_EMAIL_BYTES);
        assert!(Email::parse(&grows).is_err(), "its canonical form is longer than 254 bytes");
    }

    /// RFC 5321 section 4.5.3.1.1. Earlier versions stored longer ones.
    #[test]
    fn a_local_part_has_64_bytes_at_most() {
        let with_local = |length: usize| format!("{}@example.org", "a".repeat(length));

        assert!(Email::parse(&with_local(64)).is_ok());
        assert!(Email::parse(&with_local(65)).is_err());
        assert_eq!(Email::parse_stored(&with_local(242)).unwrap().as_str(), with_local(242));
        assert!(Email::parse_stored(&with_local(243)).is_err());
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(typed in "[a-zA-Z0-9.+_-]{1,12}@\\PC{1,24}") {
            if let Ok(email) = Email::parse(&typed) {
                let again = Email::parse(email.key().as_str()).expect("a key is an address");
                prop_assert_eq!(again.key(), email.key());
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(typed in "\\PC{0,300}") {
            let _ = Email::parse(&typed);
        }
    }
}
