//! `Auth`: what the use cases need, in one place.

use std::{fmt, io, sync::Arc, time::Duration};

use auth_db::Database;
use time::OffsetDateTime;
use tokio::sync::{Notify, OnceCell, watch};

use crate::{
    Clock, Denylist, Entropy, Figures, Hasher, HasherOptions, MailOptions, Policy, SessionMemory,
    SystemClock, SystemEntropy, ThrottleOptions, Unavailable, decoys::Decoys, mail::Counters,
    server_key::ServerKey, sessions::Sessions, throttle::Throttle,
};

/// What an [`Auth`] is made of besides its database.
#[derive(Clone)]
pub struct Options {
    /// The rules.
    pub policy: Policy,
    /// Passwords that are refused.
    pub denylist: Denylist,
    /// Limits on attempts; none for as many as anybody likes.
    pub throttle: Option<ThrottleOptions>,
    /// What owners are told by mail besides what they ask for.
    pub mail: MailOptions,
    /// How passwords are hashed.
    pub hashing: HasherOptions,
    /// What may be remembered of stored sessions.
    pub session_memory: SessionMemory,
    /// How long a login looks for the account at the least, before it hashes: a row that is found is read, and
    /// that must not show. A look-up takes a fraction of a millisecond.
    pub look_up_floor: Duration,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub entropy: Arc<dyn Entropy>,
}

/// The rules and costs for production, the clock and the generator of the operating system.
impl Default for Options {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            denylist: Denylist::builtin([]),
            throttle: Some(ThrottleOptions::default()),
            mail: MailOptions::default(),
            hashing: HasherOptions::default(),
            session_memory: SessionMemory::default(),
            look_up_floor: Duration::from_millis(2),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("policy", &self.policy)
            .field("denylist", &self.denylist)
            .field("throttle", &self.throttle)
            .field("hashing", &self.hashing)
            .field("session_memory", &self.session_memory)
            .finish_non_exhaustive()
    }
}

/// Password authentication on one database. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Auth(Arc<Parts>);

/// What the use cases share.
pub(crate) struct Parts {
    pub db: Database,
    pub hasher: Hasher,
    pub sessions: Sessions,
    pub decoys: Decoys,
    pub policy: Policy,
    pub denylist: Denylist,
    pub throttle: Option<Throttle>,
    pub mail: MailOptions,
    /// Tells the worker that there is something to do.
    pub mail_wanted: Notify,
    pub mail_counters: Counters,
    /// Whether no further mail is to be begun.
    pub mail_stopped: watch::Sender<bool>,
    pub look_up_floor: Duration,
    pub device_kind_key: OnceCell<ServerKey>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Auth {
    /// Starts the hashing threads. The database must have been migrated.
    ///
    /// Call [`Auth::maintain`] in a task of its own, or [`Auth::flush_last_seen`] and
    /// [`Auth::purge_expired`] from time to time; and [`Auth::flush_last_seen`] before the program ends.
    /// Only while [`Auth::maintain`] runs are sessions checked from memory, unless the database is in memory, too.
    ///
    /// One on each [`Database`]: two on clones of one do not hear of what the other ends. Clone this instead.
    ///
    /// # Errors
    ///
    /// When the operating system gives no threads.
    pub fn start(db: Database, options: Options) -> io::Result<Self> {
        let hasher = Hasher::start(options.hashing, Arc::clone(&options.entropy))?;
        Ok(Self::with_hasher(db, options, hasher))
    }

    pub(crate) fn with_hasher(db: Database, options: Options, hasher: Hasher) -> Self {
        let Options {
            policy, denylist, throttle, mail, session_memory, look_up_floor, clock, entropy, ..
        } = options;
        let throttle = throttle.map(|options| Throttle::new(options, &clock));
        let sessions = Sessions::new(db.clone(), session_memory, policy.session_idle);
        let decoys = Decoys::default();
        Self(Arc::new(Parts {
            db,
            hasher,
            sessions,
            decoys,
            policy,
            denylist,
            throttle,
            mail,
            mail_wanted: Notify::new(),
            mail_counters: Counters::default(),
            mail_stopped: watch::Sender::new(false),
            look_up_floor,
            device_kind_key: OnceCell::new(),
            clock,
            entropy,
        }))
    }

    /// The rules in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// What the hashing pool did so far, and what waits.
    #[must_use]
    pub fn hashing_figures(&self) -> Figures {
        self.0.hasher.figures()
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    ///
    /// [`Unavailable::Database`] if it gives none.
    pub async fn ping(&self) -> Result<(), Unavailable> {
        self.0.db.ping().await?;
        Ok(self.0.db.check_schema().await?)
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.0.clock.now()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}
