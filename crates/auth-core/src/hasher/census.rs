//! Which schemes and costs stored hashes have, and which of them an unknown address gets.

use std::{collections::HashMap, convert::Infallible};

use auth_db::model::{Email, PasswordHash};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::stored::Stored;

/// Kinds that are told apart. Stored hashes are bounded in cost, not in variety; what comes later is not
/// counted.
const KINDS: usize = 64;

/// How many stored hashes there are of each kind: of one scheme, cost and length.
#[derive(Debug, Clone, Default)]
pub struct Census(HashMap<String, Kind>);

#[derive(Debug, Clone)]
struct Kind {
    /// A hash of this kind, all zeros.
    like: Stored,
    count: u64,
}

impl Census {
    /// Counts a stored hash. One that is not verified is none.
    pub fn count(&mut self, hash: &PasswordHash) {
        let Some(stored) = Stored::parse(hash) else { return };
        let Ok(like) = stored.like(|bytes| {
            bytes.fill(0);
            Ok::<_, Infallible>(())
        });
        let name = format!("{like:?}");
        if self.0.len() < KINDS || self.0.contains_key(&name) {
            self.0.entry(name).or_insert(Kind { like, count: 0 }).count += 1;
        }
    }

    /// The kind that an unknown address gets, if anything is stored: each in proportion to its count, and the
    /// same for the same address.
    ///
    /// Weighted rendezvous hashing: when one kind becomes rarer, only addresses of that kind change theirs, as
    /// accounts do when their hashes are replaced.
    pub fn choose(&self, key: &[u8; 32], email: &Email) -> Option<&Stored> {
        let score = |(name, kind): &(&String, &Kind)| -uniform(key, email, name).ln() / as_float(kind.count);
        let chosen = self.0.iter().min_by(|one, other| score(one).total_cmp(&score(other)));
        chosen.map(|(_, kind)| &kind.like)
    }
}

/// A number above 0 and at most 1, as good as random to whoever does not know the key.
fn uniform(key: &[u8; 32], email: &Email, name: &str) -> f64 {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return 1.0 };
    mac.update(email.key().as_bytes());
    mac.update(&[0]);
    mac.update(name.as_bytes());
    let digest = mac.finalize().into_bytes();
    let number = digest.iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    as_float(number + 1) / as_float(1 << 48)
}

/// Exact up to 2 to the power of 53.
#[expect(clippy::cast_precision_loss, reason = "no count comes near 2 to the power of 53")]
const fn as_float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [1; 32];
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW";
    const PBKDF2: &str =
        "pbkdf2:sha256:1000$abc$0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn census(bcrypt: u32, pbkdf2: u32) -> Census {
        let mut census = Census::default();
        for (text, count) in [(BCRYPT, bcrypt), (PBKDF2, pbkdf2)] {
            for _ in 0..count {
                census.count(&PasswordHash::parse(text).unwrap());
            }
        }
        census
    }

    /// Of 10,000 addresses, whether each gets bcrypt.
    fn choices(census: &Census, key: &[u8; 32]) -> Vec<bool> {
        let addresses =
            (0..10_000).map(|number| Email::parse(&format!("nobody{number}@example.org")).unwrap());
        addresses.map(|email| matches!(census.choose(key, &email), Some(Stored::Bcrypt { .. }))).collect()
    }

    #[test]
    fn kinds_are_chosen_in_proportion() {
        for (bcrypt, pbkdf2) in [(1, 0), (0, 1), (1, 1), (1, 9), (75, 25)] {
            let share = choices(&census(bcrypt, pbkdf2), &KEY).iter().filter(|chosen| **chosen).count();
            let expected = usize::try_from(10_000 * bcrypt / (bcrypt + pbkdf2)).unwrap();
            assert!(share.abs_diff(expected) <= 200, "{share} instead of {expected}");
        }
        assert!(Census::default().choose(&KEY, &Email::parse("a@example.org").unwrap()).is_none());
    }

    #[test]
    fn an_address_gets_the_same_in_every_spelling_and_another_by_another_key() {
        let census = census(1, 1);
        for spelling in ["Nobody@Example.org", "nobody@example.org", "nobody@EXAMPLE.ORG."] {
            let email = Email::parse(spelling).unwrap();
            let first = census.choose(&KEY, &Email::parse("nobody@example.org").unwrap());
            assert_eq!(format!("{:?}", census.choose(&KEY, &email)), format!("{first:?}"));
        }

        assert_eq!(choices(&census, &KEY), choices(&census, &KEY));
        let same =
            choices(&census, &KEY).iter().zip(choices(&census, &[2; 32])).filter(|(a, b)| **a == *b).count();
        assert!(same.abs_diff(5000) < 200, "{same}");
    }

    #[test]
    fn when_a_kind_becomes_rarer_only_its_addresses_change() {
        let before = choices(&census(50, 50), &KEY);
        let after = choices(&census(80, 20), &KEY);
        assert!(before.iter().zip(&after).all(|(was_bcrypt, is_bcrypt)| !was_bcrypt || *is_bcrypt));
    }

    #[test]
    fn hashes_that_are_not_verified_and_kinds_beyond_the_limit_are_not_counted() {
        let mut census = Census::default();
        census.count(
            &PasswordHash::parse("$2b$31$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW").unwrap(),
        );
        assert_eq!(census.0.len(), 0);
        for rounds in 0..100 {
            census.count(&PasswordHash::parse(PBKDF2.replace("1000", &(rounds + 1).to_string())).unwrap());
        }
        assert_eq!(census.0.len(), KINDS);
    }
}
