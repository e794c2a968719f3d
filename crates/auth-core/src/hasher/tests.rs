//! The pool as its callers see it, with an engine that tests can hold.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use auth_db::model::{NewPassword, Password, PasswordHash, PasswordPolicy};

use super::{
    bcrypt::{BcryptEngine, Input, Lanes},
    stored::Stored,
    *,
};
use crate::SystemEntropy;

/// An engine that hashes in no time, and badly.
struct Nothing {
    digests: Arc<AtomicUsize>,
}

impl BcryptEngine for Nothing {
    fn lanes(&self) -> usize {
        1
    }

    fn digests(&self, _: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
        let digest = |input: &Input<'_>| {
            let mut digest = [0_u8; 23];
            for (index, byte) in input.salt.iter().chain(input.password).enumerate() {
                let place = &mut digest[index % 23];
                *place = place.wrapping_mul(31).wrapping_add(*byte);
            }
            digest
        };
        self.digests.fetch_add(inputs.len(), Ordering::Relaxed);
        inputs.iter().map(digest).collect()
    }
}

impl Hasher {
    /// For tests in which bcrypt should cost nothing; it is counted how often it was used.
    pub(crate) fn for_nothing(options: HasherOptions, entropy: Arc<dyn Entropy>) -> (Self, Arc<AtomicUsize>) {
        let digests = Arc::default();
        let engine: Arc<dyn BcryptEngine> = Arc::new(Nothing { digests: Arc::clone(&digests) });
        (Self::start_with(options, entropy, &engine).unwrap(), digests)
    }
}

const CHEAP: Scheme = Scheme::Bcrypt { cost: 4 };

fn options(scheme: Scheme, threads: usize, max_wait: Duration) -> HasherOptions {
    HasherOptions { scheme, threads: NonZeroUsize::new(threads).unwrap(), max_wait }
}

fn hasher(scheme: Scheme) -> Hasher {
    Hasher::start(options(scheme, 2, Duration::from_mins(1)), Arc::new(SystemEntropy)).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text.into()).unwrap()
}

fn new_password(text: &str) -> NewPassword {
    NewPassword::parse(text.into(), &PasswordPolicy { min_code_points: 1 }).unwrap()
}

async fn hash(hasher: &Hasher, text: &str) -> PasswordHash {
    hasher.admit().unwrap().hash(&new_password(text)).await.unwrap()
}

async fn verify(hasher: &Hasher, text: &str, hash: &PasswordHash) -> Verdict {
    hasher.admit().unwrap().verify(&password(text), hash).await.unwrap()
}

fn stored(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap()
}

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
        let before = hasher.figures().hashed;
        assert!(Stored::parse(&stored(bad)).is_none(), "{bad}");
        assert_eq!(verify(&hasher, "b4l0u", &stored(bad)).await, Verdict::Mismatch, "{bad}");
        assert_eq!(hasher.figures().hashed, before + 1, "{bad}: one decoy");
    }
}

#[tokio::test]
async fn a_decoy_costs_one_hash_and_never_matches() {
    let hasher = hasher(CHEAP);

    let verdict = hasher.admit().unwrap().verify_decoy(&password("b4l0u")).await.unwrap();

    assert_eq!(verdict, Verdict::Mismatch);
    assert_eq!(hasher.figures().hashed, 1);
}

/// A password that is not in normal form is tried both ways: the decoy does as much.
#[tokio::test]
async fn a_candidate_in_another_form_costs_two_hashes_with_an_account_and_without() {
    let hasher = hasher(CHEAP);
    let made = hash(&hasher, "b4l0u").await;
    let decomposed = password("e\u{301}");

    for stored in [Some(&made), None] {
        let before = hasher.figures().hashed;
        let mut slot = hasher.admit().unwrap();
        let verdict = match stored {
            Some(stored) => slot.verify(&decomposed, stored).await.unwrap(),
            None => slot.verify_decoy(&decomposed).await.unwrap(),
        };
        assert_eq!((verdict, hasher.figures().hashed), (Verdict::Mismatch, before + 2));
    }
}

#[tokio::test]
async fn salts_differ() {
    let hasher = hasher(CHEAP);

    assert_ne!(hash(&hasher, "b4l0u").await.expose(), hash(&hasher, "b4l0u").await.expose());
}

/// An engine whose jobs wait until the test lets them go, and which notes how many it was given.
struct Held {
    batches: Mutex<Vec<usize>>,
    begun: AtomicUsize,
    gate: Mutex<mpsc::Receiver<()>>,
    lanes: usize,
}

impl Held {
    fn new(lanes: usize) -> (Arc<Self>, mpsc::Sender<()>) {
        let (open, gate) = mpsc::channel();
        let held =
            Self { batches: Mutex::default(), begun: AtomicUsize::new(0), gate: Mutex::new(gate), lanes };
        (Arc::new(held), open)
    }

    async fn wait_for_begun(&self, jobs: usize) {
        while self.begun.load(Ordering::SeqCst) < jobs {
            tokio::task::yield_now().await;
        }
    }
}

impl BcryptEngine for Held {
    fn lanes(&self) -> usize {
        self.lanes
    }

    fn digests(&self, _: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
        self.batches.lock().unwrap().push(inputs.len());
        self.begun.fetch_add(inputs.len(), Ordering::SeqCst);
        self.gate.lock().unwrap().recv().unwrap();
        vec![[0; 23]; inputs.len()]
    }
}

