//! `Auth`: the use cases, and the engines that they share.

use std::{fmt, io, sync::Arc, time::Duration};

use auth_db::Database;
use time::OffsetDateTime;

use crate::{
    Options, Policy, ServiceError,
    devices::Devices,
    environment::Environment,
    outbox::{DeliveryReport, MailStats, Mailer, Outbox},
    passwords::{Denylist, HasherStats, decoy::Decoys, hasher::Hasher},
    reset_issuer::ResetIssuer,
    sessions::Sessions,
    throttle::Throttle,
};

/// Password authentication on one database. Cheap to clone; all clones share their state.
#[derive(Clone)]
pub struct Auth(Arc<Parts>);

/// The engines and options that use cases share.
pub(crate) struct Parts {
    pub env: Environment,
    pub policy: Policy,
    pub denylist: Denylist,
    pub min_lookup_duration: Duration,
    pub hasher: Hasher,
    pub decoys: Decoys,
    pub sessions: Sessions,
    pub devices: Devices,
    pub throttle: Throttle,
    pub resets: ResetIssuer,
    pub outbox: Outbox,
    pub mailer: Option<Arc<dyn Mailer>>,
}

impl Auth {
    /// Starts the hashing threads. The database must be migrated.
    ///
    /// Spawn [`Auth::run`] in a task of its own, and await [`Auth::shutdown`] before the program ends. Without [`Auth::run`],
    /// expired rows stay in the database, no emails are sent, and sessions are cached only if the database is in memory.
    ///
    /// Start one per [`Database`], and clone it: two of them do not learn of each other's revocations.
    ///
    /// # Errors
    ///
    /// If the operating system can't start a thread.
    pub fn start(db: Database, options: Options) -> io::Result<Self> {
        let hasher = Hasher::start(options.hashing, Arc::clone(&options.entropy))?;
        Ok(Self::with_hasher(db, options, hasher))
    }

    pub(crate) fn with_hasher(db: Database, options: Options, hasher: Hasher) -> Self {
        let Options {
            policy,
            denylist,
            throttle,
            mail,
            session_cache,
            min_lookup_duration,
            clock,
            entropy,
            hashing: _,
        } = options;
        let env = Environment { db, clock, entropy };
        let uses_devices = throttle.is_some() || mail.notifies_of_new_devices();
        let devices = Devices::new(env.clone(), policy.token_format, uses_devices);
        let resets = ResetIssuer::new(env.clone(), policy.token_format, policy.reset_lifetime);
        let mailer = mail.mailer.clone();
        Self(Arc::new(Parts {
            decoys: Decoys::new(env.clone()),
            sessions: Sessions::new(env.db.clone(), session_cache, policy.session_idle),
            throttle: Throttle::new(env.clone(), devices.clone(), throttle),
            outbox: Outbox::new(env.clone(), resets.clone(), mail),
            env,
            policy,
            denylist,
            min_lookup_duration,
            hasher,
            devices,
            resets,
            mailer,
        }))
    }

    /// The rules in use.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Statistics of the password hasher.
    #[must_use]
    pub fn hasher_stats(&self) -> HasherStats {
        self.0.hasher.stats()
    }

    /// Statistics of the emails of this process.
    #[must_use]
    pub fn mail_stats(&self) -> MailStats {
        self.0.outbox.stats()
    }

    /// The number of emails that are not sent yet, of all nodes.
    ///
    /// # Errors
    ///
    /// [`ServiceError`].
    pub async fn queued_mails(&self) -> Result<u64, ServiceError> {
        Ok(self.0.outbox.count_queued().await?)
    }

    /// Sends at most 32 emails that are due, one after the other. For programs that do not call [`Auth::run`].
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; a later call sends what was not marked as sent.
    #[tracing::instrument(level = "debug", name = "core.deliver_due", skip_all)]
    pub async fn deliver_due(&self, mailer: &dyn Mailer) -> Result<DeliveryReport, ServiceError> {
        self.0.outbox.deliver_due(mailer).await
    }

    /// Checks that the database responds and has the tables of this version.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Database`].
    pub async fn ping(&self) -> Result<(), ServiceError> {
        self.0.env.db.ping().await?;
        Ok(self.0.env.db.check_schema().await?)
    }

    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.0.env.now()
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}
