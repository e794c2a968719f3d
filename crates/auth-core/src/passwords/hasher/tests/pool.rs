//! Who is let in, what is hashed together, and what is not hashed at all.

use std::sync::{Mutex, mpsc};

use super::*;
use crate::passwords::hasher::pool::spawn_rescuer;

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

    let permits: Vec<HashPermit> = (0..3).map(|_| hasher.acquire(Requester::default()).unwrap()).collect();
    let refused = hasher.acquire(Requester::default());

    assert!(matches!(refused, Err(Overloaded { retry_after }) if retry_after >= Duration::from_secs(1)));
    assert_eq!(hasher.stats().rejected, 1);
    drop(permits);
    assert!(hasher.acquire(Requester::default()).is_ok(), "room again");
}

#[tokio::test]
async fn a_job_whose_caller_has_gone_is_dropped_before_it_begins() {
    let (hasher, engine, open) = held_hasher(1, Duration::from_mins(1));
    let begin = |text: &str| {
        let (mut permit, password) = (hasher.acquire(Requester::default()).unwrap(), new_password(text));
        tokio::spawn(async move { permit.hash(&password).await })
    };
    let first = begin("first");
    engine.wait_for_begun(1).await;
    let gone = begin("gone");
    let last = begin("last");
    while hasher.stats().queued < 2 {
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
    assert_eq!(hasher.stats().dropped, 1);
}

#[tokio::test]
async fn a_free_thread_takes_as_many_waiting_jobs_as_it_has_lanes() {
    let (hasher, engine, open) = held_hasher(3, Duration::from_mins(1));
    let begin = || {
        let mut permit = hasher.acquire(Requester::default()).unwrap();
        tokio::spawn(async move { permit.hash(&new_password("b4l0u")).await })
    };
    let mut tasks = vec![begin()];
    engine.wait_for_begun(1).await;
    tasks.extend((0..4).map(|_| begin()));
    while hasher.stats().queued < 4 {
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
    let mut permit = hasher.acquire(Requester::default()).unwrap();
    drop(hasher);

    let task = tokio::spawn(async move { permit.hash(&new_password("b4l0u")).await });
    open.send(()).unwrap();
    task.await.unwrap().unwrap();

    while Arc::strong_count(&engine) > 1 {
        tokio::task::yield_now().await;
    }
}

/// An engine whose first computation does not end before the test allows it; the others take no time.
struct Stuck {
    begun: AtomicUsize,
    gate: Mutex<mpsc::Receiver<()>>,
}

impl BcryptEngine for Stuck {
    fn lanes(&self) -> usize {
        1
    }

    fn digests(&self, _: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
        if self.begun.fetch_add(1, Ordering::SeqCst) == 0 {
            self.gate.lock().unwrap().recv().unwrap();
        }
        vec![[0; 23]; inputs.len()]
    }
}

/// A thread may get no time at all, whatever the others do.
#[tokio::test]
async fn what_a_thread_began_and_does_not_finish_is_computed_by_another_and_so_is_what_waits_behind_it() {
    let (open, gate) = mpsc::channel();
    let engine = Arc::new(Stuck { begun: AtomicUsize::new(0), gate: Mutex::new(gate) });
    let shared: Arc<dyn BcryptEngine> = Arc::<Stuck>::clone(&engine);
    let options = options(CHEAP, 1, Duration::from_mins(1));
    let hasher = Hasher::start_with(options, Arc::new(SystemEntropy), &shared).unwrap();
    spawn_rescuer(&hasher.0.queue, &shared).unwrap();
    let logins: Vec<_> = (0..2)
        .map(|_| {
            let mut permit = hasher.acquire(Requester::default()).unwrap();
            tokio::spawn(async move { permit.verify_decoy(&password("b4l0u"), None).await })
        })
        .collect();

    for login in logins {
        let verdict = tokio::time::timeout(Duration::from_mins(1), login).await.unwrap();
        assert_eq!(verdict.unwrap().unwrap(), Verdict::Mismatch);
    }
    assert_eq!(engine.begun.load(Ordering::SeqCst), 3, "the first twice");
    open.send(()).unwrap();
}

/// One client must not be able to have everybody else refused.
#[tokio::test]
async fn a_client_that_has_much_waiting_is_refused_before_others() {
    let (hasher, ..) = held_hasher(1, Duration::from_secs(2));
    let client = |number: u8| Requester::of_address(Some([192, 0, 2, number].into()));

    let mut permits = Vec::new();
    while let Ok(permit) = hasher.acquire(client(1)) {
        permits.push(permit);
    }
    assert!(permits.len() > 5, "{}", permits.len());
    permits.extend((2..6).map(|number| hasher.acquire(client(number)).unwrap()));

    assert!(hasher.acquire(client(1)).is_err());
    let device = Requester::of_device(&auth_db::model::DeviceTokenDigest::from_bytes([1; 32]));
    assert!(hasher.acquire(device).is_ok(), "a known device of the same client is a requester of its own");
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
        let failed =
            hasher.acquire(Requester::default()).unwrap().verify_decoy(&password("b4l0u"), None).await;
        assert_eq!(failed, Err(HashError::Computation));
    }
}
