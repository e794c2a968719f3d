//! The promise of the cache, checked against models: random sequences, and random interleavings.
//!
//! 2,000 of each by default. More, or those of a seed that failed:
//!
//! ```sh
//! AUTH_MODEL_SEQUENCES=50000 AUTH_MODEL_INTERLEAVINGS=10000 \
//!     cargo test --release -p auth-core --lib sessions::tests -- --nocapture
//! AUTH_MODEL_SEED=17 cargo test -p auth-core --lib sessions::tests
//! ```

#![expect(clippy::print_stdout, reason = "a random test prints its seed")]

mod abandoned;
mod failing;

mod interleavings;
mod loader;
mod model;
mod overtaken;
mod sequences;
mod sync_points;
mod world;

use std::env;

pub use self::sync_points::SyncPoints;

/// How many cases to run.
fn cases(variable: &str) -> u64 {
    env::var(variable).map_or(2000, |text| text.parse().expect("a number of cases"))
}

/// Runs the cases, each with its own seed, on two threads with a world each; a failure prints its seed.
fn for_each_seed(
    variable: &str,
    case: impl AsyncFn(&world::World, fastrand::Rng) + Send + Sync + Copy + 'static,
) {
    let only: Option<u64> = env::var("AUTH_MODEL_SEED").ok().map(|text| text.parse().expect("a seed"));
    let first = only.unwrap_or_else(|| fastrand::u64(..1 << 48));
    let count = only.map_or_else(|| cases(variable), |_| 1);
    println!("{count} cases, seeds from {first}");
    let threads = [0, 1].map(|offset| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let world = world::World::new().await;
                for seed in (first + offset..first + count).step_by(2) {
                    let printer = PrintSeedOnPanic(seed);
                    world.clear().await;
                    case(&world, fastrand::Rng::with_seed(seed)).await;
                    drop(printer);
                }
            });
        })
    });
    for thread in threads {
        thread.join().expect("every case holds");
    }
}

struct PrintSeedOnPanic(u64);

impl Drop for PrintSeedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("repeat with: AUTH_MODEL_SEED={}", self.0);
        }
    }
}
