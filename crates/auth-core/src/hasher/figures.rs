//! What can be read from the pool.

use std::time::Duration;

/// What the hashing threads did since they started, and what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Jobs that wait.
    pub queued: usize,
    /// How long the newest job would wait, by what is known.
    pub expected_wait: Duration,
    /// Jobs computed.
    pub hashed: u64,
    /// How long those waited, in sum.
    pub waited: Duration,
    /// Requests that were not let in.
    pub refused: u64,
    /// Jobs that nobody waited for any more, dropped before they began.
    pub dropped: u64,
}
