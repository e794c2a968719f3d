//! The password hasher: threads of its own, a bounded queue, and admission by a time budget.
//!
//! A hash at bcrypt cost 12 takes a fifth of a second of a core. The hashing threads have the normal scheduling class, and
//! so their fair share beside other programs. They request long time slices, so that the threads which serve requests can
//! preempt them. A hash job is admitted ([`Hasher::acquire`]) only if the work already queued will finish within the time
//! budget at the measured speed. Otherwise it fails with [`Overloaded`] at once, before any lookup or computation.
//! Requesters share the budget equally.
//!
//! Peak memory is `(threads + 1) x max(4 KiB x lanes, block)` for the work, where the block is 19 MiB for a new Argon2id
//! hash and up to 128 MiB for an imported one (freed after ten idle seconds), and under 2 KiB for each queued job, of which
//! the budget admits `threads x budget / duration of a hash`.

mod admission;
mod algorithm;
mod bcrypt;
mod fair_queue;
mod imported;
mod job;
mod pace;
mod permit;
mod pool;
mod queue;
mod requester;
mod scheme;
mod stats;
mod stored;

use std::{io, num::NonZeroUsize, sync::Arc, thread::available_parallelism, time::Duration};

use auth_db::model::PasswordHash;

#[cfg(test)]
pub(crate) use self::algorithm::Algorithm;
use self::{
    bcrypt::{BcryptEngine, Lanes},
    queue::Queue,
};
pub(crate) use self::{
    permit::{HashError, HashPermit, Verdict},
    stored::{Shape, Stored},
};
pub use self::{requester::Requester, scheme::Scheme, stats::HasherStats};
use crate::Entropy;

/// How passwords are hashed, and how much work is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HasherOptions {
    /// The scheme of new hashes.
    pub scheme: Scheme,
    /// The number of hashing threads. More than one per core do not help.
    pub threads: NonZeroUsize,
    /// The time budget: the maximum wait before a hash begins.
    pub max_wait: Duration,
}

/// Bcrypt at cost 12, a thread per core, 2 seconds.
impl Default for HasherOptions {
    fn default() -> Self {
        Self {
            scheme: Scheme::Bcrypt { cost: 12 },
            threads: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_wait: Duration::from_secs(2),
        }
    }
}

/// Hashes and verifies passwords. Cheap to clone; all clones share the threads, which end with the last clone.
#[derive(Debug, Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    scheme: Scheme,
    entropy: Arc<dyn Entropy>,
}

impl Hasher {
    /// Starts the hashing threads.
    ///
    /// # Errors
    ///
    /// If the operating system can't start a thread.
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
        let inner = Inner { queue, scheme: options.scheme, entropy };
        pool::spawn(options.threads, &inner.queue, engine)?;
        Ok(Self(Arc::new(inner)))
    }

    /// Admits the hashes of one login, registration or reset of a requester, if they will begin within the time budget.
    ///
    /// Call it before any lookup, so that a rejection reveals nothing about the account. A requester with much queued work
    /// is rejected before one with little.
    ///
    /// # Errors
    ///
    /// [`Overloaded`], with the time after which a retry makes sense.
    pub fn acquire(&self, requester: Requester) -> Result<HashPermit, Overloaded> {
        let admission = self.0.queue.admit(requester, self.0.scheme.algorithm())?;
        Ok(HashPermit::new(Arc::clone(&self.0), admission))
    }

    /// Statistics of the hashing threads.
    pub fn stats(&self) -> HasherStats {
        self.0.queue.stats()
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Whether a stored hash can be verified, at an acceptable cost.
pub(crate) fn supports(hash: &PasswordHash) -> bool {
    Stored::parse(hash).is_some()
}

/// The hasher is overloaded: the wait for a hash would exceed the time budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords wait to be hashed")]
pub struct Overloaded {
    /// The time until there is room again, if no other job arrives.
    pub retry_after: Duration,
}

#[cfg(test)]
pub(crate) mod tests;
