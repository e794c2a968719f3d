//! The hasher as its callers see it.

mod pool;
mod verdicts;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use auth_db::model::{NewPassword, Password, PasswordHash, PasswordPolicy};

use super::{
    bcrypt::{BcryptEngine, Input},
    *,
};
use crate::SystemEntropy;

/// An engine that hashes in no time, and badly.
struct Nothing {
    digests: Arc<AtomicUsize>,
}

impl BcryptEngine for Nothing {
    fn lanes(&self) -> usize {
        1
    }

    fn digests(&self, _: u32, inputs: &[Input<'_>]) -> Vec<[u8; 23]> {
        let digest = |input: &Input<'_>| {
            let mut digest = [0_u8; 23];
            for (index, byte) in input.salt.iter().chain(input.password).enumerate() {
                let place = &mut digest[index % 23];
                *place = place.wrapping_mul(31).wrapping_add(*byte);
            }
            digest
        };
        self.digests.fetch_add(inputs.len(), Ordering::Relaxed);
        inputs.iter().map(digest).collect()
    }
}

impl Hasher {
    /// For tests in which bcrypt should cost nothing; it is counted how often it was used.
    pub(crate) fn without_hashing(
        options: HasherOptions,
        entropy: Arc<dyn Entropy>,
    ) -> (Self, Arc<AtomicUsize>) {
        let digests = Arc::default();
        let engine: Arc<dyn BcryptEngine> = Arc::new(Nothing { digests: Arc::clone(&digests) });
        (Self::start_with(options, entropy, &engine).unwrap(), digests)
    }
}

const CHEAP: Scheme = Scheme::Bcrypt { cost: 4 };

fn options(scheme: Scheme, threads: usize, max_wait: Duration) -> HasherOptions {
    HasherOptions { scheme, threads: NonZeroUsize::new(threads).unwrap(), max_wait }
}

fn hasher(scheme: Scheme) -> Hasher {
    Hasher::start(options(scheme, 2, Duration::from_mins(1)), Arc::new(SystemEntropy)).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text.into()).unwrap()
}

fn new_password(text: &str) -> NewPassword {
    NewPassword::parse(text.into(), &PasswordPolicy { min_code_points: 1 }).unwrap()
}

async fn hash(hasher: &Hasher, text: &str) -> PasswordHash {
    hasher.acquire(Requester::default()).unwrap().hash(&new_password(text)).await.unwrap()
}

async fn verify(hasher: &Hasher, text: &str, hash: &PasswordHash) -> Verdict {
    hasher.acquire(Requester::default()).unwrap().verify(&password(text), hash).await.unwrap()
}

fn stored(text: &str) -> PasswordHash {
    PasswordHash::parse(text).unwrap()
}
