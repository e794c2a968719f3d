//! A filter of breached passwords: a million of them in less than two megabytes.
//!
//! A Golomb-coded set. Each password's SHA-1 (in which breached ones are published) is mapped to a number below
//! `count × 2^14`; the numbers are sorted, and the gaps between them written in Rice code: the part above 14 bits in
//! unary, the rest in binary. That takes 15.6 bits an entry, and the probability of a false positive is 2^-14.
//!
//! The file: the 8 bytes `AUTHPWF1`; the count, 8 bytes, little-endian; the code, most significant bits first, padded with
//! zeros; the first 8 bytes of the SHA-256 of everything before.

use auth_db::model::Password;
use sha2::{Digest, Sha256};

const MAGIC: &[u8; 8] = b"AUTHPWF1";
const HEAD: usize = 16;
const SUM: usize = 8;

/// The bits of a gap that are written in binary.
const RICE: u32 = 14;

/// One in this many other passwords is rejected by mistake.
pub const BREACHED_FALSE_POSITIVE_ONE_IN: u32 = 1 << RICE;

/// The bits that are read at once: eight bytes without the bits of the first byte that were read before.
const WINDOW: u32 = 57;

/// The number of entries between two positions at which reading can begin.
const STEP: usize = 256;

/// The maximum number of entries: their numbers stay below 2^62.
const MAX_ENTRIES: u64 = 1 << 40;

/// SHA-1 of a password.
pub type PasswordSha1 = [u8; 20];

/// The file of a filter is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is a damaged or truncated filter of passwords")]
pub struct InvalidFilter;

/// The number of an entry among `count`.
fn number_of(sha1: &PasswordSha1, count: u64) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&sha1[..8]);
    let range = u128::from(count) << RICE;
    // Below `range`, which is below 2^64.
    u64::try_from((u128::from(u64::from_be_bytes(first)) * range) >> 64).unwrap_or(u64::MAX)
}

/// Builds a filter of breached passwords.
#[derive(Debug, Default)]
pub struct BreachedBuilder(Vec<PasswordSha1>);

impl BreachedBuilder {
    /// Adds a password, in Unicode normal form. A text that is too long for a password is ignored.
    pub fn add_password(&mut self, password: &str) {
        use sha1::Digest as _;
        if let Ok(password) = Password::parse(password.into()) {
            self.0.push(sha1::Sha1::digest(password.normalized().as_bytes()).into());
        }
    }

    /// Adds the SHA-1 of a password.
    pub fn add_sha1(&mut self, sha1: PasswordSha1) {
        self.0.push(sha1);
    }

    /// The number of distinct passwords, and the file of the filter.
    #[must_use]
    pub fn build(mut self) -> (usize, Vec<u8>) {
        self.0.sort_unstable();
        self.0.dedup();
        let count = self.0.len() as u64;
        let mut file = Vec::with_capacity(HEAD + self.0.len() * 2 + SUM);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&count.to_le_bytes());
        let mut bits = Writer { bytes: file, free: 0 };
        let mut before = 0;
        // Sorted by their digests, they are sorted by their numbers.
        for sha1 in &self.0 {
            let number = number_of(sha1, count);
            bits.gap(number - before);
            before = number;
        }
        let mut file = bits.bytes;
        let sum = Sha256::digest(&file);
        file.extend_from_slice(&sum[..SUM]);
        (self.0.len(), file)
    }
}

struct Writer {
    bytes: Vec<u8>,
    /// The unused bits of the last byte.
    free: u32,
}

impl Writer {
    fn gap(&mut self, gap: u64) {
        for _ in 0..gap >> RICE {
            self.bit(1);
        }
        self.bit(0);
        for shift in (0..RICE).rev() {
            self.bit(u8::from(gap >> shift & 1 == 1));
        }
    }

    fn bit(&mut self, bit: u8) {
        if self.free == 0 {
            self.bytes.push(0);
            self.free = 8;
        }
        self.free -= 1;
        if let Some(last) = self.bytes.last_mut() {
            *last |= bit << self.free;
        }
    }
}

/// A filter in memory.
pub struct Breached {
    count: u64,
    code: Vec<u8>,
    /// For each entry whose index is a multiple of [`STEP`]: the number of the entry before it, and the position of its
    /// code.
    index: Vec<(u64, usize)>,
}

impl Breached {
    /// Whether a file has the signature of a filter.
    pub fn is_filter(file: &[u8]) -> bool {
        file.starts_with(MAGIC)
    }

    /// Parses the file of a filter.
    ///
    /// # Errors
    ///
    /// [`InvalidFilter`].
    pub fn read(file: &[u8]) -> Result<Self, InvalidFilter> {
        let (rest, sum) = file.split_last_chunk::<SUM>().ok_or(InvalidFilter)?;
        let (head, code) = rest.split_first_chunk::<HEAD>().ok_or(InvalidFilter)?;
        let (magic, count) = head.split_first_chunk::<8>().ok_or(InvalidFilter)?;
        let count = u64::from_le_bytes(count.try_into().map_err(|_| InvalidFilter)?);
        if magic != MAGIC || count > MAX_ENTRIES || Sha256::digest(rest)[..SUM] != *sum {
            return Err(InvalidFilter);
        }
        let mut filter = Self { count, code: code.to_vec(), index: Vec::new() };
        let (mut at, mut number) = (0, 0);
        for entry in 0..count {
            if entry.is_multiple_of(STEP as u64) {
                filter.index.push((number, at));
            }
            let (gap, next) = filter.gap(at).ok_or(InvalidFilter)?;
            at = next;
            number = u64::checked_add(number, gap).ok_or(InvalidFilter)?;
        }
        // Nothing may follow the last entry.
        if at.div_ceil(8) == filter.code.len() { Ok(filter) } else { Err(InvalidFilter) }
    }

