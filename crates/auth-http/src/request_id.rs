//! Names for requests: in the response, and in every line of the log that belongs to it.

use std::cell::RefCell;

use auth_core::{Entropy, SystemEntropy};

/// Longest id that is accepted from a proxy, in bytes.
const LONGEST: usize = 128;

/// Random bytes of one id.
const BYTES: usize = 16;

/// Ids for which random bytes are fetched at once: a system call for each would cost more than the id.
const AT_ONCE: usize = 64;

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random { bytes: [0; BYTES * AT_ONCE], used: BYTES * AT_ONCE }) };
}

struct Random {
    bytes: [u8; BYTES * AT_ONCE],
    used: usize,
}

/// Makes an id of 128 random bits: it does not repeat, and reveals nothing about other requests.
pub fn mint() -> String {
    RANDOM.with_borrow_mut(|random| {
        if random.used == random.bytes.len() {
            // Without random bytes ids repeat, and everything that needs a secret fails by itself.
            if SystemEntropy.fill(&mut random.bytes).is_err() {
                random.bytes.fill(0);
            }
            random.used = 0;
        }
        let bits = random.bytes[random.used..random.used + BYTES].try_into().map_or(0, u128::from_le_bytes);
        random.used += BYTES;
        format!("{bits:032x}")
    })
}

/// Whether an id that a proxy gave can stand in a log and in a header.
pub fn is_presentable(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_do_not_repeat_and_do_not_count() {
        let ids: Vec<String> = (0..10_000).map(|_| mint()).collect();

        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 32 && is_presentable(id)));
        for place in 0..32 {
            let digits: HashSet<u8> = ids.iter().map(|id| id.as_bytes()[place]).collect();
            assert_eq!(digits.len(), 16, "digit {place} is as good as fixed");
        }
    }

    #[test]
    fn an_id_that_could_forge_a_line_is_not_accepted() {
        assert!(is_presentable("7f3a-01.B:2_c"));
        for bad in ["", "a b", "a\nb", "é", "a\"b", &"x".repeat(129)] {
            assert!(!is_presentable(bad), "{bad:?}");
        }
    }
}
