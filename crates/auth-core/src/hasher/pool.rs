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
    queue::{Job, Queue, Task, Turn},
};

/// How long a thread keeps its Argon2 block for a next hash.
const KEEP_BLOCK: Duration = Duration::from_secs(10);

/// Starts the threads; each ends when the queue is closed.
pub fn spawn(threads: NonZeroUsize, queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    for number in 0..threads.get() {
        let (worker_queue, engine) = (Arc::clone(queue), Arc::clone(engine));
        let spawned = thread::Builder::new().name(format!("hasher-{number}")).spawn(move || {
            step_back();
            Worker { queue: worker_queue, engine, block: Vec::new() }.run();
        });
        if let Err(error) = spawned {
            queue.close();
            return Err(error);
        }
    }
    Ok(())
}

/// Gives way to threads that answer requests: they need microseconds, a hash needs a fifth of a second.
#[cfg(target_os = "linux")]
fn step_back() {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    // Of 0 to 99; this one is nice 10, a tenth of the weight of an ordinary thread: little enough not to
    // be felt by requests, and enough for logins to go on under a flood of them.
    let Ok(priority) = ThreadPriorityValue::try_from(24) else { return };
    let lowered = set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Crossplatform(priority),
        ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch),
    );
    if let Err(cause) = lowered {
        tracing::debug!(?cause, "a hashing thread keeps its priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn step_back() {
    if let Err(cause) = thread_priority::ThreadPriority::Min.set_for_current() {
        tracing::debug!(?cause, "a hashing thread keeps its priority");
    }
}

struct Worker {
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
            let patience = (!self.block.is_empty()).then_some(KEEP_BLOCK);
            match self.queue.next(lanes, patience) {
                Turn::Work(jobs) => self.compute(jobs),
                Turn::Nothing => self.block = Vec::new(),
                Turn::Over => return,
            }
        }
    }

    /// Computes jobs of one class and answers them. One that fails, or panics, goes without an answer.
    fn compute(&mut self, jobs: Vec<Job>) {
        let Some(class) = jobs.first().map(|job| job.class) else { return };
        let _entered = jobs[0].span.clone().entered();
        let began = Instant::now();
        let digests = catch_unwind(AssertUnwindSafe(|| self.digests(&jobs))).unwrap_or_else(|_| {
            tracing::error!("a hashing thread panicked");
            Vec::new()
        });
        self.queue.learn(class, jobs.len(), began.elapsed());
        for (job, digest) in jobs.into_iter().zip(digests) {
            if let Some(digest) = digest {
                // Nobody minds if the caller has gone meanwhile.
                let _ = job.reply.send(digest);
            }
        }
    }

    fn digests(&mut self, jobs: &[Job]) -> Vec<Option<Vec<u8>>> {
        if let Task::Bcrypt { cost, .. } = jobs[0].task {
            let inputs: Vec<Input<'_>> = jobs.iter().filter_map(bcrypt_input).collect();
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
