//! The limit of file descriptors, which bounds the connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are kept for files, the log, mail and the runtime.
const RESERVE: usize = 128;

/// The most connections that are served by default: idle ones cost about 20 KiB each.
const DEFAULT_MOST: usize = 16_384;

/// The fewest connections to which it makes sense to start.
const LEAST: usize = 16;

/// Raises the limit of open files to the most that the system allows, and returns it.
pub fn raise_limit() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(cause) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%cause, "the limit of open files can't be raised");
    }
    // None is no limit.
    getrlimit(Resource::Nofile).current.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// How many connections can be served with so many descriptors, beside those to the database; at most `wanted`.
pub fn connections_within(descriptors: usize, to_database: usize, wanted: Option<usize>) -> usize {
    // A pool that is replaced has the old connections and the new ones for a moment.
    let available = descriptors.saturating_sub(RESERVE + 2 * to_database).max(LEAST);
    wanted.unwrap_or(DEFAULT_MOST).min(available)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        assert_eq!(connections_within(1024, 16, None), 864);
        assert_eq!(connections_within(1_048_576, 16, None), DEFAULT_MOST);
        assert_eq!(connections_within(1_048_576, 16, Some(100_000)), 100_000);
        assert_eq!(connections_within(1024, 16, Some(500)), 500);
        assert_eq!(connections_within(64, 16, None), LEAST);
    }
}
