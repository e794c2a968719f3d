//! Blowfish with the expensive key set-up of bcrypt (Provos and Mazieres 1999), for N passwords side by side.
//!
//! Everything that differs between lanes is an array over lanes, and every step is done for all lanes before
//! the next step of any: the processor sees N chains of look-ups that do not depend on each other. Look-ups
//! are indexed by bytes into arrays of 256, so there is nothing to check.
#![expect(clippy::needless_range_loop, reason = "lanes are counted: several arrays are walked in step")]

use zeroize::{Zeroize, Zeroizing};

use crate::boxes;

/// Words of the key schedule: what a key or a salt becomes, repeated to this length.
const SUBKEYS: usize = 18;

/// One word of each lane.
type Words<const N: usize> = [u32; N];

/// What keys or salts become: the words of the key schedule, each for all lanes.
pub type Schedule<const N: usize> = [Words<N>; SUBKEYS];

/// The state of N ciphers. Wiped when dropped.
pub struct Ciphers<const N: usize> {
    s: [[[u32; 256]; 4]; N],
    p: [Words<N>; SUBKEYS],
}

/// The text that bcrypt encrypts: `OrpheanBeholderScryDoubt`.
const TEXT: [u32; 6] = [0x4f72_7068, 0x6561_6e42, 0x6568_6f6c, 0x6465_7253, 0x6372_7944, 0x6f75_6274];

impl<const N: usize> Ciphers<N> {
    /// Sets up N ciphers at `cost` by their keys and salts, both as words of the key schedule.
    ///
    /// A function of its own, so that the caller wipes the keys: wiped in here they could not be kept in
    /// registers, which costs a twelfth at six lanes.
    #[inline(never)]
    pub fn set_up(cost: u32, keys: &Schedule<N>, salts: &Schedule<N>) -> Self {
        let mut ciphers = Self { s: [boxes::S; N], p: boxes::P.map(|word| [word; N]) };
        ciphers.mix(keys);
        ciphers.expand(Some(salts));
        for _ in 0..1_u64 << cost {
            ciphers.mix(keys);
            ciphers.expand(None);
            ciphers.mix(salts);
            ciphers.expand(None);
        }
        ciphers
    }

    /// The digests: bcrypt's text, encrypted 64 times, less its last byte.
    pub fn digests(&self) -> [[u8; 23]; N] {
        let mut digests = [[0; 23]; N];
        for (block, pair) in TEXT.chunks_exact(2).enumerate() {
            let (mut left, mut right) = ([pair[0]; N], [pair[1]; N]);
            for _ in 0..64 {
                self.encipher(&mut left, &mut right);
            }
            for lane in 0..N {
                let bytes = (u64::from(left[lane]) << 32 | u64::from(right[lane])).to_be_bytes();
                let place = block * 8;
                let kept = bytes.len().min(23 - place);
                digests[lane][place..place + kept].copy_from_slice(&bytes[..kept]);
            }
        }
        digests
    }

    fn mix(&mut self, words: &Schedule<N>) {
        for (subkey, word) in self.p.iter_mut().zip(words) {
            for lane in 0..N {
                subkey[lane] ^= word[lane];
            }
        }
    }

    /// Replaces all subkeys and boxes by what the cipher makes of itself and of the salts, of whose four words
    /// two are taken for each block in turn.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the inner loop of bcrypt: measured, a call costs a tenth")]
    fn expand(&mut self, salts: Option<&Schedule<N>>) {
        let (mut left, mut right) = ([0; N], [0; N]);
        let mut turn = 0;
        for pair in 0..SUBKEYS / 2 {
            self.next_block(&mut left, &mut right, salts, &mut turn);
            self.p[pair * 2] = left;
            self.p[pair * 2 + 1] = right;
        }
        for table in 0..4 {
            for pair in 0..128 {
                self.next_block(&mut left, &mut right, salts, &mut turn);
                for lane in 0..N {
                    self.s[lane][table][pair * 2] = left[lane];
                    self.s[lane][table][pair * 2 + 1] = right[lane];
                }
            }
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the inner loop of bcrypt: measured, a call costs a tenth")]
    fn next_block(
        &self,
        left: &mut Words<N>,
        right: &mut Words<N>,
        salts: Option<&Schedule<N>>,
        turn: &mut usize,
    ) {
        if let Some(salts) = salts {
            for lane in 0..N {
                left[lane] ^= salts[*turn][lane];
                right[lane] ^= salts[*turn + 1][lane];
            }
            *turn ^= 2;
        }
        self.encipher(left, right);
    }

    /// One block of each lane, through 16 rounds.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the inner loop of bcrypt: measured, a call costs a tenth")]
    fn encipher(&self, left: &mut Words<N>, right: &mut Words<N>) {
        for lane in 0..N {
            left[lane] ^= self.p[0][lane];
        }
        for round in (1..17).step_by(2) {
            for lane in 0..N {
                right[lane] ^= f(&self.s[lane], left[lane]) ^ self.p[round][lane];
            }
            for lane in 0..N {
                left[lane] ^= f(&self.s[lane], right[lane]) ^ self.p[round + 1][lane];
            }
        }
        for lane in 0..N {
            right[lane] ^= self.p[17][lane];
        }
        std::mem::swap(left, right);
    }
}

impl<const N: usize> Drop for Ciphers<N> {
    fn drop(&mut self) {
        self.s.zeroize();
        self.p.zeroize();
    }
}

/// Blowfish's round function.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the inner loop of bcrypt: measured, a call costs a tenth")]
fn f(boxes: &[[u32; 256]; 4], word: u32) -> u32 {
    let bytes = word.to_be_bytes();
    let look_up = |which: usize| boxes[which][usize::from(bytes[which])];
    (look_up(0).wrapping_add(look_up(1)) ^ look_up(2)).wrapping_add(look_up(3))
}

/// The key schedules of N keys or salts.
pub fn schedules<const N: usize>(lanes: [&[u8]; N]) -> Schedule<N> {
    let schedules = Zeroizing::new(lanes.map(schedule));
    std::array::from_fn(|word| std::array::from_fn(|lane| schedules[lane][word]))
}

/// Repeats bytes to the length of the key schedule.
fn schedule(bytes: &[u8]) -> [u32; SUBKEYS] {
    let mut endless = bytes.iter().copied().cycle();
    std::array::from_fn(|_| (0..4).fold(0, |word, _| word << 8 | u32::from(endless.next().unwrap_or(0))))
}
