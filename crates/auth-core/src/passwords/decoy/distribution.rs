//! The distribution of the stored hashes over their shapes, and the choice of a decoy's shape.

use std::collections::HashMap;

use auth_db::model::{EmailKey, PasswordHash};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    environment::ServerKey,
    passwords::hasher::{Shape, Stored},
};

/// The number of shapes that are counted. Stored hashes are bounded in cost, not in variety; further shapes are ignored.
const MAX_SHAPES: usize = 64;

/// The number of stored hashes of each shape.
#[derive(Debug, Clone, Default)]
pub struct HashDistribution(HashMap<Shape, u64>);

impl HashDistribution {
    /// Counts a stored hash, unless it can't be verified.
    pub fn count(&mut self, hash: &PasswordHash) {
        let Some(shape) = Stored::parse(hash).map(|stored| stored.shape()) else { return };
        if self.0.len() < MAX_SHAPES || self.0.contains_key(&shape) {
            *self.0.entry(shape).or_default() += 1;
        }
    }

    /// The shape of the decoy for an unknown address: each shape in proportion to its count, and always the same for the
    /// same address. None if nothing was counted.
    ///
    /// Weighted rendezvous hashing: when a shape becomes rarer, only addresses with that shape get another one, as accounts
    /// do when their hashes are replaced.
    pub fn choose(&self, key: &ServerKey, email: &EmailKey) -> Option<Shape> {
        let score = |(shape, count): &(&Shape, &u64)| -uniform(key, email, **shape).ln() / as_float(**count);
        let chosen = self.0.iter().min_by(|one, other| score(one).total_cmp(&score(other)));
        chosen.map(|(shape, _)| *shape)
    }
}

/// A number above 0 and at most 1, which is unpredictable without the key.
fn uniform(key: &ServerKey, email: &EmailKey, shape: Shape) -> f64 {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return 1.0 };
    mac.update(email.as_str().as_bytes());
    mac.update(&[0]);
    mac.update(&shape.encode());
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
    use auth_db::model::Email;

    use super::*;
    use crate::passwords::hasher::Algorithm;

    const KEY: [u8; 32] = [1; 32];
    const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW";
    const PBKDF2: &str =
        "pbkdf2:sha256:1000$abc$0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn distribution(bcrypt: u32, pbkdf2: u32) -> HashDistribution {
        let mut distribution = HashDistribution::default();
        for (text, count) in [(BCRYPT, bcrypt), (PBKDF2, pbkdf2)] {
            for _ in 0..count {
                distribution.count(&PasswordHash::parse(text).unwrap());
            }
        }
        distribution
    }

    /// For each of 10,000 addresses, whether its decoy is of bcrypt.
    fn choices(distribution: &HashDistribution, key: &[u8; 32]) -> Vec<bool> {
        let addresses =
            (0..10_000).map(|number| Email::parse(&format!("nobody{number}@example.org")).unwrap());
        let is_bcrypt = |email: Email| {
            let shape = distribution.choose(key, email.key()).unwrap();
            matches!(shape.algorithm, Algorithm::Bcrypt { .. })
        };
        addresses.map(is_bcrypt).collect()
    }

    #[test]
    fn shapes_are_chosen_in_proportion() {
        for (bcrypt, pbkdf2) in [(1, 0), (0, 1), (1, 1), (1, 9), (75, 25)] {
            let share = choices(&distribution(bcrypt, pbkdf2), &KEY).iter().filter(|chosen| **chosen).count();
            let expected = usize::try_from(10_000 * bcrypt / (bcrypt + pbkdf2)).unwrap();
            assert!(share.abs_diff(expected) <= 200, "{share} instead of {expected}");
        }
        let unknown = Email::parse("a@example.org").unwrap();
        assert!(HashDistribution::default().choose(&KEY, unknown.key()).is_none());
    }

    #[test]
    fn an_address_has_one_decoy_in_every_spelling_and_another_with_another_key() {
        let distribution = distribution(1, 1);
        for spelling in ["Nobody@Example.org", "nobody@example.org", "nobody@EXAMPLE.ORG."] {
            let email = Email::parse(spelling).unwrap();
            let first = distribution.choose(&KEY, Email::parse("nobody@example.org").unwrap().key());
            assert_eq!(distribution.choose(&KEY, email.key()), first);
        }

        assert_eq!(choices(&distribution, &KEY), choices(&distribution, &KEY));
        let same = choices(&distribution, &KEY)
            .iter()
            .zip(choices(&distribution, &[2; 32]))
            .filter(|(a, b)| **a == *b)
            .count();
        assert!(same.abs_diff(5000) < 200, "{same}");
    }

    #[test]
    fn when_a_shape_becomes_rarer_only_its_addresses_change() {
        let before = choices(&distribution(50, 50), &KEY);
        let after = choices(&distribution(80, 20), &KEY);
        assert!(before.iter().zip(&after).all(|(was_bcrypt, is_bcrypt)| !was_bcrypt || *is_bcrypt));
    }

    #[test]
    fn unsupported_hashes_and_shapes_beyond_the_limit_are_not_counted() {
        let mut distribution = HashDistribution::default();
        distribution.count(
            &PasswordHash::parse("$2b$31$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW").unwrap(),
        );
        assert_eq!(distribution.0.len(), 0);
        for rounds in 0..100 {
            distribution
                .count(&PasswordHash::parse(PBKDF2.replace("1000", &(rounds + 1).to_string())).unwrap());
        }
        assert_eq!(distribution.0.len(), MAX_SHAPES);
    }
}
