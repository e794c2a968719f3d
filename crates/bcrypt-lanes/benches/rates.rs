//! Hashes a second on one core: the `bcrypt` crate beside 1 to 8 lanes, at cost 10 and 12, in one run.
//!
//! ```text
//! cargo bench -p bcrypt-lanes
//! ```

use std::{hint::black_box, time::Duration};

use bcrypt_lanes::{Input, MOST_LANES, digests_with};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const PASSWORDS: [&[u8]; MOST_LANES] =
    [b"one", b"two two", b"three three", b"4", b"five", b"six six", b"seven 7 seven", b"eight"];

fn rates(criterion: &mut Criterion) {
    let inputs: Vec<Input<'_>> =
        PASSWORDS.iter().map(|password| Input { password, salt: [42; 16] }).collect();
    for cost in [10, 12] {
        let mut group = criterion.benchmark_group(format!("cost {cost}"));
        group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(8));
        group.throughput(Throughput::Elements(1));
        group.bench_function("bcrypt crate", |bencher| {
            bencher.iter(|| bcrypt::bcrypt(cost, [42; 16], black_box(b"one\0")));
        });
        for lanes in 1..=MOST_LANES {
            group.throughput(Throughput::Elements(lanes as u64));
            group.bench_with_input(BenchmarkId::new("lanes", lanes), &lanes, |bencher, lanes| {
                bencher.iter(|| digests_with(*lanes, cost, black_box(&inputs[..*lanes])));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, rates);
criterion_main!(benches);
