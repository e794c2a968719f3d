//! How many at once: independent inputs, dealt out to lanes.

use std::sync::OnceLock;

use zeroize::Zeroizing;

use crate::blowfish::{Ciphers, schedules};

/// The most lanes that one thread computes side by side.
pub const MOST_LANES: usize = 8;

/// How many bytes of a password bcrypt sees, the terminating NUL included.
const SEEN: usize = 72;

/// One password to compute a digest of.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// Any bytes; they are terminated by a NUL, and the first 72 of all count.
    pub password: &'a [u8],
    /// The salt.
    pub salt: [u8; 16],
}

/// The digests of any number of inputs at one cost, computed in lanes by this thread, in their order.
///
/// This is bcrypt itself: no password is refused, and 2 to the power of `cost` set-ups are done whatever the
/// cost is. [`hash`](crate::hash) and [`verify`](crate::verify) are the careful ways.
///
/// # Panics
///
/// If `cost` is over 63.
#[must_use]
pub fn digests(cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
    digests_with(best_lanes(), cost, inputs)
}

/// [`digests`] with a given number of lanes, 1 to [`MOST_LANES`]; others count as the nearest.
///
/// # Panics
///
/// If `cost` is over 63.
#[must_use]
pub fn digests_with(lanes: usize, cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
    let lanes = lanes.clamp(1, MOST_LANES);
    inputs.chunks(lanes).flat_map(|chunk| one_batch(cost, chunk)).collect()
}

/// As many lanes as there are inputs, at most eight.
fn one_batch(cost: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
    match inputs.len() {
        1 => side_by_side::<1>(cost, inputs).into(),
        2 => side_by_side::<2>(cost, inputs).into(),
        3 => side_by_side::<3>(cost, inputs).into(),
        4 => side_by_side::<4>(cost, inputs).into(),
        5 => side_by_side::<5>(cost, inputs).into(),
        6 => side_by_side::<6>(cost, inputs).into(),
        7 => side_by_side::<7>(cost, inputs).into(),
        8 => side_by_side::<8>(cost, inputs).into(),
        _ => Vec::new(),
    }
}

/// The digests of exactly N inputs.
fn side_by_side<const N: usize>(cost: u32, inputs: &[Input<'_>]) -> [[u8; 23]; N] {
    let keys: [_; N] = std::array::from_fn(|lane| key_of(inputs[lane].password));
    let keys = Zeroizing::new(schedules(keys.each_ref().map(|(key, length)| &key[..*length])));
    let salts = schedules(std::array::from_fn(|lane| inputs[lane].salt.as_slice()));
    Ciphers::set_up(cost, &keys, &salts).digests()
}

/// What bcrypt sees of a password, and how much of it: its bytes and a NUL, of which the first 72 count.
fn key_of(password: &[u8]) -> (Zeroizing<[u8; SEEN]>, usize) {
    let mut seen = Zeroizing::new([0; SEEN]);
    let length = password.len().min(SEEN);
    seen[..length].copy_from_slice(&password[..length]);
    (seen, (length + 1).min(SEEN))
}

/// How many lanes are computed side by side with most profit on this machine: found out once.
///
/// A lane's boxes take 4 KiB, and what all lanes look up should stay in the first-level cache; beyond six
/// lanes nothing is gained where it was measured (32 KiB and more).
#[must_use]
pub fn best_lanes() -> usize {
    static BEST: OnceLock<usize> = OnceLock::new();
    *BEST.get_or_init(|| lanes_for_cache(first_level_cache()))
}

/// Six lanes where they leave a quarter of the cache to everything else.
fn lanes_for_cache(bytes: usize) -> usize {
    (bytes / 4 * 3 / 4096).clamp(1, 6)
}

/// The size of the first-level data cache, in bytes, if the system reports it, otherwise the usual size.
fn first_level_cache() -> usize {
    const USUAL: usize = 32 * 1024;
    let size = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index0/size").ok();
    let kib = size.and_then(|text| text.trim().strip_suffix('K')?.parse::<usize>().ok());
    kib.filter(|kib| (8..=1024).contains(kib)).map_or(USUAL, |kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_fit_the_cache() {
        assert_eq!([8, 16, 32, 48, 128].map(|kib| lanes_for_cache(kib * 1024)), [1, 3, 6, 6, 6]);
        assert!((1..=6).contains(&best_lanes()));
    }
}