fn held_hasher(lanes: usize, max_wait: Duration) -> (Hasher, Arc<Held>, mpsc::Sender<()>) {
    let (engine, open) = Held::new(lanes);
    let options = options(Scheme::Bcrypt { cost: 12 }, 1, max_wait);
    let shared: Arc<dyn BcryptEngine> = Arc::<Held>::clone(&engine);
    let hasher = Hasher::start_with(options, Arc::new(SystemEntropy), &shared).unwrap();
    (hasher, engine, open)
}

/// A hash at cost 12 is guessed at 250 ms: a budget of 600 ms lets in three and refuses the fourth.
#[tokio::test]
async fn who_would_wait_longer_than_the_budget_is_refused_at_once() {
    let (hasher, ..) = held_hasher(1, Duration::from_millis(600));

    let slots: Vec<Slot> = (0..3).map(|_| hasher.admit().unwrap()).collect();
    let refused = hasher.admit();

    assert!(matches!(refused, Err(Busy { retry_after }) if retry_after >= Duration::from_secs(1)));
    assert_eq!(hasher.figures().refused, 1);
    drop(slots);
    assert!(hasher.admit().is_ok(), "room again");
}

#[tokio::test]
async fn a_job_whose_caller_has_gone_is_dropped_before_it_begins() {
    let (hasher, engine, open) = held_hasher(1, Duration::from_mins(1));
    let begin = |text: &str| {
        let (mut slot, password) = (hasher.admit().unwrap(), new_password(text));
        tokio::spawn(async move { slot.hash(&password).await })
    };
    let first = begin("first");
    engine.wait_for_begun(1).await;
    let gone = begin("gone");
    let last = begin("last");
    while hasher.figures().queued < 2 {
        tokio::task::yield_now().await;
    }

    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    for _ in 0..3 {
        open.send(()).unwrap();
    }
    first.await.unwrap().unwrap();
    last.await.unwrap().unwrap();

    assert_eq!(*engine.batches.lock().unwrap(), [1, 1]);
    assert_eq!(hasher.figures().dropped, 1);
}

#[tokio::test]
async fn a_free_thread_takes_as_many_waiting_jobs_as_it_has_lanes() {
    let (hasher, engine, open) = held_hasher(3, Duration::from_mins(1));
    let begin = || {
        let mut slot = hasher.admit().unwrap();
        tokio::spawn(async move { slot.hash(&new_password("b4l0u")).await })
    };
    let mut tasks = vec![begin()];
    engine.wait_for_begun(1).await;
    tasks.extend((0..4).map(|_| begin()));
    while hasher.figures().queued < 4 {
        tokio::task::yield_now().await;
    }

    for _ in 0..3 {
        open.send(()).unwrap();
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }

    assert_eq!(*engine.batches.lock().unwrap(), [1, 3, 1]);
}

#[tokio::test]
async fn a_pool_that_is_dropped_sends_its_threads_home_after_the_work() {
    let (hasher, engine, open) = held_hasher(1, Duration::from_mins(1));
    let mut slot = hasher.admit().unwrap();
    drop(hasher);

    let task = tokio::spawn(async move { slot.hash(&new_password("b4l0u")).await });
    open.send(()).unwrap();
    task.await.unwrap().unwrap();

    while Arc::strong_count(&engine) > 1 {
        tokio::task::yield_now().await;
    }
}

/// Requests that saturate every core leave an idle thread nothing: here, it is held.
#[tokio::test]
async fn where_the_threads_get_nowhere_a_helper_takes_what_waits() {
    let (engine, open) = Held::new(1);
    let shared: Arc<dyn BcryptEngine> = Arc::<Held>::clone(&engine);
    let options = options(CHEAP, 1, Duration::from_mins(1));
    let hasher = Hasher::start_with(options, Arc::new(SystemEntropy), &shared).unwrap();
    pool::spawn_helper(&hasher.0.queue, &shared).unwrap();
    let logins: Vec<_> = (0..2)
        .map(|_| {
            let mut slot = hasher.admit().unwrap();
            tokio::spawn(async move { slot.verify_decoy(&password("b4l0u")).await })
        })
        .collect();

    tokio::time::timeout(Duration::from_mins(1), engine.wait_for_begun(2)).await.unwrap();

    open.send(()).unwrap();
    open.send(()).unwrap();
    for login in logins {
        assert_eq!(login.await.unwrap().unwrap(), Verdict::Mismatch);
    }
}

/// An engine that fails as code with a bug would.
struct Panics;

impl BcryptEngine for Panics {
    fn lanes(&self) -> usize {
        1
    }

    fn digests(&self, _: u32, _: &[Input<'_>]) -> Vec<[u8; 23]> {
        panic!("a bug")
    }
}

/// asvs 16.5.3: a computation that failed is no verdict, and the next one is served.
#[tokio::test]
async fn a_hash_that_fails_is_an_error_and_never_a_match() {
    let engine: Arc<dyn BcryptEngine> = Arc::new(Panics);
    let options = options(CHEAP, 1, Duration::from_mins(1));
    let hasher = Hasher::start_with(options, Arc::new(SystemEntropy), &engine).unwrap();

    for _ in 0..2 {
        let failed = hasher.admit().unwrap().verify_decoy(&password("b4l0u")).await;
        assert_eq!(failed, Err(HashFailed::Computation));
    }
}
