//! Hashing passwords: threads of its own, a bounded queue, and no more work than can be done in time.
//!
//! A hash at bcrypt cost 12 takes a fifth of a second of a core, so hashing has threads of its own. They have the
//! normal scheduling class, and so their fair share beside other programs, and ask for long time slices, so that threads
//! with short ones answer requests meanwhile. A hash job is admitted ([`Hasher::admit`]) only if the work already queued
//! will finish within the time budget at the speed that the threads achieve; otherwise it fails with [`Busy`] at once,
//! before anything was looked up or computed. Requesters share the budget equally.
//!
//! Peak memory is `(threads + 1) x max(4 KiB x lanes, block)` for the work, where the block is 19 MiB for an Argon2id
//! hash of ours and up to 128 MiB for an imported one (kept until the thread had nothing to do for ten
//! seconds), and under 2 KiB for each job that waits, of which the budget lets in
//! `threads x budget / duration of a hash`.

mod admission;
mod bcrypt;
mod census;
mod class;
mod fair_queue;
mod figures;
mod foreign;
mod job;
mod kdf;
mod pace;
mod pool;
mod queue;
mod requester;
mod scheme;
mod slot;
mod stored;

use std::{io, num::NonZeroUsize, sync::Arc, thread::available_parallelism, time::Duration};

use self::{
    bcrypt::{BcryptEngine, Lanes},
    queue::Queue,
    scheme::Recipe,
};
pub(crate) use self::{census::Census, stored::Stored};
pub use self::{
    figures::Figures,
    requester::Requester,
    scheme::Scheme,
    slot::{HashFailed, Slot, Verdict},
};
use auth_db::model::PasswordHash;

use crate::Entropy;

/// How passwords are hashed, and how much of it is taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherOptions {
    /// What makes new hashes.
    pub scheme: Scheme,
    /// Hashing threads: one a core is the most that helps.
    pub threads: NonZeroUsize,
    /// The longest wait for a hash to begin that is taken on.
    pub max_wait: Duration,
}

/// Bcrypt at cost 12, a thread a core, 2 seconds.
impl Default for HasherOptions {
    fn default() -> Self {
        Self {
            scheme: Scheme::Bcrypt { cost: 12 },
            threads: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_wait: Duration::from_secs(2),
        }
    }
}

/// Hashes and verifies passwords. Cheap to clone; all clones share the threads, which end with the last.
#[derive(Debug, Clone)]
pub struct Hasher(Arc<Shared>);

struct Shared {
    queue: Arc<Queue>,
    scheme: Scheme,
    entropy: Arc<dyn Entropy>,
}

impl Hasher {
    /// Starts the hashing threads.
    ///
    /// # Errors
    ///
    /// When the operating system gives no threads.
    pub fn start(options: HasherOptions, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        let engine: Arc<dyn BcryptEngine> = Arc::new(Lanes);
        let hasher = Self::start_with(options, entropy, &engine)?;
        pool::spawn_rescuer(&hasher.0.queue, &engine)?;
        Ok(hasher)
    }

    fn start_with(
        options: HasherOptions,
        entropy: Arc<dyn Entropy>,
        engine: &Arc<dyn BcryptEngine>,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(options.threads, options.max_wait));
        let shared = Shared { queue, scheme: options.scheme, entropy };
        pool::spawn(options.threads, &shared.queue, engine)?;
        Ok(Self(Arc::new(shared)))
    }

    /// Admits one login, registration or reset of a requester, if its hash will begin within the budget.
    ///
    /// To be called before anything is looked up, so that a refusal reveals nothing about the account. A requester that
    /// has much waiting is refused before one that has little.
    ///
    /// # Errors
    ///
    /// [`Busy`], with the time after which it makes sense to try again.
    pub fn admit(&self, requester: Requester) -> Result<Slot, Busy> {
        let class = Recipe::standard(self.0.scheme).class();
        let reservation = self.0.queue.reserve(requester, class)?;
        Ok(Slot::new(Arc::clone(&self.0), reservation))
    }

    /// What the threads did so far, and what waits.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.0.queue.figures()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Whether a stored hash is one that is verified, at a cost that is allowed.
pub(crate) fn can_verify(hash: &PasswordHash) -> bool {
    Stored::parse(hash).is_some()
}

/// The wait for a hash would be longer than the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be hashed")]
pub struct Busy {
    /// When there will be room again, if nobody else comes.
    pub retry_after: Duration,
}

#[cfg(test)]
mod tests;
