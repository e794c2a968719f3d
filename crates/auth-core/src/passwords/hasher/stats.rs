//! Statistics of the hashing threads.

use std::time::Duration;

/// What the hashing threads did since they started, and what is queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HasherStats {
    /// Jobs in the queue.
    pub queued: usize,
    /// The expected wait of a new job.
    pub expected_wait: Duration,
    /// Jobs computed.
    pub hashed: u64,
    /// The total time that these jobs waited.
    pub waited: Duration,
    /// Jobs that were rejected because of overload.
    pub rejected: u64,
    /// Jobs that were dropped from the queue because their callers had gone.
    pub dropped: u64,
}
