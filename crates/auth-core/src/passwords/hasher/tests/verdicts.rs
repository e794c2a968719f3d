//! What a password and a hash are to each other, and what finding out costs.

use super::*;
use crate::passwords::hasher::bcrypt::Lanes;

const CURRENT: Verdict = Verdict::Match { outdated: false };
const OUTDATED: Verdict = Verdict::Match { outdated: true };

#[tokio::test]
async fn what_was_hashed_verifies_and_nothing_else_does() {
    for scheme in [CHEAP, Scheme::Argon2id] {
        let hasher = hasher(scheme);
        let made = hash(&hasher, "b4l0u").await;

        assert_eq!(verify(&hasher, "b4l0u", &made).await, CURRENT);
        for wrong in ["b4l0", "b4l0u ", "B4l0u", " b4l0u", "b4l0u\0", "b4l0u\0b4l0u"] {
            assert_eq!(verify(&hasher, wrong, &made).await, Verdict::Mismatch, "{wrong:?}");
        }
    }
}

/// asvs 11.4.2
#[tokio::test]
async fn new_hashes_are_bcrypt_2b_at_the_cost_that_was_set() {
    assert!(hash(&hasher(CHEAP), "b4l0u").await.expose().starts_with("$2b$04$"));
    let expensive = Scheme::Bcrypt { cost: 12 };
    assert_eq!(HasherOptions::default().scheme, expensive);
    assert!(hash(&hasher(expensive), "b4l0u").await.expose().starts_with("$2b$12$"));
}

/// asvs 6.2.8: nothing is ever cut off.
#[tokio::test]
async fn what_bcrypt_can_not_hold_is_hashed_by_argon2id() {
    let hasher = hasher(CHEAP);
    for (text, scheme) in [
        ("a".repeat(71), "$2b$04$"),
        ("a".repeat(72), "$argon2id$v=19$m=19456,t=2,p=1$"),
        ("a".repeat(1024), "$argon2id$v=19$m=19456,t=2,p=1$"),
        ("a\0b".to_owned(), "$argon2id$v=19$m=19456,t=2,p=1$"),
    ] {
        let made = hash(&hasher, &text).await;

        assert!(made.expose().starts_with(scheme), "{} bytes", text.len());
        assert_eq!(verify(&hasher, &text, &made).await, CURRENT);
        let mut other = text.clone();
        other.pop();
        other.push('c');
        assert_eq!(verify(&hasher, &other, &made).await, Verdict::Mismatch);
    }
}

#[tokio::test]
async fn a_long_password_that_another_library_cut_matches_and_is_outdated() {
    let hasher = hasher(CHEAP);
    let key = [b'a'; 72];
    let digest = Lanes.digests(4, &[Input { password: &key, salt: [9; 16] }])[0];
    let cut =
        bcrypt_lanes::BcryptHash::new(bcrypt_lanes::Version::TwoB, 4, [9; 16], digest).unwrap().to_string();

    assert_eq!(verify(&hasher, &"a".repeat(80), &stored(&cut)).await, OUTDATED);
    assert_eq!(verify(&hasher, &"a".repeat(71), &stored(&cut)).await, Verdict::Mismatch);
}

/// Published vectors of the OpenBSD and jBCrypt test suites.
#[tokio::test]
async fn foreign_versions_of_bcrypt_verify_and_are_outdated() {
    let hasher = hasher(Scheme::Bcrypt { cost: 6 });
    for (text, vector) in [
        ("a", "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe"),
        ("abc", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i"),
        ("abcdefghijklmnopqrstuvwxyz", "$2a$06$.rCVZVOThsIa97pEDOxvGuRRgzG64bvtJ0938xuqzv18d3ZpQhstC"),
    ] {
        assert_eq!(verify(&hasher, text, &stored(vector)).await, OUTDATED);
        let renamed = vector.replace("$2a$", "$2b$");
        assert_eq!(verify(&hasher, text, &stored(&renamed)).await, CURRENT);
    }
}

#[tokio::test]
async fn a_hash_of_another_cost_or_scheme_is_outdated() {
    let cheap = hasher(CHEAP);
    let made = hash(&cheap, "b4l0u").await;

    assert_eq!(verify(&hasher(Scheme::Bcrypt { cost: 5 }), "b4l0u", &made).await, OUTDATED);
    assert_eq!(verify(&hasher(Scheme::Argon2id), "b4l0u", &made).await, OUTDATED);
    let argon2id = hash(&hasher(Scheme::Argon2id), "b4l0u").await;
    assert_eq!(verify(&cheap, "b4l0u", &argon2id).await, OUTDATED);
}

/// asvs 11.2.5: what can't be checked, or would cost too much, is refused without the work.
#[tokio::test]
async fn malformed_foreign_and_hostile_hashes_are_a_mismatch_at_the_price_of_a_decoy() {
    let hasher = hasher(CHEAP);
    let made = hash(&hasher, "b4l0u").await;
    let salt_and_digest = &made.expose()[7..];
    for bad in [
        "SuperHashedPwd",
        "$2b$",
        "$2b$04$short",
        &format!("$2x$04${salt_and_digest}"),
        &format!("$2b$31${salt_and_digest}"),
        &format!("$2b$15${salt_and_digest}"),
        &format!("$2b$03${salt_and_digest}"),
        &format!("$2b$4${salt_and_digest}"),
        &format!("$2b$+4${salt_and_digest}"),
        &format!("$2b$04${salt_and_digest}$"),
        "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE",
        "$argon2id$v=19$m=65536,t=9,p=1$c29tZXNhbHRzb21lc2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE",
        "$argon2id$v=19$m=19456,t=2,p=1$$",
        "$scrypt$ln=20,r=8,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE",
    ] {
        let before = hasher.stats().hashed;
        assert!(Stored::parse(&stored(bad)).is_none(), "{bad}");
        assert_eq!(verify(&hasher, "b4l0u", &stored(bad)).await, Verdict::Mismatch, "{bad}");
        assert_eq!(hasher.stats().hashed, before + 1, "{bad}: one decoy");
    }
}

#[tokio::test]
async fn a_decoy_costs_one_hash_and_never_matches() {
    let hasher = hasher(CHEAP);

    let verdict =
        hasher.acquire(Requester::default()).unwrap().verify_decoy(&password("b4l0u"), None).await.unwrap();

    assert_eq!(verdict, Verdict::Mismatch);
    assert_eq!(hasher.stats().hashed, 1);
}

/// A password that is not in normal form is tried both ways: the decoy does as much.
#[tokio::test]
async fn a_candidate_in_another_form_costs_two_hashes_with_an_account_and_without() {
    let hasher = hasher(CHEAP);
    let made = hash(&hasher, "b4l0u").await;
    let decomposed = password("e\u{301}");

    for stored in [Some(&made), None] {
        let before = hasher.stats().hashed;
        let mut permit = hasher.acquire(Requester::default()).unwrap();
        let verdict = match stored {
            Some(stored) => permit.verify(&decomposed, stored).await.unwrap(),
            None => permit.verify_decoy(&decomposed, None).await.unwrap(),
        };
        assert_eq!((verdict, hasher.stats().hashed), (Verdict::Mismatch, before + 2));
    }
}

#[tokio::test]
async fn salts_differ() {
    let hasher = hasher(CHEAP);

    assert_ne!(hash(&hasher, "b4l0u").await.expose(), hash(&hasher, "b4l0u").await.expose());
}
