//! What bcrypt itself does not look at.

use std::time::Instant;

use bcrypt_lanes::{
    BcryptHash, Candidate, Error, NewHash, Version, digests, hash, hash_many, verify, verify_many,
};

#[test]
fn what_was_hashed_verifies_and_nothing_else_does() {
    let made = hash(b"b4l0u", 4, [3; 16]).unwrap();

    assert_eq!((made.version(), made.cost(), made.salt()), (Version::TwoB, 4, &[3; 16]));
    assert!(verify(b"b4l0u", &made, 4).unwrap());
    for wrong in [b"b4l0" as &[u8], b"b4l0u ", b"B4l0u", b"", b"b4l0u\0", b"b4l0u\0b4l0u", &[b'b'; 1000]] {
        assert!(!verify(wrong, &made, 4).unwrap(), "{wrong:?}");
    }
}

#[test]
fn a_password_that_would_be_cut_or_folded_is_not_hashed() {
    let hashed = |password: &[u8]| hash(password, 4, [0; 16]).map(|made| made.cost());

    assert_eq!(hashed(&[b'a'; 71]), Ok(4));
    assert_eq!(hashed(&[b'a'; 72]), Err(Error::PasswordTooLong));
    assert_eq!(hashed(b"a\0a"), Err(Error::PasswordWithNul));
    assert_eq!(hash(b"a", 3, [0; 16]), Err(Error::Cost(3)));
    assert_eq!(hash(b"a", 32, [0; 16]), Err(Error::Cost(32)));
}

/// A hash that another library made of a longer password, cut: the first 72 bytes are compared.
#[test]
fn a_password_that_another_library_cut_matches_by_its_first_72_bytes() {
    let digest = digests(4, &[bcrypt_lanes::Input { password: &[b'a'; 100], salt: [5; 16] }])[0];
    let foreign = BcryptHash::new(Version::TwoY, 4, [5; 16], digest).unwrap();

    assert!(verify(&[b'a'; 72], &foreign, 4).unwrap());
    assert!(verify(&[b'a'; 500], &foreign, 4).unwrap());
    assert!(!verify(&[b'a'; 71], &foreign, 4).unwrap());
    let ours = hash(&[b'a'; 71], 4, [5; 16]).unwrap();
    assert!(!verify(&[b'a'; 72], &ours, 4).unwrap(), "our hash holds the terminator");
}

#[test]
fn a_hash_that_asks_for_too_much_is_refused_before_any_work() {
    let hostile: BcryptHash = "$2b$31$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i".parse().unwrap();
    let cheap = hash(b"a", 4, [0; 16]).unwrap();
    let began = Instant::now();

    assert_eq!(verify(b"abc", &hostile, 14), Err(Error::Cost(31)));
    let both = [Candidate { password: b"a", hash: &cheap }, Candidate { password: b"abc", hash: &hostile }];
    assert_eq!(verify_many(&both, 14), Err(Error::Cost(31)));
    // A hash of cost 31 takes a day and a half.
    assert!(began.elapsed().as_secs() < 60);
}

#[test]
fn many_passwords_of_mixed_costs_are_hashed_in_their_order() {
    let passwords: Vec<String> = (0..23).map(|number| format!("password {number}")).collect();
    let jobs: Vec<NewHash<'_>> = passwords
        .iter()
        .zip(0..)
        .map(|(password, number)| NewHash {
            password: password.as_bytes(),
            salt: [number; 16],
            cost: 4 + u32::from(number % 3),
        })
        .collect();

    let hashes = hash_many(&jobs).unwrap();

    for (job, made) in jobs.iter().zip(&hashes) {
        assert_eq!(*made, hash(job.password, job.cost, job.salt).unwrap());
    }
    let mut with_a_bad_one = jobs.clone();
    with_a_bad_one[20].password = b"\0";
    assert_eq!(hash_many(&with_a_bad_one), Err(Error::PasswordWithNul));
    assert_eq!(hash_many(&[]), Ok(Vec::new()));
}

#[test]
fn debug_output_shows_neither_salt_nor_digest() {
    let made = hash(b"a", 4, [0; 16]).unwrap();

    assert_eq!(format!("{made:?}"), "BcryptHash { version: TwoB, cost: 4, .. }");
}
