//! The hashing threads.
#![expect(clippy::disallowed_methods, reason = "hashing takes real time")]

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
    algorithm::Algorithm,
    bcrypt::{BcryptEngine, Input},
    job::Job,
    queue::{Batch, Next, Queue},
};

/// The time slice that hashing threads request from the scheduler. Threads that serve requests ask for short ones, and need
/// not wait for the end of these (docs/adr/0008, with the measurements).
const SLICE: Duration = Duration::from_millis(20);

/// The idle time after which a thread frees its Argon2 block.
const KEEP_BLOCK: Duration = Duration::from_secs(10);

/// Starts the threads. They end when the queue is closed.
pub fn spawn(threads: NonZeroUsize, queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    (0..threads.get()).try_for_each(|number| start(format!("hasher-{number}"), Role::Ordinary, queue, engine))
}

/// Starts the rescuer, which works only while the other threads make no progress.
pub fn spawn_rescuer(queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    start("hasher-rescuer".to_owned(), Role::Rescuer, queue, engine)
}

fn start(name: String, role: Role, queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    let (worker_queue, engine) = (Arc::clone(queue), Arc::clone(engine));
    let spawned = thread::Builder::new().name(name).spawn(move || {
        if let Err(cause) = thread_slice::request(SLICE) {
            tracing::debug!(%cause, "a hashing thread keeps its default time slice");
        }
        Worker { role, queue: worker_queue, engine, block: Vec::new() }.run();
    });
    spawned.map(drop).inspect_err(|_| queue.close())
}

/// The role of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Computes queued jobs.
    Ordinary,
    /// Computes the jobs that an ordinary thread began and does not finish, for example because a program of a real-time
    /// class occupies its core.
    Rescuer,
}

struct Worker {
    role: Role,
    queue: Arc<Queue>,
    engine: Arc<dyn BcryptEngine>,
    /// Argon2's memory, kept between hashes: allocating it takes a third of the time of a hash.
    block: Vec<Block>,
}

impl Worker {
    fn run(&mut self) {
        loop {
            let engine = Arc::clone(&self.engine);
            let lanes = |algorithm| match algorithm {
                Algorithm::Bcrypt { .. } => engine.lanes(),
                Algorithm::Argon2 { .. } | Algorithm::Scrypt { .. } | Algorithm::Pbkdf2 { .. } => 1,
            };
            let timeout = (!self.block.is_empty()).then_some(KEEP_BLOCK);
            let next = match self.role {
                Role::Ordinary => self.queue.next(lanes, timeout),
                Role::Rescuer => {
                    self.block = Vec::new();
                    self.queue.next_stalled(lanes)
                }
            };
            match next {
                Next::Work(batch) => self.compute(&batch),
                Next::Idle => self.block = Vec::new(),
                Next::Closed => return,
            }
        }
    }

    /// Computes a batch and sends the results. A job that fails or panics gets none.
    fn compute(&mut self, batch: &Batch) {
        let Some(first) = batch.jobs.first() else { return };
        let _entered = first.span.clone().entered();
        let (began, computed_before) = (Instant::now(), cpu_time());
        let digests = catch_unwind(AssertUnwindSafe(|| self.digests(&batch.jobs))).unwrap_or_else(|_| {
            tracing::error!("a hashing thread panicked");
            Vec::new()
        });
        let elapsed = began.elapsed();
        let computed = match (computed_before, cpu_time()) {
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
        if let Algorithm::Bcrypt { cost } = jobs[0].algorithm() {
            let inputs: Vec<Input<'_>> = jobs.iter().filter_map(|job| bcrypt_input(job)).collect();
            let digests = self.engine.digests(cost, &inputs).into_iter();
            return digests.map(|digest| Some(digest.to_vec())).collect();
        }
        jobs.iter().map(|job| self.digest(job)).collect()
    }

    fn digest(&mut self, job: &Job) -> Option<Vec<u8>> {
        let input = &job.input;
        let digest = input.algorithm.digest(&input.password, &input.salt, input.length, &mut self.block);
        if digest.is_none() {
            tracing::error!(algorithm = ?input.algorithm, "a password hash could not be computed");
        }
        digest
    }
}

/// The input of a job of bcrypt, whose salts always have 16 bytes.
fn bcrypt_input(job: &Job) -> Option<Input<'_>> {
    let salt = job.input.salt.as_slice().try_into().ok()?;
    Some(Input { password: &job.input.password, salt })
}

/// The CPU time of this thread so far; none where the operating system does not measure it.
#[cfg(unix)]
fn cpu_time() -> Option<Duration> {
    use rustix::time::{ClockId, clock_gettime};
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).ok()
}

#[cfg(not(unix))]
fn cpu_time() -> Option<Duration> {
    None
}
