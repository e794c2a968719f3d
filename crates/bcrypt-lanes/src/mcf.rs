//! Bcrypt hashes as they are stored: `$2b$12$` + 22 characters of salt + 31 of digest.

use std::{fmt, str::FromStr};

use base64::{
    Engine,
    alphabet::BCRYPT,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};

use crate::Error;

/// The costs that a hash can name: 2 to the power of it key set-ups.
pub const COSTS: std::ops::RangeInclusive<u32> = 4..=31;

/// The dialect of Base64 that bcrypt hashes are written in.
const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// Which implementation made a hash. The three are computed alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// `$2a$`: of the first release that was specified for UTF-8 and terminators.
    TwoA,
    /// `$2b$`: `OpenBSD`'s since 2014, and what this crate writes.
    TwoB,
    /// `$2y$`: PHP's and others', marked as free of the fault of `$2x$`.
    TwoY,
}

/// A stored hash, read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BcryptHash {
    version: Version,
    cost: u32,
    salt: [u8; 16],
    digest: [u8; 23],
}

impl BcryptHash {
    /// Puts the parts together.
    ///
    /// # Errors
    ///
    /// [`Error::Cost`] if it is not one of [`COSTS`].
    pub fn new(version: Version, cost: u32, salt: [u8; 16], digest: [u8; 23]) -> Result<Self, Error> {
        if COSTS.contains(&cost) { Ok(Self { version, cost, salt, digest }) } else { Err(Error::Cost(cost)) }
    }

    /// Which implementation made it.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Its cost: 4 to 31.
    #[must_use]
    pub const fn cost(&self) -> u32 {
        self.cost
    }

    /// Its salt.
    #[must_use]
    pub const fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Its digest. Compare it in constant time.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 23] {
        &self.digest
    }
}

impl FromStr for BcryptHash {
    type Err = Error;

    /// Reads exactly 60 characters; what was written by another is read only if it would be written alike,
    /// so that one hash has one text.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (version, rest) = text.split_at_checked(4).ok_or(Error::Malformed)?;
        let version = match version {
            "$2a$" => Version::TwoA,
            "$2b$" => Version::TwoB,
            "$2y$" => Version::TwoY,
            "$2x$" => return Err(Error::FaultyVersion),
            _ => return Err(Error::Malformed),
        };
        let (cost, rest) = rest.split_once('$').ok_or(Error::Malformed)?;
        if cost.len() != 2 || !cost.bytes().all(|byte| byte.is_ascii_digit()) || rest.len() != 53 {
            return Err(Error::Malformed);
        }
        let cost = cost.parse().map_err(|_| Error::Malformed)?;
        let (salt, digest) = rest.split_at_checked(22).ok_or(Error::Malformed)?;
        Self::new(version, cost, decode(salt)?, decode(digest)?)
    }
}

fn decode<const N: usize>(text: &str) -> Result<[u8; N], Error> {
    let bytes = BASE64.decode(text).map_err(|_| Error::Malformed)?;
    bytes.try_into().map_err(|_| Error::Malformed)
}

/// Writes the 60 characters that are stored.
impl fmt::Display for BcryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = match self.version {
            Version::TwoA => "2a",
            Version::TwoB => "2b",
            Version::TwoY => "2y",
        };
        let (salt, digest) = (BASE64.encode(self.salt), BASE64.encode(self.digest));
        write!(f, "${version}${:02}${salt}{digest}", self.cost)
    }
}

/// Shows the version and the cost. With the salt and the digest, an attacker could guess the password.
impl fmt::Debug for BcryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BcryptHash")
            .field("version", &self.version)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}
