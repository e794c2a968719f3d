//! Hashing and verifying, with what bcrypt itself does not look at.

use std::collections::BTreeMap;

use subtle::ConstantTimeEq;

use crate::{
    Error,
    lanes::{Input, digests},
    mcf::{BcryptHash, COSTS, Version},
};

/// The longest password that bcrypt holds in full, in bytes: 72 less the terminating NUL.
pub const LONGEST_PASSWORD: usize = 71;

/// A password to hash.
#[derive(Clone, Copy)]
pub struct NewHash<'a> {
    /// At most [`LONGEST_PASSWORD`] bytes, without a NUL.
    pub password: &'a [u8],
    /// 16 random bytes, new for each hash.
    pub salt: [u8; 16],
    /// One of [`COSTS`].
    pub cost: u32,
}

/// A candidate password for a hash.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// Any bytes.
    pub password: &'a [u8],
    /// The stored hash.
    pub hash: &'a BcryptHash,
}

/// Hashes one password, as `$2b$`.
///
/// # Errors
///
/// [`Error::PasswordTooLong`], [`Error::PasswordWithNul`], [`Error::Cost`].
pub fn hash(password: &[u8], cost: u32, salt: [u8; 16]) -> Result<BcryptHash, Error> {
    let job = NewHash { password, salt, cost };
    check(&job)?;
    BcryptHash::new(Version::TwoB, cost, salt, digests(cost, &[job.into()])[0])
}

/// Hashes several passwords in one thread, side by side, in their order; different costs make groups.
///
/// # Errors
///
/// As [`hash`], for the first that can't be hashed; nothing is computed then.
pub fn hash_many(jobs: &[NewHash<'_>]) -> Result<Vec<BcryptHash>, Error> {
    jobs.iter().try_for_each(check)?;
    let computed = by_cost(jobs.iter().map(|job| (job.cost, Input::from(*job))));
    jobs.iter()
        .zip(computed)
        .map(|(job, digest)| BcryptHash::new(Version::TwoB, job.cost, job.salt, digest))
        .collect()
}

/// Whether `password` is the one that `hash` was made of.
///
/// The first 72 bytes of the password are compared, because other implementations cut longer ones when they
/// hashed. That weakens no hash made here: such a hash holds the terminator of a password of at most 71
/// bytes, which a longer one without NUL does not match. A password with a NUL never matches, and costs as
/// much as any other.
///
/// # Errors
///
/// [`Error::Cost`] if the hash asks for more than `most_cost`: nothing is computed then.
pub fn verify(password: &[u8], hash: &BcryptHash, most_cost: u32) -> Result<bool, Error> {
    let candidate = Candidate { password, hash };
    affordable(&candidate, most_cost)?;
    let computed = digests(hash.cost(), &[candidate.into()])[0];
    Ok(matches(&candidate, &computed))
}

/// [`verify`] for several candidates in one thread, side by side, in their order; different costs make
/// groups.
///
/// # Errors
///
/// As [`verify`], for the first hash that asks for too much; nothing is computed then.
pub fn verify_many(candidates: &[Candidate<'_>], most_cost: u32) -> Result<Vec<bool>, Error> {
    candidates.iter().try_for_each(|candidate| affordable(candidate, most_cost))?;
    let computed =
        by_cost(candidates.iter().map(|candidate| (candidate.hash.cost(), Input::from(*candidate))));
    Ok(candidates.iter().zip(computed).map(|(candidate, digest)| matches(candidate, &digest)).collect())
}

fn check(job: &NewHash<'_>) -> Result<(), Error> {
    if job.password.len() > LONGEST_PASSWORD {
        return Err(Error::PasswordTooLong);
    }
    if job.password.contains(&0) {
        return Err(Error::PasswordWithNul);
    }
    if COSTS.contains(&job.cost) { Ok(()) } else { Err(Error::Cost(job.cost)) }
}

fn affordable(candidate: &Candidate<'_>, most_cost: u32) -> Result<(), Error> {
    let cost = candidate.hash.cost();
    if cost <= most_cost { Ok(()) } else { Err(Error::Cost(cost)) }
}

fn matches(candidate: &Candidate<'_>, computed: &[u8; 23]) -> bool {
    let equal = computed.ct_eq(candidate.hash.digest());
    bool::from(equal) && !candidate.password.contains(&0)
}

/// Computes inputs of any costs, grouped by cost, and returns results in their order.
fn by_cost<'a>(inputs: impl Iterator<Item = (u32, Input<'a>)>) -> Vec<[u8; 23]> {
    let mut groups: BTreeMap<u32, (Vec<usize>, Vec<Input<'a>>)> = BTreeMap::new();
    let mut count = 0;
    for (place, (cost, input)) in inputs.enumerate() {
        let (places, group) = groups.entry(cost).or_default();
        places.push(place);
        group.push(input);
        count = place + 1;
    }
    let mut computed = vec![[0; 23]; count];
    for (cost, (places, group)) in groups {
        for (place, digest) in places.into_iter().zip(digests(cost, &group)) {
            computed[place] = digest;
        }
    }
    computed
}

impl<'a> From<NewHash<'a>> for Input<'a> {
    fn from(job: NewHash<'a>) -> Self {
        Self { password: job.password, salt: job.salt }
    }
}

impl<'a> From<Candidate<'a>> for Input<'a> {
    fn from(candidate: Candidate<'a>) -> Self {
        Self { password: candidate.password, salt: *candidate.hash.salt() }
    }
}
