//! The floors of a login: hashes and nothing else, on threads of this process.

use std::{
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use bcrypt_lanes::Input;

/// Long enough for production, and on no list.
pub const PASSWORD: &str = "seven herons beside the weir";
pub const COST: u32 = 12;
const SALT: [u8; 16] = [7; 16];

/// Hashes a second by the `bcrypt` crate on every core.
pub fn crate_rate(duration: Duration) -> anyhow::Result<f64> {
    on_every_core(duration, || {
        black_box(bcrypt::bcrypt(COST, SALT, PASSWORD.as_bytes()));
        1
    })
}

/// Hashes a second by `bcrypt-lanes` on every core, as many at once as suits the machine.
pub fn lanes_rate(duration: Duration) -> anyhow::Result<f64> {
    let lanes = bcrypt_lanes::best_lanes();
    on_every_core(duration, move || {
        let inputs = vec![Input { password: PASSWORD.as_bytes(), salt: SALT }; lanes];
        black_box(bcrypt_lanes::digests(COST, &inputs)).len()
    })
}

/// How long one hash takes while nothing else is done.
pub fn one() -> Duration {
    let began = Instant::now();
    black_box(bcrypt_lanes::digests(COST, &[Input { password: PASSWORD.as_bytes(), salt: SALT }]));
    began.elapsed()
}

fn on_every_core(duration: Duration, hash: impl Fn() -> usize + Send + Sync) -> anyhow::Result<f64> {
    let cores = thread::available_parallelism()?.get();
    let rates = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let (began, mut hashes) = (Instant::now(), 0);
                    while began.elapsed() < duration {
                        hashes += hash();
                    }
                    hashes as f64 / began.elapsed().as_secs_f64()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().ok().context("a thread panicked"))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(rates.iter().sum())
}
