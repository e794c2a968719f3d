//! What must hold for any text that the parser is given: shared by CI and by the fuzzer.

use bcrypt_lanes::{BcryptHash, Error, verify};

/// Reading never panics; what can be read is written as it was; its cost is bounded by the caller alone.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<BcryptHash>() {
        Ok(hash) => {
            assert_eq!(hash.to_string(), text, "one hash has one text");
            assert!((4..=31).contains(&hash.cost()));
            assert_eq!(verify(b"a", &hash, hash.cost() - 1), Err(Error::Cost(hash.cost())));
        }
        Err(Error::FaultyVersion) => assert!(text.starts_with("$2x$")),
        Err(Error::Cost(cost)) => assert!(!(4..=31).contains(&cost)),
        Err(error) => assert_eq!(error, Error::Malformed),
    }
}
