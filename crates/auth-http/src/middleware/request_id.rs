//! Request ids: in the response, and in every log line of the request.

use std::cell::RefCell;

use actix_web::{HttpRequest, http::header::HeaderName};
use auth_core::{Entropy, SystemEntropy};
use ipnet::IpNet;

use crate::input::value_from_proxy;

pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The maximum length of an id from a proxy, in bytes.
const MAX_LENGTH: usize = 128;

/// The random bytes of one id.
const BYTES: usize = 16;

/// The number of ids for which random bytes are fetched at once: a system call costs more than an id.
const BATCH: usize = 64;

thread_local! {
    static RANDOM: RefCell<Random> = const { RefCell::new(Random { bytes: [0; BYTES * BATCH], used: BYTES * BATCH }) };
}

struct Random {
    bytes: [u8; BYTES * BATCH],
    used: usize,
}

/// The id of a request: that of a trusted proxy, or a new one.
pub fn of(request: &HttpRequest, trusted_proxies: &[IpNet]) -> String {
    value_from_proxy(request, trusted_proxies, &X_REQUEST_ID)
        .filter(|id| is_acceptable(id))
        .map_or_else(new, str::to_owned)
}

/// An id of 128 random bits, which reveals nothing about other requests.
fn new() -> String {
    RANDOM.with_borrow_mut(|random| {
        if random.used == random.bytes.len() {
            // Without random bytes the ids repeat, and every use case that needs a secret fails.
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

/// Whether the id of a proxy is safe in logs and headers.
fn is_acceptable(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_random() {
        let ids: Vec<String> = (0..10_000).map(|_| new()).collect();

        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id.len() == 32 && is_acceptable(id)));
        for place in 0..32 {
            let digits: HashSet<u8> = ids.iter().map(|id| id.as_bytes()[place]).collect();
            assert_eq!(digits.len(), 16, "digit {place} is fixed");
        }
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_accepted() {
        assert!(is_acceptable("7f3a-01.B:2_c"));
        for bad in ["", "a b", "a\nb", "é", "a\"b", &"x".repeat(129)] {
            assert!(!is_acceptable(bad), "{bad:?}");
        }
    }
}
