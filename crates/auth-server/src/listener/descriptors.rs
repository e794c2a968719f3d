//! The limit of file descriptors, which limits the connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are reserved for files, the log, emails and the runtime.
const RESERVE: usize = 128;

/// The default maximum number of connections. An idle one takes about 20 KiB.
const DEFAULT_MAX: usize = 16_384;

/// The minimum number of connections with which a start makes sense.
const MIN: usize = 16;

/// Raises the limit of open files to the maximum that the system allows, and returns it.
pub fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(cause) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%cause, "could not raise the limit of open files");
    }
    // None means unlimited.
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// The number of client connections for a number of descriptors and of connections to the database; at most `set`.
pub fn connections_within(descriptors: usize, to_database: usize, set: Option<usize>) -> usize {
    // While a pool is replaced, it has the old and the new connections.
    let available = descriptors.saturating_sub(RESERVE + 2 * to_database).max(MIN);
    set.unwrap_or(DEFAULT_MAX).min(available)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_everything_else() {
        assert_eq!(connections_within(1024, 16, None), 864);
        assert_eq!(connections_within(1_048_576, 16, None), DEFAULT_MAX);
        assert_eq!(connections_within(1_048_576, 16, Some(100_000)), 100_000);
        assert_eq!(connections_within(1024, 16, Some(500)), 500);
        assert_eq!(connections_within(64, 16, None), MIN);
    }
}
