//! The hashing threads.

use std::{
    io,
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use argon2::Block;

use super::{
    bcrypt::{BcryptEngine, Input},
    class::Class,
    job::{Job, Task},
    queue::{Batch, Queue, Turn},
};

/// The time slices that hashing threads ask for. Threads that answer requests ask for short ones, and then need not wait
/// for the end of these (docs/adr/0008, with the measurements).
const SLICE: Duration = Duration::from_millis(20);

/// How long a thread keeps its Argon2 block for a next hash.
const KEEP_BLOCK: Duration = Duration::from_secs(10);

/// Starts the threads; each ends when the queue is closed.
pub fn spawn(threads: NonZeroUsize, queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    (0..threads.get()).try_for_each(|number| start(format!("hasher-{number}"), Role::Ordinary, queue, engine))
}

/// Starts one more, which waits until others make no progress.
pub fn spawn_rescuer(queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    start("hasher-rescuer".to_owned(), Role::Rescuer, queue, engine)
}

fn start(name: String, role: Role, queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    let (worker_queue, engine) = (Arc::clone(queue), Arc::clone(engine));
    let spawned = thread::Builder::new().name(name).spawn(move || {
        if let Err(cause) = thread_slice::request(SLICE) {
            tracing::debug!(%cause, "a hashing thread keeps its time slices");
        }
        Worker { role, queue: worker_queue, engine, block: Vec::new() }.run();
    });
    spawned.map(drop).inspect_err(|_| queue.close())
}

/// What a thread is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It computes what is queued.
    Ordinary,
    /// It computes what the ordinary threads began and do not finish: one that gets no time, for example because a
    /// program of a real-time class has its core, keeps its jobs.
    Rescuer,
}

struct Worker {
    role: Role,
    queue: Arc<Queue>,
    engine: Arc<dyn BcryptEngine>,
    /// Argon2's memory, kept between hashes: a fresh one costs a third of the time.
    block: Vec<Block>,
}

impl Worker {
    fn run(&mut self) {
        loop {
            let engine = Arc::clone(&self.engine);
            let lanes = |class| match class {
                Class::Bcrypt { .. } => engine.lanes(),
                Class::Argon2 { .. } | Class::Scrypt { .. } | Class::Pbkdf2 { .. } => 1,
            };
            let timeout = (!self.block.is_empty()).then_some(KEEP_BLOCK);
            let turn = match self.role {
                Role::Ordinary => self.queue.next(lanes, timeout),
                Role::Rescuer => {
                    self.block = Vec::new();
                    self.queue.next_stalled(lanes)
                }
            };
            match turn {
                Turn::Work(batch) => self.compute(&batch),
                Turn::Nothing => self.block = Vec::new(),
                Turn::Over => return,
            }
        }
    }

    /// Computes jobs of one class and hands over the results. One that fails, or panics, has none.
    fn compute(&mut self, batch: &Batch) {
        let Some(first) = batch.jobs.first() else { return };
        let _entered = first.span.clone().entered();
        let (began, computed_before) = (Instant::now(), computing_time());
        let digests = catch_unwind(AssertUnwindSafe(|| self.digests(&batch.jobs))).unwrap_or_else(|_| {
            tracing::error!("a hashing thread panicked");
            Vec::new()
        });
        let elapsed = began.elapsed();
        let computed = match (computed_before, computing_time()) {
            (Some(before), Some(after)) => after.saturating_sub(before).min(elapsed),
            _ => elapsed,
        };
        self.queue.finished(batch, computed, elapsed);
        for (job, digest) in batch.jobs.iter().zip(digests) {
            if let Some(digest) = digest {
                job.finish(digest);
            }
        }
    }

    fn digests(&mut self, jobs: &[Arc<Job>]) -> Vec<Option<Vec<u8>>> {
        if let Task::Bcrypt { cost, .. } = jobs[0].task {
            let inputs: Vec<Input<'_>> = jobs.iter().filter_map(|job| bcrypt_input(job)).collect();
            return self
                .engine
                .digests(cost, &inputs)
                .into_iter()
                .map(|digest| Some(digest.to_vec()))
                .collect();
        }
        jobs.iter().map(|job| self.computed(job)).collect()
    }

    fn computed(&mut self, job: &Job) -> Option<Vec<u8>> {
        let Task::Computed { kdf, length } = &job.task else { return None };
        let digest = kdf.digest(&job.password, *length, &mut self.block);
        if digest.is_none() {
            tracing::error!(class = ?job.class, "a password hash could not be computed");
        }
        digest
    }
}

fn bcrypt_input(job: &Job) -> Option<Input<'_>> {
    match &job.task {
        Task::Bcrypt { salt, .. } => Some(Input { password: &job.password, salt: *salt }),
        Task::Computed { .. } => None,
    }
}

/// The computing time of this thread so far; none where the system does not count it.
#[cfg(unix)]
fn computing_time() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
}

#[cfg(not(unix))]
fn computing_time() -> Option<Duration> {
    None
}
