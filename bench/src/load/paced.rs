//! At a fixed rate, whatever the server does: latencies count from when a request was due.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::http::Connection;

/// Threads with a connection each, more than the requests in flight at the rates that are used.
const THREADS: u32 = 16;

/// How long after the end requests are still asked that are behind. Those that are not count as if they had been
/// answered then: they would have taken longer.
const LATE: Duration = Duration::from_secs(10);

/// The shortest time slices that Linux gives. Clients are on other machines: that a client of ours waits for a processor
/// which computes hashes is no latency of the server, so clients here preempt what computes.
const SLICE: Duration = Duration::from_micros(100);

/// Latencies in milliseconds, and how many requests did not get the status they should.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    pub millis: Vec<f64>,
    pub failures: usize,
}

/// Asks `rate` times a second for so long.
pub fn run(
    address: SocketAddr,
    rate: u32,
    request: &[u8],
    status: u16,
    duration: Duration,
) -> anyhow::Result<Latencies> {
    let interval = Duration::from_secs(1) * THREADS / rate;
    let began = Instant::now() + Duration::from_millis(50);
    let all = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let first = began + interval * number / THREADS;
                scope.spawn(move || one(address, request, status, first, interval, began + duration))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().ok().context("a thread panicked")?)
            .collect::<Result<Vec<_>, _>>()
    })?;
    let mut latencies = Latencies::default();
    for one in all {
        latencies.millis.extend(one.millis);
        latencies.failures += one.failures;
    }
    Ok(latencies)
}

fn one(
    address: SocketAddr,
    request: &[u8],
    status: u16,
    mut due: Instant,
    interval: Duration,
    ends: Instant,
) -> anyhow::Result<Latencies> {
    // Kernels before 6.12 do not know it: latencies are then longer.
    let _ = thread_slice::request(SLICE);
    let mut connection = Connection::open(address)?;
    let mut latencies = Latencies::default();
    while due < ends {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if ends.elapsed() > LATE {
            latencies.failures += 1;
            latencies.millis.push(due.elapsed().as_secs_f64() * 1000.0);
            due += interval;
            continue;
        }
        match connection.ask(request) {
            Ok(answer) if answer.status == status => {}
            Ok(_) => latencies.failures += 1,
            Err(_) => {
                latencies.failures += 1;
                connection = Connection::open(address)?;
            }
        }
        latencies.millis.push(due.elapsed().as_secs_f64() * 1000.0);
        due += interval;
    }
    Ok(latencies)
}
