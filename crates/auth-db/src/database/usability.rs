//! Whether a database server can be used: it must be the primary, and writable.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use crate::{DbError, Fault};

/// Why a server can't be used although it responds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// It replays the writes of another server with a delay, so the sessions that it returns may be out of date.
    Standby = 1,
    /// It is read-only.
    ReadOnly = 2,
    /// `MariaDB` rejects every write of a `READ COMMITTED` transaction (error 1665).
    StatementBinlog = 3,
}

impl Obstacle {
    const ALL: [Self; 3] = [Self::Standby, Self::ReadOnly, Self::StatementBinlog];

    /// The obstacle and its remedy, in words.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Standby => "it is a standby: name the primary, or promote it",
            Self::ReadOnly => "it is read-only: name the primary, or turn read_only off",
            Self::StatementBinlog => {
                "its binlog_format is STATEMENT, with which it rejects READ COMMITTED transactions: set binlog_format=MIXED or \
                 ROW on the server, or grant BINLOG ADMIN"
            }
        }
    }

    const fn fault(self) -> Fault {
        match self {
            Self::Standby => Fault::STANDBY,
            Self::ReadOnly => Fault::READ_ONLY,
            Self::StatementBinlog => Fault::STATEMENT_BINLOG,
        }
    }
}

/// What new connections found out about the server. Cheap to clone; all clones share their state.
#[derive(Debug, Clone, Default)]
pub struct Usability(Arc<AtomicU8>);

impl Usability {
    /// Records what a connection found.
    pub fn set(&self, obstacle: Option<Obstacle>) {
        self.0.store(obstacle.map_or(0, |obstacle| obstacle as u8), Ordering::Release);
    }

    /// The obstacle, if there is one.
    pub fn obstacle(&self) -> Option<Obstacle> {
        let found = self.0.load(Ordering::Acquire);
        Obstacle::ALL.into_iter().find(|obstacle| *obstacle as u8 == found)
    }

    /// Fails if there is an obstacle.
    ///
    /// # Errors
    ///
    /// [`DbError::Unavailable`].
    pub fn check(&self) -> Result<(), DbError> {
        match self.obstacle() {
            Some(obstacle) => Err(DbError::Unavailable(obstacle.fault())),
            None => Ok(()),
        }
    }
}
