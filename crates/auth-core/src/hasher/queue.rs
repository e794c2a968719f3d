//! The queue: who is admitted, and what is computed next.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    Busy, Figures, Requester,
    admission::Admitted,
    class::Class,
    fair_queue::FairQueue,
    job::Job,
    pace::{Pace, speed_of_running},
};

/// How many classes' durations are remembered. Stored hashes are bounded in cost, not in variety.
const CLASSES: usize = 64;

/// How often the rescuer looks for jobs that make no progress.
const LOOK_FOR_STALLED: Duration = Duration::from_millis(250);

/// The shortest duration that a hash is thought to take: it bounds how many jobs can wait.
const SHORTEST: Duration = Duration::from_micros(200);

/// Jobs that wait, and what is known of how long they take.
pub struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// For the rescuer, which is not to be woken in another thread's place.
    rescue: Condvar,
    threads: NonZeroUsize,
    max_wait: Duration,
}

#[derive(Default)]
struct State {
    jobs: FairQueue,
    running: Vec<Running>,
    /// Names the next batch.
    batches: u64,
    /// Threads that wait for a job.
    idle: usize,
    admitted: Admitted,
    /// Computing time of one job, by class.
    durations: HashMap<Class, Duration>,
    pace: Pace,
    /// When a hashing thread last finished a batch.
    progress_at: Option<Instant>,
    figures: Figures,
    closed: bool,
}

/// A batch that a thread has begun.
struct Running {
    number: u64,
    jobs: Vec<Arc<Job>>,
    /// The computing time that it needs.
    expected: Duration,
    began: Instant,
    /// Whether the rescuer computes it as well.
    rescued: bool,
}

/// Jobs of one class for a thread, at least one.
pub struct Batch {
    pub jobs: Vec<Arc<Job>>,
    number: Option<u64>,
}

/// What a thread gets when it asks for work.
pub enum Turn {
    Work(Batch),
    /// Nothing came for as long as the thread cared to wait.
    Nothing,
    /// Nothing will ever come.
    Over,
}

