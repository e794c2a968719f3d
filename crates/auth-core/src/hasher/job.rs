//! One digest to compute, and who waits for it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::{Requester, class::Class, kdf::Kdf};

/// One digest to compute. Two threads may compute it, if the first gets no time; the first result counts. When the last
/// thread drops it without a result, the caller gets an error.
pub struct Job {
    pub class: Class,
    /// Scheme, cost and salt in full.
    pub task: Task,
    pub password: Zeroizing<Vec<u8>>,
    pub requester: Requester,
    pub span: tracing::Span,
    pub queued_at: Instant,
    reply: Mutex<Option<oneshot::Sender<Vec<u8>>>>,
}

/// What to compute.
pub enum Task {
    Bcrypt { cost: u32, salt: [u8; 16] },
    Computed { kdf: Kdf, length: usize },
}

impl Job {
    /// A job that is queued now, and its result.
    pub fn new(
        requester: Requester,
        class: Class,
        task: Task,
        password: Zeroizing<Vec<u8>>,
    ) -> (Self, oneshot::Receiver<Vec<u8>>) {
        let (reply, digest) = oneshot::channel();
        let span = tracing::Span::current();
        let reply = Mutex::new(Some(reply));
        (Self { class, task, password, requester, span, queued_at: Instant::now(), reply }, digest)
    }

    #[cfg(test)]
    pub fn for_tests(
        requester: Requester,
        class: Class,
    ) -> (std::sync::Arc<Self>, oneshot::Receiver<Vec<u8>>) {
        let (job, digest) =
            Self::new(requester, class, Task::Bcrypt { cost: 4, salt: [0; 16] }, Zeroizing::default());
        (job.into(), digest)
    }

    /// Hands over the result, if no other thread has.
    pub fn finish(&self, digest: Vec<u8>) {
        if let Some(reply) = self.reply().take() {
            // The caller may have gone, which is no failure.
            let _ = reply.send(digest);
        }
    }

    /// Whether the result is of no use: the caller has gone, or has it.
    pub fn is_abandoned(&self) -> bool {
        self.reply().as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn reply(&self) -> MutexGuard<'_, Option<oneshot::Sender<Vec<u8>>>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
