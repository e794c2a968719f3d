//! What a model is compared with: an `Auth` on a database in memory, with hashes that cost nothing.

use std::{num::NonZeroUsize, sync::Arc};

use auth_db::{
    Database, DatabaseOptions,
    model::{Client, Email, NewPassword, Password, PasswordPolicy, SessionToken},
};
use sea_orm::ConnectionTrait;
use time::{Duration, OffsetDateTime};

use crate::{
    Auth, Denylist, Hasher, HasherOptions, ManualClock, Options, Policy, Scheme, SessionMemory, SystemEntropy,
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
            max_wait: std::time::Duration::from_mins(10),
        };
        Self { db, hasher: Hasher::for_nothing(options, Arc::new(SystemEntropy)).0 }
    }

    /// Forgets all users.
    pub async fn clear(&self) {
        self.db.for_migrations().execute_unprepared("DELETE FROM users").await.unwrap();
    }

    /// A process with one user, who is logged in, and whose session is remembered.
    pub async fn start_with_a_session(&self) -> (Auth, SessionToken) {
        let auth = self.start(&clock(), policy(3), 100);
        auth.register_user(email(0), new_password(0)).await.unwrap();
        let token = auth.create_session(&email(0), Client::default()).await.unwrap().unwrap().token;
        assert!(auth.user_behind(&token).await.unwrap().is_some());
        (auth, token)
    }

    /// A process that starts on the database.
    pub fn start(&self, clock: &Arc<ManualClock>, policy: Policy, session_cache_entries: u64) -> Auth {
        let clock = Arc::<ManualClock>::clone(clock);
        let session_memory = SessionMemory { entries: session_cache_entries, ..SessionMemory::default() };
        let look_up_floor = std::time::Duration::ZERO;
        let options = Options {
            policy,
            denylist: Denylist::OFF,
            throttle: None,
            session_memory,
            look_up_floor,
            clock,
            ..Options::default()
        };
        Auth::with_hasher(self.db.clone(), options, self.hasher.clone())
    }
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)))
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
