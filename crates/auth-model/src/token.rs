//! Bearer tokens, of which only digests are stored.

use std::{fmt, marker::PhantomData};

use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

/// Marks the tokens of sessions.
#[derive(Debug, Clone, Copy)]
pub enum SessionKind {}

/// Marks the tokens of password resets.
#[derive(Debug, Clone, Copy)]
pub enum ResetKind {}

/// Marks the tokens of devices.
#[derive(Debug, Clone, Copy)]
pub enum DeviceKind {}

/// The value of a session cookie.
pub type SessionToken = Token<SessionKind>;
/// The stored digest of a [`SessionToken`].
pub type SessionTokenDigest = TokenDigest<SessionKind>;
/// The secret that allows its holder to set one new password.
pub type ResetToken = Token<ResetKind>;
/// The stored digest of a [`ResetToken`].
pub type ResetTokenDigest = TokenDigest<ResetKind>;

/// The value of a device cookie, which distinguishes the owner of an account from an attacker who guesses passwords.
pub type DeviceToken = Token<DeviceKind>;
/// The stored digest of a [`DeviceToken`].
pub type DeviceTokenDigest = TokenDigest<DeviceKind>;

/// The format of new tokens. Both have the notation of UUIDs, and both are always accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFormat {
    /// A UUID of version 4 (RFC 9562 section 5.4), which some clients insist on: 122 of its bits are random.
    Uuid4,
    /// All 128 bits are random (ASVS 7.2.3 asks for as many).
    Opaque128,
}

/// 122 or 128 random bits ([`TokenFormat`]), written as 36 characters of lower-case UUID notation.
///
/// Existing clients expect the notation. A digest of 128 random bits needs neither a salt nor a slow hash
/// (ASVS 11.5.1).
pub struct Token<K> {
    bits: Zeroizing<[u8; 16]>,
    kind: PhantomData<fn() -> K>,
}

impl<K> Token<K> {
    /// Makes a token of 16 random bytes.
    #[must_use]
    pub fn from_bits(bits: [u8; 16]) -> Self {
        Self { bits: Zeroizing::new(bits), kind: PhantomData }
    }

    /// Makes a token of a format of 16 random bytes.
    #[must_use]
    pub fn random(bits: [u8; 16], format: TokenFormat) -> Self {
        Self::from_bits(match format {
            TokenFormat::Uuid4 => uuid::Builder::from_random_bytes(bits).into_uuid().into_bytes(),
            TokenFormat::Opaque128 => bits,
        })
    }

    /// Parses a token of either format.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] unless it is exactly the 36 characters that [`Token::expose`] returns: no braces, no
    /// upper case, no surrounding text.
    pub fn parse(text: &str) -> Result<Self, InvalidToken> {
        let token = Self::from_bits(Uuid::try_parse(text).map_err(|_| InvalidToken)?.into_bytes());
        if token.expose().as_str() == text { Ok(token) } else { Err(InvalidToken) }
    }

    /// The 36 characters. They are a secret of the token's owner.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        let mut buffer = [0; 36];
        let text = Zeroizing::new(
            Uuid::from_bytes_ref(&self.bits).hyphenated().encode_lower(&mut buffer).to_owned(),
        );
        buffer.zeroize();
        text
    }

    /// The SHA-256 digest of the 36 characters, which is what the database stores.
    #[must_use]
    pub fn digest(&self) -> TokenDigest<K> {
        TokenDigest::from_bytes(Sha256::digest(self.expose().as_bytes()).into())
    }
}

impl<K> Clone for Token<K> {
    fn clone(&self) -> Self {
        Self { bits: self.bits.clone(), kind: PhantomData }
    }
}

impl<K> fmt::Debug for Token<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A text is not a token: it does not have the 36 characters of lower-case UUID notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a token")]
pub struct InvalidToken;

/// The SHA-256 digest of a token. It identifies a row and grants no access.
pub struct TokenDigest<K> {
    bytes: [u8; 32],
    kind: PhantomData<fn() -> K>,
}

impl<K> TokenDigest<K> {
    /// Takes a stored digest.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The 32 bytes, for the database.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

// Written by hand because a derive would ask the same of the marker `K`.
impl<K> Clone for TokenDigest<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for TokenDigest<K> {}

impl<K> PartialEq for TokenDigest<K> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<K> Eq for TokenDigest<K> {}

impl<K> std::hash::Hash for TokenDigest<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl<K> fmt::Debug for TokenDigest<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "00112233-4455-6677-8899-aabbccddeeff";

    #[test]
    fn a_token_is_written_and_read_as_36_characters() {
        let token = SessionToken::parse(TEXT).unwrap();

        assert_eq!(*token.expose(), TEXT);
        assert_eq!(token.digest(), SessionToken::from_bits(*token.bits).digest());
        assert_eq!(token.digest().as_bytes()[..4], [0xe3, 0x4f, 0x7b, 0x59], "sha256 of the text");
    }

    #[test]
    fn any_other_spelling_is_no_token() {
        for bad in [
            "",
            "00112233445566778899aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff}",
            "urn:uuid:00112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-AABBCCDDEEFF",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeeff0",
            " 00112233-4455-6677-8899-aabbccddeeff",
            "0011223-34455-6677-8899-aabbccddeeff",
        ] {
            assert!(SessionToken::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_token_in_the_format_of_a_uuid_is_one_of_version_4() {
        for bits in [[0; 16], [0xff; 16], [0x5a; 16]] {
            let text = SessionToken::random(bits, TokenFormat::Uuid4).expose();
            let uuid = Uuid::try_parse(&text).unwrap();
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (4, uuid::Variant::RFC4122), "{bits:?}");
            let opaque = SessionToken::random(bits, TokenFormat::Opaque128);
            assert_eq!(*opaque.bits, bits);
            for token in [text, opaque.expose()] {
                assert_eq!(SessionToken::parse(&token).unwrap().expose(), token);
            }
        }
    }

    /// asvs 11.7.2
    #[test]
    fn debug_output_shows_no_token() {
        let token = ResetToken::parse(TEXT).unwrap();

        assert_eq!(format!("{token:?} {:?}", token.digest()), "Token(..) TokenDigest(..)");
    }
}
