//! Bcrypt behind an interface that can take several passwords at once.

use base64::{
    Engine,
    alphabet::BCRYPT,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use zeroize::Zeroizing;

/// The lowest and the highest cost that is verified: outside, a stored hash is not ours or is hostile.
pub const COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// How many bytes of a password bcrypt sees, its terminating NUL included.
const SEEN: usize = 72;

/// The longest password that a bcrypt hash holds in full, in bytes: one less for the terminator.
pub const LONGEST: usize = SEEN - 1;

/// The dialect of Base64 that bcrypt hashes are written in.
const BASE64: GeneralPurpose = GeneralPurpose::new(&BCRYPT, NO_PAD);

/// One password to hash.
pub struct Input<'a> {
    /// Any bytes; the first 72 are seen, and a shorter one gets its terminator.
    pub password: &'a [u8],
    pub salt: [u8; 16],
}

/// Computes bcrypt digests, several of one cost at a time.
pub trait BcryptEngine: Send + Sync {
    /// How many it can take at once with profit.
    fn lanes(&self) -> usize;

    /// The digests, in the order of the inputs.
    fn digests(&self, cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]>;
}

/// The `bcrypt` crate, which takes one after the other.
pub struct OneAtATime;

impl BcryptEngine for OneAtATime {
    fn lanes(&self) -> usize {
        1
    }

    fn digests(&self, cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
        inputs
            .iter()
            .map(|input| {
                let key = terminated(input.password);
                let mut digest = [0; 23];
                digest.copy_from_slice(&bcrypt::bcrypt(cost, input.salt, &key)[..23]);
                digest
            })
            .collect()
    }
}

/// What bcrypt sees of a password: its bytes and a NUL, of which the first 72 count.
fn terminated(password: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(SEEN));
    key.extend(password.iter().copied().chain([0]).take(SEEN));
    key
}

/// The parts of a stored bcrypt hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBcrypt {
    /// `$2b$`, the version that we write; `$2a$` and `$2y$` are computed alike.
    pub current_version: bool,
    pub cost: u32,
    pub salt: [u8; 16],
    pub digest: [u8; 23],
}

impl StoredBcrypt {
    /// Reads `$2b$12$` + 22 + 31 characters; none for anything else, and for a cost that is out of bounds.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix('$')?.split('$');
        let (version, cost, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        if parts.next().is_some() || !["2a", "2b", "2y"].contains(&version) || !digits || rest.len() != 53 {
            return None;
        }
        let cost = cost.parse().ok().filter(|cost| COSTS.contains(cost))?;
        let (salt, digest) = rest.split_at_checked(22)?;
        Some(Self { current_version: version == "2b", cost, salt: decode(salt)?, digest: decode(digest)? })
    }

    /// Writes it as `$2b$`.
    pub fn format(&self) -> String {
        format!("$2b${:02}${}{}", self.cost, BASE64.encode(self.salt), BASE64.encode(self.digest))
    }
}

fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text).ok()?.try_into().ok()
}
