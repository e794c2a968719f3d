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
    (0..threads.get()).try_for_each(|number| start(format!("hasher-{number}"), Role::Ordinary, queue, engine))
}

/// Starts one more, that rests until the others starve.
pub fn spawn_helper(queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    start("hasher-helper".to_owned(), Role::Helper, queue, engine)
}

fn start(name: String, role: Role, queue: &Arc<Queue>, engine: &Arc<dyn BcryptEngine>) -> io::Result<()> {
    let (worker_queue, engine) = (Arc::clone(queue), Arc::clone(engine));
    let spawned = thread::Builder::new().name(name).spawn(move || {
        role.step_back();
        Worker { role, queue: worker_queue, engine, block: Vec::new() }.run();
    });
    spawned.map(drop).inspect_err(|_| queue.close())
}

/// What a thread is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It hashes with what nobody else needs of a core.
    Ordinary,
    /// It hashes when the ordinary ones get nothing of a core for long, with a priority that gets some.
    Helper,
}

impl Role {
    /// Gives way to threads that answer requests: they need microseconds, a hash needs a fifth of a second.
    ///
    /// Linux lets a thread that wakes wait for the end of another's turn, whatever their nice values, and only
    /// an idle one is put aside at once. Measured on two cores, 99th percentile of a session check while 64
    /// connections log in, beside 0.2 ms without: idle 0.25, nice 19 or 9 in batches 0.33 to 0.8, ordinary
    /// threads 1.4. But while requests saturate every core, idle threads get nothing at all: hence the helper,
    /// nice 5, which gets a quarter of one.
    #[cfg(target_os = "linux")]
    fn step_back(self) {
        use thread_priority::{
            NormalThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy,
            set_thread_priority_and_policy, thread_native_id,
        };
        // Of 0 to 99, as the crate counts: nice 5.
        let nice =
            ThreadPriorityValue::try_from(36).map_or(ThreadPriority::Min, ThreadPriority::Crossplatform);
        let (priority, policy) = match self {
            Self::Ordinary => (ThreadPriority::Min, NormalThreadSchedulePolicy::Idle),
            Self::Helper => (nice, NormalThreadSchedulePolicy::Batch),
        };
        let policy = ThreadSchedulePolicy::Normal(policy);
        if let Err(cause) = set_thread_priority_and_policy(thread_native_id(), priority, policy) {
            tracing::debug!(?cause, "a hashing thread keeps its priority");
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn step_back(self) {
        if self == Self::Ordinary
            && let Err(cause) = thread_priority::ThreadPriority::Min.set_for_current()
        {
            tracing::debug!(?cause, "a hashing thread keeps its priority");
        }
    }
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
            let patience = (!self.block.is_empty()).then_some(KEEP_BLOCK);
            let turn = match self.role {
                Role::Ordinary => self.queue.next(lanes, patience),
                Role::Helper => self.queue.next_of_the_starving(lanes),
            };
            match turn {
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
        if self.role == Role::Ordinary {
            self.queue.progress();
        }
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
