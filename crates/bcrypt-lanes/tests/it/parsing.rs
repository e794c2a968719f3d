//! Reading and writing stored hashes.

use bcrypt_lanes::{BcryptHash, Error, Version};
use proptest::prelude::*;

use crate::{parse_target::target, support::Chance};

const GOOD: &str = "$2b$12$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i";

#[test]
fn versions_and_costs_are_read() {
    for (text, version, cost) in [
        (GOOD.to_owned(), Version::TwoB, 12),
        (GOOD.replace("$2b$12", "$2a$04"), Version::TwoA, 4),
        (GOOD.replace("$2b$12", "$2y$31"), Version::TwoY, 31),
    ] {
        let hash: BcryptHash = text.parse().unwrap();
        assert_eq!((hash.version(), hash.cost(), hash.to_string()), (version, cost, text));
    }
}

#[test]
fn malformed_hashes_are_distinguished() {
    let read = |text: &str| text.parse::<BcryptHash>().unwrap_err();

    assert_eq!(read(&GOOD.replace("$2b$", "$2x$")), Error::FaultyVersion);
    assert_eq!(read(&GOOD.replace("$12$", "$03$")), Error::Cost(3));
    assert_eq!(read(&GOOD.replace("$12$", "$32$")), Error::Cost(32));
    for malformed in [
        String::new(),
        "$2b$".into(),
        GOOD[..59].into(),
        format!("{GOOD}0"),
        GOOD.replace("$2b$", "$2$"),
        GOOD.replace("$2b$", "$2c$"),
        GOOD.replace("$12$", "$1$"),
        GOOD.replace("$12$", "$+9$"),
        GOOD.replace("$12$", "$012$"),
        GOOD.replace("If6", "I=6"),
        GOOD.replace("If6", "Ié"),
        GOOD.replace("Du0", "Dv0"),
    ] {
        assert_eq!(read(&malformed), Error::Malformed, "{malformed}");
    }
}

/// The function that the fuzzer calls, over cases that are hashes but for some bytes.
#[test]
fn a_hundred_thousand_broken_hashes_are_read_without_harm() {
    let seed = 0x70a1;
    let mut chance = Chance::new(seed);
    for _ in 0..100_000 {
        let mut text = GOOD.as_bytes().to_vec();
        for _ in 0..chance.below(4) {
            let place = chance.below(text.len());
            match chance.below(4) {
                0 => text[place] = chance.bytes(1)[0],
                1 => text[place] = b"$./012aAbxyzZ9="[chance.below(15)],
                2 => drop(text.remove(place)),
                _ => text.insert(place, chance.bytes(1)[0]),
            }
        }
        target(&text);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(
        version in prop::sample::select(vec![Version::TwoA, Version::TwoB, Version::TwoY]),
        cost in 4_u32..=31,
        salt: [u8; 16],
        digest in prop::array::uniform23(any::<u8>()),
    ) {
        let hash = BcryptHash::new(version, cost, salt, digest).unwrap();
        let text = hash.to_string();

        prop_assert_eq!(text.len(), 60);
        prop_assert_eq!(text.parse::<BcryptHash>().unwrap(), hash);
        target(text.as_bytes());
    }

    #[test]
    fn any_text_is_read_without_harm(text in "\\PC{0,80}") {
        target(text.as_bytes());
    }
}