    /// Whether the filter contains a password. False positives are rare.
    pub fn contains(&self, sha1: &PasswordSha1) -> bool {
        let wanted = number_of(sha1, self.count);
        // The first of equal numbers may be the last entry of the previous step.
        let step = self.index.partition_point(|(before, _)| *before < wanted).saturating_sub(1);
        let Some((mut number, mut at)) = self.index.get(step).copied() else { return false };
        let mut left = self.count - (step * STEP) as u64;
        while left > 0 {
            let Some((gap, next)) = self.gap(at) else { return false };
            number += gap;
            if number >= wanted {
                return number == wanted;
            }
            (at, left) = (next, left - 1);
        }
        false
    }

    /// The gap that begins at a bit position, and the position after it.
    fn gap(&self, mut at: usize) -> Option<(u64, usize)> {
        let mut high = 0;
        loop {
            let ones = self.window(at).leading_ones().min(WINDOW);
            (high, at) = (high + u64::from(ones), at + ones as usize);
            if ones < WINDOW {
                break;
            }
        }
        // A zero ends the unary part.
        let low = self.window(at + 1) >> (u64::BITS - RICE);
        let next = at + 1 + RICE as usize;
        (next <= self.code.len() * 8).then_some(((high << RICE) | low, next))
    }

    /// At least [`WINDOW`] bits from a position, most significant first, followed by zeros after the last.
    fn window(&self, at: usize) -> u64 {
        let mut bytes = [0; 8];
        let rest = self.code.get(at / 8..).unwrap_or_default();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        u64::from_be_bytes(bytes) << (at % 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha1(number: u64) -> PasswordSha1 {
        use sha1::Digest as _;
        sha1::Sha1::digest(number.to_le_bytes()).into()
    }

    fn filter_of(numbers: impl IntoIterator<Item = u64>) -> (usize, Vec<u8>) {
        let mut builder = BreachedBuilder::default();
        numbers.into_iter().for_each(|number| builder.add_sha1(sha1(number)));
        builder.build()
    }

    /// asvs 6.2.12
    #[test]
    fn a_million_passwords_take_less_than_two_megabytes_and_all_are_found() {
        let (count, file) = filter_of((0..1_000_000).chain(0..1000));
        assert_eq!(count, 1_000_000);
        assert!(file.len() <= 2_000_000, "{}", file.len());

        let filter = Breached::read(&file).unwrap();
        assert!((0..1_000_000).step_by(7).all(|number| filter.contains(&sha1(number))));

        let asked = 250_000;
        let wrongly = (0..asked).filter(|number| filter.contains(&sha1(1_000_000 + number))).count();
        // Expected are 15; six standard deviations more, and not none.
        assert!((1..=39).contains(&wrongly), "{wrongly}");
    }

    #[test]
    fn filters_of_any_size_hold_what_was_put_in() {
        for size in [0, 1, 2, 255, 256, 257, 512, 1000] {
            let filter = Breached::read(&filter_of(0..size).1).unwrap();
            assert!((0..size).all(|number| filter.contains(&sha1(number))), "{size}");
        }
        let nothing = Breached::read(&filter_of(0..0).1).unwrap();
        assert!((0..1000).all(|number| !nothing.contains(&sha1(number))));
    }

    #[test]
    fn the_smallest_and_the_greatest_digest_are_found_however_far_apart() {
        for crowd in [0, 1, 55, 56, 57, 58, 113, 114, 200] {
            let mut builder = BreachedBuilder::default();
            builder.add_sha1([0; 20]);
            builder.add_sha1([0xff; 20]);
            // All of these are next to the smallest: the gap after them is as many times the usual one.
            (0..crowd).for_each(|last| {
                builder.add_sha1([[0; 19].as_slice(), &[last]].concat().try_into().unwrap());
            });
            let filter = Breached::read(&builder.build().1).unwrap();

            assert!(filter.contains(&[0; 20]) && filter.contains(&[0xff; 20]), "{crowd}");
        }
    }

    #[test]
    fn a_file_with_any_byte_changed_cut_off_or_added_is_refused() {
        let (_, file) = filter_of(0..300);
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 1;
            assert!(Breached::read(&changed).is_err(), "{at}");
            assert!(Breached::read(&file[..at]).is_err(), "{at}");
        }
        let mut longer = file;
        longer.push(0);
        assert!(Breached::read(&longer).is_err());
    }

    #[test]
    fn a_file_that_lies_about_its_count_is_refused() {
        for count in [299_u64, 301, 1 << 41, u64::MAX] {
            let (_, mut file) = filter_of(0..300);
            file.truncate(file.len() - SUM);
            file[8..16].copy_from_slice(&count.to_le_bytes());
            let sum = Sha256::digest(&file);
            file.extend_from_slice(&sum[..SUM]);
            // One less is as good as a filter of one less, unless bytes are left over.
            if count != 299 {
                assert!(Breached::read(&file).is_err(), "{count}");
            }
        }
    }
}
