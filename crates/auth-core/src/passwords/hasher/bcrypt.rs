//! The interface to bcrypt, which hashes several passwords side by side.

use bcrypt_lanes::BcryptHash;
pub use bcrypt_lanes::{Input, LONGEST_PASSWORD as LONGEST};

use super::algorithm::Algorithm;

/// Computes bcrypt digests, several of one cost at a time.
pub trait BcryptEngine: Send + Sync {
    /// The number of passwords that it computes side by side most efficiently.
    fn lanes(&self) -> usize;

    /// The digests, in the order of the inputs.
    fn digests(&self, cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]>;
}

/// The engine of the service, with the number of lanes that suits the cache of this machine.
pub struct Lanes;

impl BcryptEngine for Lanes {
    fn lanes(&self) -> usize {
        bcrypt_lanes::best_lanes()
    }

    fn digests(&self, cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
        bcrypt_lanes::digests(cost, inputs)
    }
}

/// Parses a hash in bcrypt's own format. None if the cost is too high.
pub fn parse(text: &str) -> Option<BcryptHash> {
    text.parse().ok().filter(|hash: &BcryptHash| {
        Algorithm::Bcrypt { cost: hash.cost() }.is_affordable(hash.digest().len())
    })
}
