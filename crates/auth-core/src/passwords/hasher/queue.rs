//! The queue: admission, and the order of jobs.
#![expect(clippy::disallowed_methods, reason = "hashing takes real time")]

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    HasherStats, Overloaded, Requester,
    admission::Admitted,
    algorithm::Algorithm,
    fair_queue::FairQueue,
    job::Job,
    pace::{Pace, speed_of_running},
};

/// The number of algorithms whose durations are measured. Stored hashes are bounded in cost, not in variety.
const MAX_ALGORITHMS: usize = 64;

/// How often the rescuer looks for stalled jobs.
const STALL_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The minimum assumed duration of a hash. It bounds the number of queued jobs.
const MIN_DURATION: Duration = Duration::from_micros(200);

/// Queued jobs, and measurements of how long they take.
pub struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// Wakes the rescuer, which must not be woken instead of an ordinary thread.
    rescue: Condvar,
    threads: NonZeroUsize,
    max_wait: Duration,
}

#[derive(Default)]
struct State {
    jobs: FairQueue,
    running: Vec<Running>,
    /// The number of the next batch.
    batches: u64,
    /// Idle threads.
    idle: usize,
    admitted: Admitted,
    /// The CPU time of one job, by algorithm.
    durations: HashMap<Algorithm, Duration>,
    pace: Pace,
    /// When a hashing thread last finished a batch.
    progress_at: Option<Instant>,
    stats: HasherStats,
    closed: bool,
}

/// A batch that a thread is computing.
struct Running {
    number: u64,
    jobs: Vec<Arc<Job>>,
    /// The CPU time that it needs.
    expected: Duration,
    began: Instant,
    /// Whether the rescuer computes it too.
    rescued: bool,
}

/// Jobs of one algorithm for a thread, at least one.
pub struct Batch {
    pub jobs: Vec<Arc<Job>>,
    number: Option<u64>,
}

/// What a thread does next.
pub enum Next {
    Work(Batch),
    /// No job arrived within the timeout.
    Idle,
    /// The queue is closed.
    Closed,
}

