//! Bcrypt behind an interface that takes several passwords at once, and our bounds on it.

use bcrypt_lanes::BcryptHash;
pub use bcrypt_lanes::{Input, LONGEST_PASSWORD as LONGEST};

/// The highest cost that is verified: above, a stored hash is not ours or is hostile.
const HIGHEST_COST: u32 = 14;

/// Computes bcrypt digests, several of one cost at a time.
pub trait BcryptEngine: Send + Sync {
    /// How many it can take at once with profit.
    fn lanes(&self) -> usize;

    /// The digests, in the order of the inputs.
    fn digests(&self, cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]>;
}

/// The engine that serves: as many lanes as this machine's cache is good for.
pub struct Lanes;

impl BcryptEngine for Lanes {
    fn lanes(&self) -> usize {
        bcrypt_lanes::best_lanes()
    }

    fn digests(&self, cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
        bcrypt_lanes::digests(cost, inputs)
    }
}

/// Reads a stored hash; none for anything else, and for a cost that is out of bounds.
pub fn parse(text: &str) -> Option<BcryptHash> {
    text.parse().ok().filter(|hash: &BcryptHash| hash.cost() <= HIGHEST_COST)
}
