//! The queue: who is let in, and who is next.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroUsize,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::{Busy, Figures, class::Class, kdf::Kdf};

/// How many classes' durations are remembered. Stored hashes are bounded in cost, not in variety.
const CLASSES: usize = 64;

/// How often to look whether jobs starve.
const LOOK_FOR_STARVING: Duration = Duration::from_millis(250);

/// The shortest duration that a hash is thought to take: it bounds how many jobs can wait.
const SHORTEST: Duration = Duration::from_micros(200);

/// One digest to compute.
pub struct Job {
    pub class: Class,
    /// Scheme, cost and salt in full.
    pub task: Task,
    pub password: Zeroizing<Vec<u8>>,
    pub reply: oneshot::Sender<Vec<u8>>,
    pub span: tracing::Span,
    pub queued_at: Instant,
}

/// What to compute.
pub enum Task {
    Bcrypt { cost: u32, salt: [u8; 16] },
    Computed { kdf: Kdf, length: usize },
}

/// Jobs that wait, and what is known of how long they take.
pub struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    /// For the helper, which is not to be woken in another's place.
    help: Condvar,
    threads: NonZeroUsize,
    max_wait: Duration,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job.
    idle: usize,
    /// Work that was let in and is not finished.
    admitted: Duration,
    durations: HashMap<Class, Duration>,
    /// When a thread last finished jobs, other than by helping out.
    progress_at: Option<Instant>,
    figures: Figures,
    closed: bool,
}

/// What a thread gets when it asks for work.
pub enum Turn {
    /// Jobs of one class, at least one.
    Work(Vec<Job>),
    /// Nothing came for as long as the thread cared to wait.
    Nothing,
    /// Nothing will ever come.
    Over,
}

impl Queue {
    pub fn new(threads: NonZeroUsize, max_wait: Duration) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), help: Condvar::new(), threads, max_wait }
    }

    /// Lets somebody in, if what was let in before will be done within the budget.
    pub fn reserve(self: &Arc<Self>, class: Class) -> Result<Reservation, Busy> {
        let mut state = self.state();
        let wait = self.expected_wait(&state);
        if wait > self.max_wait {
            state.figures.refused += 1;
            return Err(Busy { retry_after: wait.saturating_sub(self.max_wait).max(Duration::from_secs(1)) });
        }
        let cost = state.duration(class);
        state.admitted += cost;
        Ok(Reservation { queue: Arc::clone(self), cost })
    }

    pub fn push(&self, job: Job) {
        self.state().jobs.push_back(job);
        self.wake.notify_one();
    }

    /// Waits for work: at most `lanes` jobs of one class, fewer while other threads are idle, so that jobs
    /// spread over the threads first and a lone one costs a plain hash.
    pub fn next(&self, lanes: impl Fn(Class) -> usize, patience: Option<Duration>) -> Turn {
        let mut state = self.state();
        loop {
            state.drop_abandoned();
            if let Some(first) = state.jobs.front() {
                let class = first.class;
                let share = state.jobs.len().div_ceil(state.idle + 1);
                let batch = state.take(class, lanes(class).clamp(1, share));
                return Turn::Work(batch);
            }
            if state.closed {
                return Turn::Over;
            }
            state.idle += 1;
            let timed_out;
            (state, timed_out) = match patience {
                None => (self.wake.wait(state).unwrap_or_else(PoisonError::into_inner), false),
                Some(patience) => {
                    let (state, wait) =
                        self.wake.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
                    (state, wait.timed_out())
                }
            };
            state.idle -= 1;
            if timed_out && state.jobs.is_empty() && !state.closed {
                return Turn::Nothing;
            }
        }
    }

    /// Waits until jobs wait for long and the threads that should do them get nowhere, because others
    /// saturate every core; then takes some of them.
    pub fn next_of_the_starving(&self, lanes: impl Fn(Class) -> usize) -> Turn {
        let mut state = self.state();
        while !state.closed {
            state.drop_abandoned();
            if let Some(class) = state.starving(&lanes) {
                return Turn::Work(state.take(class, lanes(class).max(1)));
            }
            state =
                self.help.wait_timeout(state, LOOK_FOR_STARVING).unwrap_or_else(PoisonError::into_inner).0;
        }
        Turn::Over
    }

    /// A thread finished jobs: it does not starve.
    pub fn progress(&self) {
        self.state().progress_at = Some(Instant::now());
    }

    /// Learns how long a job of a class takes.
    pub fn learn(&self, class: Class, jobs: usize, took: Duration) {
        let each = took / u32::try_from(jobs.max(1)).unwrap_or(u32::MAX);
        let mut state = self.state();
        state.figures.hashed += jobs as u64;
        let known = state.duration(class);
        if state.durations.len() < CLASSES || state.durations.contains_key(&class) {
            state.durations.insert(class, (known * 7 + each) / 8);
        }
    }

    pub fn figures(&self) -> Figures {
        let state = self.state();
        Figures { queued: state.jobs.len(), expected_wait: self.expected_wait(&state), ..state.figures }
    }

    /// Sends the threads home once the jobs are done.
    pub fn close(&self) {
        self.state().closed = true;
        self.wake.notify_all();
        self.help.notify_all();
    }

    fn expected_wait(&self, state: &State) -> Duration {
        let threads = u32::try_from(self.threads.get()).unwrap_or(u32::MAX);
        // A thread that is free begins at once, whatever the others do.
        state.admitted / threads
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

    /// The class of the job that has waited longest, if for so long nothing was finished that it should have
    /// been begun by now: three times what a full batch takes, and half a second.
    fn starving(&self, lanes: impl Fn(Class) -> usize) -> Option<Class> {
        let first = self.jobs.front()?;
        let batch = self.duration(first.class) * u32::try_from(lanes(first.class)).unwrap_or(1);
        let patience = batch * 3 + Duration::from_millis(500);
        let is_starving = first.queued_at.elapsed() > patience
            && self.progress_at.is_none_or(|progress| progress.elapsed() > patience);
        is_starving.then_some(first.class)
    }

    /// A job whose caller has gone is not begun.
    fn drop_abandoned(&mut self) {
        let before = self.jobs.len();
        self.jobs.retain(|job| !job.reply.is_closed());
        self.figures.dropped += (before - self.jobs.len()) as u64;
    }

    /// Takes the first jobs of a class out of the queue.
    fn take(&mut self, class: Class, most: usize) -> Vec<Job> {
        let mut taken = Vec::with_capacity(most);
        let mut index = 0;
        while taken.len() < most && index < self.jobs.len() {
            if self.jobs[index].class == class {
                taken.extend(self.jobs.remove(index));
            } else {
                index += 1;
            }
        }
        self.figures.waited += taken.iter().map(|job| job.queued_at.elapsed()).sum::<Duration>();
        taken
    }
}

/// Work that was let in: given back when dropped, be it done or not.
///
/// A caller that goes away gives its work back although a thread may be at it: the wait is then
/// underestimated by one job a thread at the most.
pub struct Reservation {
    queue: Arc<Queue>,
    cost: Duration,
}

impl Reservation {
    /// Corrects what the work costs, now that it is known which class it is and how many hashes are left.
    pub fn adjust(&mut self, class: Class, hashes: u32) {
        let mut state = self.queue.state();
        let cost = state.duration(class) * hashes;
        state.admitted = state.admitted.saturating_sub(self.cost) + cost;
        self.cost = cost;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.admitted = state.admitted.saturating_sub(self.cost);
    }
}
