//! The proof: what the service does, side by side with its floor, in one run on one machine.
//!
//! ```text
//! cargo run --release -p bench             all of the table, at most 30 minutes; exit code 1 on a miss
//! cargo run --release -p bench -- scale    the session check with up to 10 million users and sessions
//! cargo run --release -p bench -- timing   whether the time of a failed login or a request for a reset reveals anything
//! cargo run --release -p bench -- peers    beside other servers, from the package registries
//! cargo run --release -p bench -- --database postgres    on a database server; or mariadb
//! cargo run --release -p bench -- latency  what takes how long if the database is far away
//! cargo run --release -p bench -- faults   how soon requests fail when the database is unavailable, and how soon they succeed again
//! ```
//!
//! It knows the service by HTTP, and its tables only to fill them. Load goes to loopback.
#![expect(clippy::disallowed_methods, reason = "it measures")]
#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]
#![expect(clippy::cast_precision_loss, reason = "counts and nanoseconds stay far below 2 to the power of 52")]

mod behind_proxy;
mod database;
mod faults;
mod floor;
mod hashes;
mod http;
mod latency;
mod load;
mod mail;
mod measures;
mod peers;
mod process;
mod report;
mod scale;
mod servers;
mod stats;
mod svg;
mod timing;

use std::{process::ExitCode, time::Instant};

use anyhow::bail;

use crate::report::Report;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let began = Instant::now();
    let done = match words.as_slice() {
        ["floor", address] => floor::serve(address).map(|()| true),
        ["busy"] => {
            measures::busy::be_busy();
            Ok(true)
        }
        [] => run("benchmarks", measures::all),
        ["scale"] => run("scale", scale::measure),
        ["timing"] => run("timing", timing::measure),
        ["peers"] => run("peers", peers::measure),
        ["faults"] => run("faults", faults::measure),
        ["latency"] => run("latency", latency::measure),
        ["--database", name] => run(name, |report| servers::measure(name, report)),
        // One part of the table, while working on it.
        ["only", part] => run(&format!("only-{part}"), |report| measures::only(part, report)),
        _ => bail_with_usage(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            println!("\nmissed, after {:.0} s", began.elapsed().as_secs_f64());
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("could not measure: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Measures and stores the results. Returns whether all targets were reached.
fn run(name: &str, measure: impl FnOnce(&mut Report) -> anyhow::Result<()>) -> anyhow::Result<bool> {
    process::build()?;
    // What was written before must not be waited for by what is measured.
    rustix::fs::sync();
    let mut report = Report::new(name);
    measure(&mut report)?;
    report.write()?;
    Ok(report.is_reached())
}

fn bail_with_usage() -> anyhow::Result<bool> {
    bail!("usage: bench [scale|timing|peers|faults|latency|--database postgres|--database mariadb]")
}
