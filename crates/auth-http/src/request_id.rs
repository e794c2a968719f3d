//! Names for requests: in the answer, and in every line of the log that belongs to it.

use std::sync::atomic::{AtomicU64, Ordering};

/// Longest id that is taken over from a proxy, in bytes.
const LONGEST: usize = 128;

/// Mints ids that do not repeat: random bits of this process, then a count.
#[derive(Debug)]
pub struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub fn new(process: u64) -> Self {
        Self { process, next: AtomicU64::new(0) }
    }

    pub fn mint(&self) -> String {
        format!("{:016x}-{:x}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Whether an id that a proxy gave can stand in a log and in a header.
pub fn is_presentable(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_within_and_between_processes() {
        let ids = RequestIds::new(0xabc);

        assert_eq!(ids.mint(), "0000000000000abc-0");
        assert_eq!(ids.mint(), "0000000000000abc-1");
        assert!(is_presentable(&ids.mint()));
    }

    #[test]
    fn an_id_that_could_forge_a_line_is_not_taken_over() {
        assert!(is_presentable("7f3a-01.B:2_c"));
        for bad in ["", "a b", "a\nb", "é", "a\"b", &"x".repeat(129)] {
            assert!(!is_presentable(bad), "{bad:?}");
        }
    }
}
