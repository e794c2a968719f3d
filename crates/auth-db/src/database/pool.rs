//! Connections, tried again where that helps, and replaced where it does not.

use std::{
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use tokio::time::{sleep, timeout};

use super::usability::Usability;
use crate::{DbError, Fault, error::Passing};

/// How often something is tried on a file before a lock that others hold is reported.
const ATTEMPTS_ON_A_FILE: u32 = 3;
/// How often on a server, where transactions get in each other's way; the patience ends it sooner.
const ATTEMPTS_ON_A_SERVER: u32 = 7;

/// The pause before the second attempt; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Makes connections, when they are needed, which find out whether the server can be used.
type Connect = dyn Fn(Usability) -> DatabaseConnection + Send + Sync;

/// How often it is looked whether a server that could not be used can be now.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Connections to one database. Cheap to clone; all clones are one.
///
/// Those to a server are replaced as a whole when one of them breaks, or when none of them answers any more:
/// the driver waits for the answer of a connection without end, and hands out one that broke while it was
/// idle.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

enum Inner {
    File(DatabaseConnection),
    Server { connect: Box<Connect>, limits: TimeLimits, began: Instant, current: RwLock<Generation> },
}

/// How long a server may take.
#[derive(Debug, Clone, Copy)]
pub struct TimeLimits {
    /// For an answer, all attempts included.
    pub answer: Duration,
    /// To connect.
    pub connect: Duration,
}

#[derive(Clone)]
struct Generation {
    number: u64,
    made_at: Instant,
    usability: Usability,
    connections: DatabaseConnection,
    /// When one of them last answered, in nanoseconds since the pool began.
    answered: Arc<AtomicU64>,
}

/// An error that tells whether it passes.
pub trait Troubled {
    /// No answer came within the patience.
    const SILENT: fn() -> Self;
    fn passing(&self) -> Passing;
    /// One of ours, in the type of the work.
    fn of(error: DbError) -> Self;
}

impl Troubled for DbError {
    const SILENT: fn() -> Self = || Self::Unavailable(Fault::SILENT);

    fn passing(&self) -> Passing {
        Self::passing(self)
    }

    fn of(error: DbError) -> Self {
        error
    }
}

impl Troubled for DbErr {
    const SILENT: fn() -> Self = || Self::Conn(RuntimeErr::Internal("no answer".to_owned()));

    fn passing(&self) -> Passing {
        DbError::from(self.clone()).passing()
    }

    fn of(error: DbError) -> Self {
        // `DbError::from` takes every internal error of a connection for one of the database that is unavailable.
        Self::Conn(RuntimeErr::Internal(error.to_string()))
    }
}

impl Pool {
    /// Connections to a file, which does not go away.
    pub fn of_file(connections: DatabaseConnection) -> Self {
        Self(Arc::new(Inner::File(connections)))
    }

    /// Connections to a server.
    pub fn of_server(
        connect: impl Fn(Usability) -> DatabaseConnection + Send + Sync + 'static,
        limits: TimeLimits,
    ) -> Self {
        let current = RwLock::new(Generation::of_server(0, &connect));
        let began = Instant::now();
        Self(Arc::new(Inner::Server { connect: Box::new(connect), limits, began, current }))
    }

    /// Whether the server can be used, as far as its connections found out.
    pub fn usability(&self) -> Usability {
        self.current().usability
    }

    /// The connections of a file: they are never replaced.
    pub fn file(&self) -> Option<&DatabaseConnection> {
        match &*self.0 {
            Inner::File(connections) => Some(connections),
            Inner::Server { .. } => None,
        }
    }

    /// The connections of this moment.
    pub fn connections(&self) -> DatabaseConnection {
        self.current().connections
    }

    /// Runs `work` on the connections, again where that may help, and on a server no longer than its patience
    /// lasts.
    pub async fn run<T, E: Troubled, F>(&self, work: impl Fn(DatabaseConnection) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let begun_at = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut attempts = 1;
        loop {
            let generation = self.usable().map_err(E::of)?;
            let error = match self.patiently(begun_at, work(generation.connections.clone())).await {
                Ok(answer) => {
                    self.answered(&generation);
                    // It may have come by a connection that just found out.
                    generation.usability.check().map_err(E::of)?;
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let passing = error.passing();
            match passing {
                Passing::No | Passing::AtOnce => self.answered(&generation),
                Passing::Reconnected | Passing::Broken => self.replace(&generation),
                Passing::Silent if self.is_silent_since(begun_at, &generation) => self.replace(&generation),
                // Others get answers: there are too few connections, or this takes long.
                Passing::Silent => {}
            }
            match passing {
                Passing::AtOnce | Passing::Reconnected if attempts < self.attempts() => {}
                _ => return Err(error),
            }
            if passing == Passing::AtOnce {
                sleep(pause).await;
                pause *= 2;
            }
            attempts += 1;
        }
    }

    /// Waits for an answer as long as the patience lasts.
    async fn patiently<T, E: Troubled>(
        &self,
        begun_at: Instant,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match &*self.0 {
            Inner::File(_) => work.await,
            Inner::Server { limits, .. } => {
                let left = limits.answer.saturating_sub(begun_at.elapsed());
                timeout(left, work).await.unwrap_or_else(|_| Err(E::SILENT()))
            }
        }
    }

    fn attempts(&self) -> u32 {
        match &*self.0 {
            Inner::File(_) => ATTEMPTS_ON_A_FILE,
            Inner::Server { .. } => ATTEMPTS_ON_A_SERVER,
        }
    }

    /// The connections of this moment, if the server can be used; otherwise it is looked again from time to time.
    fn usable(&self) -> Result<Generation, DbError> {
        let generation = self.current();
        let Err(error) = generation.usability.check() else { return Ok(generation) };
        if generation.made_at.elapsed() < LOOK_AGAIN {
            return Err(error);
        }
        self.replace(&generation);
        Ok(self.current())
    }

    fn current(&self) -> Generation {
        match &*self.0 {
            Inner::File(connections) => Generation::of_file(connections.clone()),
            Inner::Server { current, .. } => current.read().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn answered(&self, generation: &Generation) {
        if let Inner::Server { began, .. } = &*self.0 {
            generation.answered.fetch_max(nanos(began.elapsed()), Ordering::AcqRel);
        }
    }

    fn is_silent_since(&self, then: Instant, generation: &Generation) -> bool {
        match &*self.0 {
            Inner::File(_) => false,
            Inner::Server { began, limits, .. } => {
                // New ones get the time that connecting may take, however short the wait for an answer is.
                generation.made_at.elapsed() > limits.connect
                    && generation.answered.load(Ordering::Acquire) < nanos(then.duration_since(*began))
            }
        }
    }

    /// Makes new connections, unless somebody else has. What is under way on the old ones may end; then they
    /// are closed.
    fn replace(&self, stale: &Generation) {
        let Inner::Server { connect, current, .. } = &*self.0 else { return };
        let mut current = current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number != stale.number {
            return;
        }
        let fresh = Generation::of_server(stale.number + 1, connect);
        let connecting = fresh.connections.clone();
        let old = std::mem::replace(&mut *current, fresh);
        drop(current);
        tracing::debug!("the connections to the database are replaced");
        tokio::spawn(async move {
            // Connecting may take longer than anybody waits for an answer: then the next one finds a connection.
            let _ = connecting.ping().await;
        });
        tokio::spawn(async move {
            // Waits for those that hang, for as long as they do; that they are closed has no errors.
            let _ = old.connections.close().await;
        });
    }
}

impl Generation {
    fn of_file(connections: DatabaseConnection) -> Self {
        Self {
            number: 0,
            made_at: Instant::now(),
            usability: Usability::default(),
            connections,
            answered: Arc::default(),
        }
    }

    fn of_server(number: u64, connect: &(impl Fn(Usability) -> DatabaseConnection + ?Sized)) -> Self {
        let usability = Usability::default();
        let connections = connect(usability.clone());
        Self { number, usability, ..Self::of_file(connections) }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