impl Queue {
    pub fn new(threads: NonZeroUsize, max_wait: Duration) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), rescue: Condvar::new(), threads, max_wait }
    }

    /// Admits a job of a requester if it will begin within the budget: see [`Admitted::ahead_of`].
    pub fn reserve(self: &Arc<Self>, requester: Requester, class: Class) -> Result<Reservation, Busy> {
        let mut state = self.state();
        let cost = state.duration(class);
        let wait = self.wait_for(&state, state.admitted.ahead_of(requester, cost));
        if wait > self.max_wait {
            state.figures.refused += 1;
            return Err(Busy { retry_after: wait.saturating_sub(self.max_wait).max(Duration::from_secs(1)) });
        }
        state.admitted.add(requester, cost);
        Ok(Reservation { queue: Arc::clone(self), requester, cost })
    }

    pub fn push(&self, job: Job) {
        let mut state = self.state();
        let cost = state.duration(job.class);
        state.jobs.push(Arc::new(job), cost);
        drop(state);
        self.wake.notify_one();
    }

    /// Waits for work: at most `lanes` jobs of one class, fewer while other threads are idle, so that jobs
    /// spread over the threads first and a lone one costs a plain hash.
    pub fn next(&self, lanes: impl Fn(Class) -> usize, timeout: Option<Duration>) -> Turn {
        let mut state = self.state();
        loop {
            state.drop_abandoned();
            if let Some(first) = state.jobs.first() {
                let class = first.class;
                let share = state.jobs.len().div_ceil(state.idle + 1);
                return Turn::Work(state.begin(class, lanes(class).clamp(1, share)));
            }
            if state.closed {
                return Turn::Over;
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
                return Turn::Nothing;
            }
        }
    }

    /// Waits until jobs make no progress, begun or waiting, although they should have been done long ago; then takes
    /// them. A begun batch stays with its thread, too: the first of the two to finish replies.
    pub fn next_stalled(&self, lanes: impl Fn(Class) -> usize) -> Turn {
        let mut state = self.state();
        while !state.closed {
            state.drop_abandoned();
            let now = Instant::now();
            if let Some(batch) = state.stalled_batch(now) {
                return Turn::Work(batch);
            }
            if let Some(class) = state.stalled_class(now, &lanes) {
                return Turn::Work(Batch { jobs: state.take(class, lanes(class).max(1)), number: None });
            }
            let waited = self.rescue.wait_timeout(state, LOOK_FOR_STALLED);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Turn::Over
    }

    /// A batch is done: measures how long its jobs take and how much of a core its thread got.
    pub fn finished(&self, batch: &Batch, computed: Duration, elapsed: Duration) {
        let Some(class) = batch.jobs.first().map(|job| job.class) else { return };
        let each = computed / u32::try_from(batch.jobs.len()).unwrap_or(u32::MAX);
        let now = Instant::now();
        let mut state = self.state();
        state.figures.hashed += batch.jobs.len() as u64;
        let known = state.duration(class);
        if state.durations.len() < CLASSES || state.durations.contains_key(&class) {
            state.durations.insert(class, (known * 7 + each) / 8);
        }
        if let Some(number) = batch.number {
            state.pace.measured(computed, elapsed, now);
            state.running.retain(|running| running.number != number);
            state.progress_at = Some(now);
        }
    }

    pub fn figures(&self) -> Figures {
        let state = self.state();
        let expected_wait = self.wait_for(&state, state.admitted.total());
        Figures { queued: state.jobs.len(), expected_wait, ..state.figures }
    }

    /// Ends the threads once the jobs are done.
    pub fn close(&self) {
        self.state().closed = true;
        self.wake.notify_all();
        self.rescue.notify_all();
    }

    /// How long it takes until so much computing time was spent, with what the threads achieve at this moment.
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
    fn duration(&self, class: Class) -> Duration {
        self.durations.get(&class).copied().unwrap_or_else(|| class.guess()).max(SHORTEST)
    }

    fn drop_abandoned(&mut self) {
        self.figures.dropped += self.jobs.drop_abandoned();
    }

    /// Takes jobs out of the queue, at least one, for a thread that begins with them.
    fn begin(&mut self, class: Class, most: usize) -> Batch {
        let jobs = self.take(class, most);
        let number = self.batches;
        self.batches += 1;
        let expected = self.duration(class) * u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        let began = Instant::now();
        self.running.push(Running { number, jobs: jobs.clone(), expected, began, rescued: false });
        Batch { jobs, number: Some(number) }
    }

    fn take(&mut self, class: Class, most: usize) -> Vec<Arc<Job>> {
        let taken = self.jobs.take(class, most);
        self.figures.waited += taken.iter().map(|job| job.queued_at.elapsed()).sum::<Duration>();
        taken
    }

    /// How long work of this computing time may take before it counts as stalled: four times as long as it should at
    /// the present pace, and a second.
    fn limit(&self, expected: Duration, now: Instant) -> Duration {
        (expected * 4).div_f64(self.pace.speed(now)) + Duration::from_secs(1)
    }

    /// The jobs of a batch that is stalled, and that the rescuer has not taken yet.
    fn stalled_batch(&mut self, now: Instant) -> Option<Batch> {
        let index = self.running.iter().position(|batch| {
            !batch.rescued && now.saturating_duration_since(batch.began) > self.limit(batch.expected, now)
        })?;
        let batch = &mut self.running[index];
        batch.rescued = true;
        let jobs: Vec<_> = batch.jobs.iter().filter(|job| !job.is_abandoned()).cloned().collect();
        (!jobs.is_empty()).then_some(Batch { jobs, number: None })
    }

    /// The class of the job that waits longest, if it should have begun long ago and no thread finished anything since.
    fn stalled_class(&self, now: Instant, lanes: impl Fn(Class) -> usize) -> Option<Class> {
        let oldest = self.jobs.oldest()?;
        let batch = self.duration(oldest.class) * u32::try_from(lanes(oldest.class)).unwrap_or(1);
        let limit = self.limit(batch, now);
        let is_late = |then: Instant| now.saturating_duration_since(then) > limit;
        (is_late(oldest.queued_at) && self.progress_at.is_none_or(is_late)).then_some(oldest.class)
    }
}

/// Work that was admitted: makes room when it is dropped, done or not.
///
/// A caller that goes away makes room although a thread may compute its job: the wait is then underestimated by at most
/// one batch a thread.
pub struct Reservation {
    queue: Arc<Queue>,
    requester: Requester,
    cost: Duration,
}

impl Reservation {
    /// Whose work it is.
    pub const fn requester(&self) -> Requester {
        self.requester
    }

    /// Corrects what the work costs, now that it is known which class it is and how many hashes are left.
    pub fn adjust(&mut self, class: Class, hashes: u32) {
        let mut state = self.queue.state();
        let cost = state.duration(class) * hashes;
        state.admitted.remove(self.requester, self.cost);
        state.admitted.add(self.requester, cost);
        self.cost = cost;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.queue.state().admitted.remove(self.requester, self.cost);
    }
}
