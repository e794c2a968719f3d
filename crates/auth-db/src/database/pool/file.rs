//! The connections to a file, which does not disconnect.

use std::{fmt, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::time::sleep;

use super::Retryable;
use crate::error::Retry;

/// Attempts before a lock that another process holds is reported.
const ATTEMPTS: u32 = 3;

/// The delay before the second attempt. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(20);

/// The connections to a file.
#[derive(Clone)]
pub struct FilePool(DatabaseConnection);

impl FilePool {
    pub const fn new(connections: DatabaseConnection) -> Self {
        Self(connections)
    }

    pub const fn connections(&self) -> &DatabaseConnection {
        &self.0
    }

    /// Runs `work`, and retries it while another process holds the lock.
    pub async fn run<T, E: Retryable, F>(&self, work: impl Fn(DatabaseConnection) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut delay = FIRST_DELAY;
        for _ in 1..ATTEMPTS {
            match work(self.0.clone()).await {
                Err(error) if matches!(error.retry(), Retry::Immediately | Retry::Reconnect) => {
                    sleep(delay).await;
                    delay *= 2;
                }
                result => return result,
            }
        }
        work(self.0.clone()).await
    }
}

impl fmt::Debug for FilePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilePool(..)")
    }
}
