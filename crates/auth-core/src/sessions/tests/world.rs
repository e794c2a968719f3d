//! What a model is compared with: an `Auth` on a database in memory, with hashes that cost nothing.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use auth_db::{
    Database, DatabaseOptions,
    model::{Email, NewPassword, Password, PasswordPolicy, SessionToken},
};
use sea_orm::ConnectionTrait;

use time::OffsetDateTime;

use crate::{
    Auth, ManualClock, Options, Policy, RequestContext, SystemEntropy,
    passwords::{Denylist, HasherOptions, Scheme, hasher::Hasher},
    sessions::SessionCacheOptions,
};

pub struct World {
    pub db: Database,
    hasher: Hasher,
}

impl World {
    pub async fn new() -> Self {
        let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await.unwrap();
        auth_migrations::up(db.for_migrations()).await.unwrap();
        let options = HasherOptions {
            scheme: Scheme::Bcrypt { cost: 4 },
            threads: NonZeroUsize::MIN,
            max_wait: Duration::from_mins(10),
        };
        Self { db, hasher: Hasher::without_hashing(options, Arc::new(SystemEntropy)).0 }
    }

    /// Forgets all users.
    pub async fn clear(&self) {
        self.db.for_migrations().execute_unprepared("DELETE FROM users").await.unwrap();
    }

    /// A process with one user, whose session is cached.
    pub async fn start_with_a_session(&self) -> (Auth, SessionToken) {
        let auth = self.start(&clock(), policy(3), 100);
        auth.create_user(email(0), new_password(0)).await.unwrap();
        let token = auth
            .open_session_without_password(&email(0), &RequestContext::default())
            .await
            .unwrap()
            .unwrap()
            .token;
        assert!(auth.authenticate(&token).await.unwrap().is_some());
        (auth, token)
    }

    /// A process that starts on the database.
    pub fn start(&self, clock: &Arc<ManualClock>, policy: Policy, session_cache_entries: u64) -> Auth {
        let clock = Arc::<ManualClock>::clone(clock);
        let session_cache =
            SessionCacheOptions { capacity: session_cache_entries, ..SessionCacheOptions::default() };
        let min_lookup_duration = Duration::ZERO;
        let options = Options {
            policy,
            denylist: Denylist::OFF,
            throttle: None,
            session_cache,
            min_lookup_duration,
            clock,
            ..Options::default()
        };
        Auth::with_hasher(self.db.clone(), options, self.hasher.clone())
    }
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(OffsetDateTime::UNIX_EPOCH + Duration::from_hours(480_000)))
}

pub fn policy(sessions_per_user: u64) -> Policy {
    Policy { sessions_per_user, password: PasswordPolicy { min_code_points: 1 }, ..Policy::default() }
}

pub fn email(user: usize) -> Email {
    Email::parse(&format!("user{user}@example.org")).unwrap()
}

pub fn password(number: u8) -> Password {
    Password::parse(format!("password {number}").into()).unwrap()
}

pub fn new_password(number: u8) -> NewPassword {
    let text = format!("password {number}");
    NewPassword::parse(text.into(), &PasswordPolicy { min_code_points: 1 }).unwrap()
}
