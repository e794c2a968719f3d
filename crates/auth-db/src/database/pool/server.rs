//! The connections to a server, which are replaced as a whole when they break.
#![expect(clippy::disallowed_methods, reason = "servers respond in real time")]

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::DatabaseConnection;
use tokio::time::{sleep, timeout};

use super::{Retryable, Usability};
use crate::{DbError, error::Retry};

/// Attempts where transactions conflict. The timeout ends them sooner.
const ATTEMPTS: u32 = 7;

/// The delay before the second attempt. It doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_millis(20);

/// How often a server that could not be used is checked again.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Makes lazy connections, which report whether the server can be used.
type Connect = dyn Fn(Usability) -> DatabaseConnection + Send + Sync;

/// The connections to a server. Cheap to clone; all clones are one.
///
/// They are replaced as a whole when one of them breaks, or when none of them responds any more: the driver waits for a
/// response without end, and reuses a connection that broke while it was idle (docs/adr/0009).
#[derive(Clone)]
pub struct ServerPool(Arc<Inner>);

struct Inner {
    connect: Box<Connect>,
    timeouts: Timeouts,
    began: Instant,
    current: RwLock<Generation>,
}

/// The timeouts of a server.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a result, including all retries.
    pub total: Duration,
    /// For a new connection.
    pub connect: Duration,
}

#[derive(Clone)]
struct Generation {
    number: u64,
    made_at: Instant,
    usability: Usability,
    connections: DatabaseConnection,
    /// The latest response on one of them, in nanoseconds since the pool began.
    responded: Arc<AtomicU64>,
}

impl ServerPool {
    pub fn new(
        connect: impl Fn(Usability) -> DatabaseConnection + Send + Sync + 'static,
        timeouts: Timeouts,
    ) -> Self {
        let current = RwLock::new(Generation::new(0, &connect));
        Self(Arc::new(Inner { connect: Box::new(connect), timeouts, began: Instant::now(), current }))
    }

    /// Whether the server can be used, as far as its connections found out.
    pub fn usability(&self) -> Usability {
        self.current().usability
    }

    /// The current connections.
    pub fn connections(&self) -> DatabaseConnection {
        self.current().connections
    }

    /// Runs `work`, retries it where that may help, and fails when the timeout ends.
    pub async fn run<T, E: Retryable, F>(&self, work: impl Fn(DatabaseConnection) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let began = Instant::now();
        let mut delay = FIRST_DELAY;
        let mut attempts = 1;
        loop {
            let generation = self.usable().map_err(E::from_db)?;
            let remaining = self.0.timeouts.total.saturating_sub(began.elapsed());
            let result = timeout(remaining, work(generation.connections.clone())).await;
            let error = match result.unwrap_or_else(|_| Err(E::TIMEOUT())) {
                Ok(result) => {
                    self.responded(&generation);
                    // The connection may have just found out that the server can't be used.
                    generation.usability.check().map_err(E::from_db)?;
                    return Ok(result);
                }
                Err(error) => error,
            };
            let retry = error.retry();
            self.react(retry, began, &generation);
            if !matches!(retry, Retry::Immediately | Retry::Reconnect) || attempts == ATTEMPTS {
                return Err(error);
            }
            if retry == Retry::Immediately {
                sleep(delay).await;
                delay *= 2;
            }
            attempts += 1;
        }
    }

    /// Replaces the connections if the error of an attempt means that they are broken.
    fn react(&self, retry: Retry, began: Instant, generation: &Generation) {
        match retry {
            Retry::Never | Retry::Immediately => self.responded(generation),
            Retry::Reconnect | Retry::CommitUnknown => self.replace(generation),
            Retry::Timeout if self.is_silent_since(began, generation) => self.replace(generation),
            // Other callers get responses: there are too few connections, or this statement takes long.
            Retry::Timeout => {}
        }
    }

    /// The current connections, if the server can be used. Otherwise it is checked again from time to time.
    fn usable(&self) -> Result<Generation, DbError> {
        let generation = self.current();
        let Err(error) = generation.usability.check() else { return Ok(generation) };
        if generation.made_at.elapsed() < CHECK_INTERVAL {
            return Err(error);
        }
        self.replace(&generation);
        Ok(self.current())
    }

    fn current(&self) -> Generation {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn responded(&self, generation: &Generation) {
        generation.responded.fetch_max(nanos(self.0.began.elapsed()), Ordering::AcqRel);
    }

    fn is_silent_since(&self, then: Instant, generation: &Generation) -> bool {
        // New connections get their whole connect timeout, however short the timeout for a result is.
        generation.made_at.elapsed() > self.0.timeouts.connect
            && generation.responded.load(Ordering::Acquire) < nanos(then.duration_since(self.0.began))
    }

    /// Makes new connections, unless another caller has. The work in flight on the old ones may finish; then they are
    /// closed.
    fn replace(&self, stale: &Generation) {
        let mut current = self.0.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number != stale.number {
            return;
        }
        let fresh = Generation::new(stale.number + 1, &self.0.connect);
        let connecting = fresh.connections.clone();
        let old = std::mem::replace(&mut *current, fresh);
        drop(current);
        tracing::debug!("the connections to the database are replaced");
        tokio::spawn(async move {
            // Connecting may take longer than the timeout of any caller. The next caller then finds a connection.
            let _ = connecting.ping().await;
        });
        tokio::spawn(async move {
            // Waits for connections that hang as long as they do. Closing them has no errors.
            let _ = old.connections.close().await;
        });
    }
}

impl Generation {
    fn new(number: u64, connect: &(impl Fn(Usability) -> DatabaseConnection + ?Sized)) -> Self {
        let usability = Usability::default();
        let connections = connect(usability.clone());
        Self { number, made_at: Instant::now(), usability, connections, responded: Arc::default() }
    }
}

impl fmt::Debug for ServerPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerPool(..)")
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
