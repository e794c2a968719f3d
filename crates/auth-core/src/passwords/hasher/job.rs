//! Hash jobs.
#![expect(clippy::disallowed_methods, reason = "hashing takes real time")]

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::{Requester, algorithm::Algorithm};

/// A digest to compute. If the first thread gets no time, a second one computes it, and the first result is used. If the
/// last thread drops the job without a result, the caller gets an error.
pub struct Job {
    pub input: Input,
    pub requester: Requester,
    pub span: tracing::Span,
    pub queued_at: Instant,
    reply: Mutex<Option<oneshot::Sender<Vec<u8>>>>,
}

/// What a digest is computed of.
pub struct Input {
    pub algorithm: Algorithm,
    pub password: Zeroizing<Vec<u8>>,
    pub salt: Vec<u8>,
    /// The length of the digest, in bytes.
    pub length: usize,
}

impl Job {
    /// A job that is queued now, and its result.
    pub fn new(requester: Requester, input: Input) -> (Self, oneshot::Receiver<Vec<u8>>) {
        let (reply, digest) = oneshot::channel();
        let span = tracing::Span::current();
        let reply = Mutex::new(Some(reply));
        (Self { input, requester, span, queued_at: Instant::now(), reply }, digest)
    }

    #[cfg(test)]
    pub fn for_tests(
        requester: Requester,
        algorithm: Algorithm,
    ) -> (std::sync::Arc<Self>, oneshot::Receiver<Vec<u8>>) {
        let input = Input { algorithm, password: Zeroizing::default(), salt: vec![0; 16], length: 23 };
        let (job, digest) = Self::new(requester, input);
        (job.into(), digest)
    }

    pub const fn algorithm(&self) -> Algorithm {
        self.input.algorithm
    }

    /// Sends the result, unless another thread has.
    pub fn finish(&self, digest: Vec<u8>) {
        if let Some(reply) = self.reply().take() {
            // The caller may have gone.
            let _ = reply.send(digest);
        }
    }

    /// Whether the result is not needed: the caller has gone, or has it.
    pub fn is_abandoned(&self) -> bool {
        self.reply().as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn reply(&self) -> MutexGuard<'_, Option<oneshot::Sender<Vec<u8>>>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
