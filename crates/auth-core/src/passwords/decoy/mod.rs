//! Decoys: hashes that are computed for unknown addresses, so that these take as long as known ones.

mod distribution;

use std::sync::{Arc, PoisonError, RwLock};

use auth_db::{
    model::{EmailKey, PasswordHash, UserId},
    users,
};

use self::distribution::HashDistribution;
use super::hasher::Shape;
use crate::{
    ServiceError,
    environment::{Environment, ServerKey},
};

/// The number of users whose hashes are counted; of more users, a sample of this size.
const MAX_COUNTED: usize = 100_000;

/// The number of users that one query reads.
const PAGE: usize = 1000;

/// The name of the key by which decoys are chosen.
const KEY: &str = "decoys";

/// Chooses decoys.
///
/// Until [`Decoys::refresh`] was called, every decoy has the shape of a new hash.
pub struct Decoys {
    env: Environment,
    current: RwLock<Option<Arc<Distribution>>>,
}

#[derive(Clone)]
struct Distribution {
    key: ServerKey,
    hashes: HashDistribution,
}

impl Decoys {
    pub fn new(env: Environment) -> Self {
        Self { env, current: RwLock::default() }
    }

    /// Counts a new hash, which may be the first of its shape.
    pub fn count(&self, hash: &PasswordHash) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = current.as_mut() {
            Arc::make_mut(current).hashes.count(hash);
        }
    }

    /// The shape of the decoy for an address; none for that of a new hash. The choice takes time, so make it also for known
    /// addresses.
    pub fn choose(&self, email: &EmailKey) -> Option<Shape> {
        let current = self.current();
        current.and_then(|current| current.hashes.choose(&current.key, email))
    }

    fn current(&self) -> Option<Arc<Distribution>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts the stored hashes by shape, so that each unknown address gets a decoy of one of them, in their proportions and
    /// always the same.
    ///
    /// Of more than 100,000 users it counts as many, in runs of a thousand from random positions.
    ///
    /// # Errors
    ///
    /// [`ServiceError`]; the previous distribution stays in use.
    pub async fn refresh(&self) -> Result<(), ServiceError> {
        let key = self.env.server_key(KEY).await?;
        let mut hashes = HashDistribution::default();
        let newest = users::newest_id(self.env.db.read()).await?.map_or(0, UserId::as_i64);
        let counts_all = usize::try_from(newest).is_ok_and(|newest| newest <= MAX_COUNTED);
        let mut after = UserId::from_i64(0);
        for _ in 0..MAX_COUNTED / PAGE {
            if !counts_all {
                after = self.random_id_below(newest)?;
            }
            let page = users::hashes_after(self.env.db.read(), after, PAGE as u64).await?;
            match page.last() {
                Some((last, _)) => after = *last,
                None if counts_all => break,
                // All users above this id have been deleted meanwhile.
                None => continue,
            }
            for hash in page.iter().filter_map(|(_, hash)| hash.as_ref()) {
                hashes.count(hash);
            }
        }
        let current = Some(Arc::new(Distribution { key, hashes }));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = current;
        Ok(())
    }

    fn random_id_below(&self, newest: i64) -> Result<UserId, ServiceError> {
        let random = u64::from_le_bytes(self.env.entropy.array()?);
        let id = random % u64::try_from(newest).unwrap_or(1).max(1);
        Ok(UserId::from_i64(i64::try_from(id).unwrap_or(0)))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests use real instants")]
mod tests {
    use std::{
        num::NonZeroUsize,
        sync::atomic::{AtomicUsize, Ordering},
        time::{Duration, Instant},
    };

    use auth_db::{
        Database, DatabaseOptions,
        model::{Email, Password},
    };
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::{
        Auth, Options, RequestContext,
        passwords::{HasherOptions, Scheme, hasher::Hasher},
    };

    const PBKDF2: &str =
        "pbkdf2:sha256:1000$abc$0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// Finding a row takes longer than finding none: both wait for the same moment.
    #[tokio::test]
    async fn no_login_is_hashed_before_the_floor_of_its_look_up() {
        let (auth, _) = auth(Duration::from_millis(200)).await;
        let ada = Email::parse("ada@example.org").unwrap();
        auth.import_user(ada.clone(), PasswordHash::parse(PBKDF2).unwrap()).await.unwrap();
        for email in [ada, Email::parse("nobody@example.org").unwrap()] {
            let began = Instant::now();
            let (password, context) = (Password::parse("wrong".into()).unwrap(), RequestContext::default());
            let login = auth.log_in(&email, &password, &context);
            let early = tokio::time::timeout(Duration::from_millis(150), login).await;

            assert!(early.is_err(), "after {:?}", began.elapsed());
            assert_eq!(auth.hasher_stats().hashed, 0);
        }
    }

    async fn auth(min_lookup_duration: Duration) -> (Auth, Arc<AtomicUsize>) {
        let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await.unwrap();
        auth_migrations::up(db.for_migrations()).await.unwrap();
        let scheme = Scheme::Bcrypt { cost: 4 };
        let hashing = HasherOptions { scheme, threads: NonZeroUsize::MIN, ..HasherOptions::default() };
        let options = Options { hashing, min_lookup_duration, ..Options::default() };
        let (hasher, bcrypt_hashes) = Hasher::without_hashing(hashing, Arc::clone(&options.entropy));
        (Auth::with_hasher(db, options, hasher), bcrypt_hashes)
    }

    /// Where all accounts came from elsewhere, an unknown address costs what they do.
    #[tokio::test]
    async fn an_unknown_address_gets_a_decoy_of_the_stored_kinds() {
        let (auth, bcrypt_hashes) = auth(Duration::ZERO).await;
        let is_bcrypt = async |number: usize| {
            let before = bcrypt_hashes.load(Ordering::Relaxed);
            let email = Email::parse(&format!("nobody{number}@example.org")).unwrap();
            let password = Password::parse("wrong".into()).unwrap();
            assert!(auth.log_in(&email, &password, &RequestContext::default()).await.is_err());
            bcrypt_hashes.load(Ordering::Relaxed) > before
        };
        let import = async |number: usize, hash: &str| {
            let email = Email::parse(&format!("user{number}@example.org")).unwrap();
            auth.import_user(email, PasswordHash::parse(hash).unwrap()).await.unwrap();
        };

        assert!(is_bcrypt(0).await, "nothing is stored");
        import(0, PBKDF2).await;
        assert!(is_bcrypt(0).await, "nothing was counted");
        auth.refresh_decoys().await.unwrap();
        assert!(!is_bcrypt(0).await);

        import(1, "$2b$04$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW").await;
        let mut bcrypt = 0;
        for number in 0..100 {
            bcrypt += usize::from(is_bcrypt(number).await);
        }
        assert!((20..80).contains(&bcrypt), "half of them: {bcrypt}");

        // Another process has the same key, and counts the same; what is no hash does not keep it from that.
        let before = auth.parts().decoys.current().unwrap();
        import(2, PBKDF2).await;
        let damage = "UPDATE users SET hashed_password = 'no hash' WHERE id = 1";
        auth.parts().env.db.for_migrations().execute_unprepared(damage).await.unwrap();
        auth.refresh_decoys().await.unwrap();
        let after = auth.parts().decoys.current().unwrap();
        assert_eq!(after.key, before.key);
        for number in 0..100 {
            let email = Email::parse(&format!("nobody{number}@example.org")).unwrap();
            let chosen =
                [&before, &after].map(|current| current.hashes.choose(&current.key, email.key()).unwrap());
            assert_eq!(chosen[0], chosen[1]);
        }
    }
}