impl Queue {
    pub fn new(threads: NonZeroUsize, max_wait: Duration) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), rescue: Condvar::new(), threads, max_wait }
    }

    /// Admits a job of a requester if it will begin within the time budget: see [`Admitted::ahead_of`].
    pub fn admit(
        self: &Arc<Self>,
        requester: Requester,
        algorithm: Algorithm,
    ) -> Result<Admission, Overloaded> {
        let mut state = self.state();
        let cost = state.duration(algorithm);
        let wait = self.wait_for(&state, state.admitted.ahead_of(requester, cost));
        if wait > self.max_wait {
            state.stats.rejected += 1;
            let retry_after = wait.saturating_sub(self.max_wait).max(Duration::from_secs(1));
            return Err(Overloaded { retry_after });
        }
        state.admitted.add(requester, cost);
        Ok(Admission { queue: Arc::clone(self), requester, cost })
    }

    pub fn push(&self, job: Job) {
        let mut state = self.state();
        let cost = state.duration(job.algorithm());
        state.jobs.push(Arc::new(job), cost);
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for work: at most `lanes` jobs of one algorithm. While other threads are idle the batch is smaller, so that jobs
    /// are spread over the threads first, and a single job takes as long as a plain hash.
    pub fn next(&self, lanes: impl Fn(Algorithm) -> usize, timeout: Option<Duration>) -> Next {
        let mut state = self.state();
        loop {
            state.drop_abandoned();
            if let Some(first) = state.jobs.first() {
                let algorithm = first.algorithm();
                let share = state.jobs.len().div_ceil(state.idle + 1);
                return Next::Work(state.begin(algorithm, lanes(algorithm).clamp(1, share)));
            }
            if state.closed {
                return Next::Closed;
            }
            state.idle += 1;
            let timed_out;
            (state, timed_out) = match timeout {
                None => (self.wake.wait(state).unwrap_or_else(PoisonError::into_inner), false),
                Some(timeout) => {
                    let (state, wait) =
                        self.wake.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner);
                    (state, wait.timed_out())
                }
            };
            state.idle -= 1;
            if timed_out && state.jobs.is_empty() && !state.closed {
                return Next::Idle;
            }
        }
    }

    /// Waits for stalled jobs, running or queued, and takes them. A running batch stays with its thread as well: the first
    /// of the two to finish sends the results.
    pub fn next_stalled(&self, lanes: impl Fn(Algorithm) -> usize) -> Next {
        let mut state = self.state();
        while !state.closed {
            state.drop_abandoned();
            let now = Instant::now();
            if let Some(batch) = state.stalled_batch(now) {
                return Next::Work(batch);
            }
            if let Some(algorithm) = state.stalled_algorithm(now, &lanes) {
                let jobs = state.take(algorithm, lanes(algorithm).max(1));
                return Next::Work(Batch { jobs, number: None });
            }
            let waited = self.rescue.wait_timeout(state, STALL_CHECK_INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Next::Closed
    }

    /// Removes a finished batch, and measures the duration of its jobs and the share of a core that its thread had.
    pub fn finished(&self, batch: &Batch, computed: Duration, elapsed: Duration) {
        let Some(algorithm) = batch.jobs.first().map(|job| job.algorithm()) else { return };
        let each = computed / u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX);
        let now = Instant::now();
        let mut state = self.state();
        state.stats.hashed += batch.jobs.len() as u64;
        let known = state.duration(algorithm);
        if state.durations.len() < MAX_ALGORITHMS || state.durations.contains_key(&algorithm) {
            state.durations.insert(algorithm, (known * 7 + each) / 8);
        }
        if let Some(number) = batch.number {
            state.pace.measured(computed, elapsed, now);
            state.running.retain(|running| running.number != number);
            state.progress_at = Some(now);
        }
    }

    pub fn stats(&self) -> HasherStats {
        let state = self.state();
        let expected_wait = self.wait_for(&state, state.admitted.total());
        HasherStats { queued: state.jobs.len(), expected_wait, ..state.stats }
    }

    /// Ends the threads as soon as the queue is empty.
    pub fn close(&self) {
        self.state().closed = true;
        self.wake.notify_all();
        self.rescue.notify_all();
    }

    /// The time in which the threads do this much work, at their present speed.
    fn wait_for(&self, state: &State, work: Duration) -> Duration {
        let now = Instant::now();
        let usual = state.pace.speed(now);
        let running: f64 = state
            .running
            .iter()
            .map(|batch| speed_of_running(batch.expected, now.saturating_duration_since(batch.began), usual))
            .sum();
        let resting = self.threads.get().saturating_sub(state.running.len());
        work.div_f64(running + usual * f64::from(u32::try_from(resting).unwrap_or(u32::MAX)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn duration(&self, algorithm: Algorithm) -> Duration {
        self.durations.get(&algorithm).copied().unwrap_or_else(|| algorithm.estimate()).max(MIN_DURATION)
    }

    fn drop_abandoned(&mut self) {
        self.stats.dropped += self.jobs.drop_abandoned();
    }

    /// Takes jobs from the queue, at least one, for an ordinary thread.
    fn begin(&mut self, algorithm: Algorithm, max: usize) -> Batch {
        let jobs = self.take(algorithm, max);
        let number = self.batches;
        self.batches += 1;
        let expected = self.duration(algorithm) * u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        let began = Instant::now();
        self.running.push(Running { number, jobs: jobs.clone(), expected, began, rescued: false });
        Batch { jobs, number: Some(number) }
    }

    fn take(&mut self, algorithm: Algorithm, max: usize) -> Vec<Arc<Job>> {
        let taken = self.jobs.take(algorithm, max);
        self.stats.waited += taken.iter().map(|job| job.queued_at.elapsed()).sum::<Duration>();
        taken
    }

    /// The time after which work is stalled: four times its expected duration at the present speed, and a second.
    fn stall_limit(&self, expected: Duration, now: Instant) -> Duration {
        (expected * 4).div_f64(self.pace.speed(now)) + Duration::from_secs(1)
    }

    /// A stalled batch that the rescuer has not taken yet.
    fn stalled_batch(&mut self, now: Instant) -> Option<Batch> {
        let index = self.running.iter().position(|batch| {
            !batch.rescued
                && now.saturating_duration_since(batch.began) > self.stall_limit(batch.expected, now)
        })?;
        let batch = &mut self.running[index];
        batch.rescued = true;
        let jobs: Vec<_> = batch.jobs.iter().filter(|job| !job.is_abandoned()).cloned().collect();
        (!jobs.is_empty()).then_some(Batch { jobs, number: None })
    }

    /// The algorithm of the oldest queued job, if that is stalled and no thread has finished a batch since.
    fn stalled_algorithm(&self, now: Instant, lanes: impl Fn(Algorithm) -> usize) -> Option<Algorithm> {
        let oldest = self.jobs.oldest()?;
        let algorithm = oldest.algorithm();
        let batch = self.duration(algorithm) * u32::try_from(lanes(algorithm)).unwrap_or(1);
        let limit = self.stall_limit(batch, now);
        let is_late = |then: Instant| now.saturating_duration_since(then) > limit;
        (is_late(oldest.queued_at) && self.progress_at.is_none_or(is_late)).then_some(algorithm)
    }
}

/// Admitted work. Dropping it frees its share of the budget.
///
/// If the caller is cancelled, a thread may still be computing the job. The wait is then underestimated by at most one
/// batch per thread.
pub struct Admission {
    queue: Arc<Queue>,
    requester: Requester,
    cost: Duration,
}

impl Admission {
    /// The requester of the work.
    pub const fn requester(&self) -> Requester {
        self.requester
    }

    /// Corrects the cost of the work, when its algorithm and the number of remaining hashes are known.
    pub fn adjust(&mut self, algorithm: Algorithm, hashes: u32) {
        let mut state = self.queue.state();
        let cost = state.duration(algorithm) * hashes;
        state.admitted.remove(self.requester, self.cost);
        state.admitted.add(self.requester, cost);
        self.cost = cost;
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.queue.state().admitted.remove(self.requester, self.cost);
    }
}
