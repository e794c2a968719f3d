//! What an unknown address is answered with: a decoy that costs what the accounts' hashes cost.

use std::sync::{Arc, PoisonError, RwLock};

use auth_db::{
    model::{Email, Password, PasswordHash, UserId},
    users,
};

use crate::{
    Auth, HashFailed, Slot, Unavailable, Verdict,
    hasher::{Census, Stored},
    server_key::ServerKey,
};

/// Up to so many users all are counted; of more, so many.
const COUNTED: usize = 100_000;

/// Users that are looked at in one go.
const PAGE: usize = 1000;

/// The name of the key by which decoys are chosen.
const KEY: &str = "decoys";

/// How many hashes of which kind are stored, and the key by which an address gets one of them.
///
/// Without it, the decoy of every address is one of the current scheme.
#[derive(Default)]
pub struct Decoys(RwLock<Option<Arc<Known>>>);

#[derive(Clone)]
struct Known {
    key: ServerKey,
    census: Census,
}

impl Decoys {
    fn known(&self) -> Option<Arc<Known>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, known: Known) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(known));
    }

    /// A hash was stored that may be the first of its kind.
    pub fn count(&self, hash: &PasswordHash) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_mut() {
            Arc::make_mut(known).census.count(hash);
        }
    }

    /// What an address is checked by if it is unknown: to be asked before that is known, because the choice
    /// itself takes time.
    pub fn choose(&self, email: &Email) -> Decoy {
        let known = self.known();
        Decoy(known.and_then(|known| known.census.choose(&known.key, email).cloned()))
    }
}

/// What an unknown address is checked by: something like a stored hash, or else the current scheme.
pub struct Decoy(Option<Stored>);

impl Decoy {
    /// Takes as long as checking a stored hash would, and never matches.
    pub async fn verify(&self, slot: &mut Slot, password: &Password) -> Result<Verdict, HashFailed> {
        match &self.0 {
            Some(like) => slot.verify_decoy_like(password, like).await,
            None => slot.verify_decoy(password).await,
        }
    }
}

impl Auth {
    /// Counts which schemes and costs the stored hashes have, so that unknown addresses take as long as known
    /// ones: each gets a decoy of one of them, in their proportions and always the same.
    ///
    /// [`Auth::maintain`] does it at its start and every hour. Of more than 100,000 users it looks at as many,
    /// in runs of a thousand from random places. What [`Auth::import_user`] stores counts at once.
    ///
    /// # Errors
    ///
    /// [`Unavailable`]; what was known before stays.
    #[tracing::instrument(level = "debug", name = "core.count_stored_hashes", skip_all)]
    pub async fn count_stored_hashes(&self) -> Result<(), Unavailable> {
        let key = self.server_key(KEY).await?;
        let mut census = Census::default();
        let newest = users::newest_id(self.parts().db.read()).await?.map_or(0, UserId::as_i64);
        let everybody = usize::try_from(newest).is_ok_and(|newest| newest <= COUNTED);
        let mut after = UserId::from_i64(0);
        for _ in 0..COUNTED / PAGE {
            if !everybody {
                after = self.anywhere_below(newest)?;
            }
            let page = users::hashes_after(self.parts().db.read(), after, PAGE as u64).await?;
            match page.last() {
                Some((last, _)) => after = *last,
                None if everybody => break,
                // Whoever was above this place has gone meanwhile.
                None => continue,
            }
            for hash in page.iter().filter_map(|(_, hash)| hash.as_ref()) {
                census.count(hash);
            }
        }
        self.parts().decoys.learn(Known { key, census });
        Ok(())
    }

    fn anywhere_below(&self, newest: i64) -> Result<UserId, Unavailable> {
        let random = u64::from_le_bytes(self.parts().entropy.array()?);
        let place = random % u64::try_from(newest).unwrap_or(1).max(1);
        Ok(UserId::from_i64(i64::try_from(place).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroUsize,
        sync::atomic::{AtomicUsize, Ordering},
        time::{Duration, Instant},
    };

    use auth_db::{Database, DatabaseOptions};
    use sea_orm::ConnectionTrait;

    use super::*;
    use crate::{Attempt, Hasher, HasherOptions, Options, Scheme};

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
            let login = auth.log_in(Attempt::new(
                email,
                Password::parse("wrong".into()).unwrap(),
                auth_db::model::Client::default(),
            ));
            let early = tokio::time::timeout(Duration::from_millis(150), login).await;

            assert!(early.is_err(), "after {:?}", began.elapsed());
            assert_eq!(auth.hashing_figures().hashed, 0);
        }
    }

    async fn auth(look_up_floor: Duration) -> (Auth, Arc<AtomicUsize>) {
        let db = Database::connect(&DatabaseOptions::new("sqlite::memory:")).await.unwrap();
        auth_migrations::up(db.for_migrations()).await.unwrap();
        let scheme = Scheme::Bcrypt { cost: 4 };
        let hashing = HasherOptions { scheme, threads: NonZeroUsize::MIN, ..HasherOptions::default() };
        let options = Options { hashing, look_up_floor, ..Options::default() };
        let (hasher, bcrypt_hashes) = Hasher::for_nothing(hashing, Arc::clone(&options.entropy));
        (Auth::with_hasher(db, options, hasher), bcrypt_hashes)
    }

    /// Where all accounts came from elsewhere, an unknown address costs what they do.
    #[tokio::test]
    async fn an_unknown_address_gets_a_decoy_of_the_stored_kinds() {
        let (auth, bcrypt_hashes) = auth(Duration::ZERO).await;
        let is_bcrypt = async |number: usize| {
            let before = bcrypt_hashes.load(Ordering::Relaxed);
            let email = Email::parse(&format!("nobody{number}@example.org")).unwrap();
            let attempt = Attempt::new(
                email,
                Password::parse("wrong".into()).unwrap(),
                auth_db::model::Client::default(),
            );
            assert!(auth.log_in(attempt).await.is_err());
            bcrypt_hashes.load(Ordering::Relaxed) > before
        };
        let import = async |number: usize, hash: &str| {
            let email = Email::parse(&format!("user{number}@example.org")).unwrap();
            auth.import_user(email, PasswordHash::parse(hash).unwrap()).await.unwrap();
        };

        assert!(is_bcrypt(0).await, "nothing is stored");
        import(0, PBKDF2).await;
        assert!(is_bcrypt(0).await, "nothing was counted");
        auth.count_stored_hashes().await.unwrap();
        assert!(!is_bcrypt(0).await);

        import(1, "$2b$04$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW").await;
        let mut bcrypt = 0;
        for number in 0..100 {
            bcrypt += usize::from(is_bcrypt(number).await);
        }
        assert!((20..80).contains(&bcrypt), "half of them: {bcrypt}");

        // Another process has the same key, and counts the same; what is no hash does not keep it from that.
        let before = auth.parts().decoys.known().unwrap();
        import(2, PBKDF2).await;
        let damage = "UPDATE users SET hashed_password = 'no hash' WHERE id = 1";
        auth.parts().db.for_migrations().execute_unprepared(damage).await.unwrap();
        auth.count_stored_hashes().await.unwrap();
        let after = auth.parts().decoys.known().unwrap();
        assert_eq!(after.key, before.key);
        for number in 0..100 {
            let email = Email::parse(&format!("nobody{number}@example.org")).unwrap();
            let chosen =
                [&before, &after].map(|known| known.census.choose(&known.key, &email).unwrap().class());
            assert_eq!(chosen[0], chosen[1]);
        }
    }
}
