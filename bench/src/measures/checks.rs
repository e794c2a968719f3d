//! Session checks at a fixed rate, with and without people logging in.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::Context;

use super::{PATIENT, ask_profile, log_in_request, service};
use crate::{
    http::Connection,
    load::paced::{self, Latencies},
    report::{REPETITIONS, Report, Row},
    stats::{median, percentile},
};

const RATE: u32 = 1500;
const LOGINS: usize = 64;
const EACH: Duration = Duration::from_secs(12);

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = service(folder.path(), &PATIENT)?;
    let ask = ask_profile(&server)?;
    let mut samples = [const { Vec::new() }; 4];
    let mut failures = Vec::new();
    paced::run(server.address, RATE, &ask, 200, Duration::from_secs(2))?;
    for _ in 0..REPETITIONS {
        let quiet = paced::run(server.address, RATE, &ask, 200, EACH)?;
        let (busy, failed_logins) = while_logging_in(server.address, &log_in_request(), 200, || {
            paced::run(server.address, RATE, &ask, 200, EACH)
        })?;
        failures.push((quiet.failures + busy.failures + failed_logins) as f64);
        for (index, (latencies, percent)) in
            [(&quiet, 50.0), (&quiet, 99.0), (&busy, 50.0), (&busy, 99.0)].into_iter().enumerate()
        {
            samples[index].push(percentile(&latencies.millis, percent));
        }
    }
    let [quiet_median, quiet_p99, busy_median, busy_p99] = samples;
    let without = "the same without logins";
    report.row(
        Row::new("session check at 1,500/s while 64 connections log in, median", "ms", &busy_median)
            .beside(without, &quiet_median),
    );
    report.row(
        Row::new("session check at 1,500/s while 64 connections log in, 99th percentile", "ms", &busy_p99)
            .beside(without, &quiet_p99)
            .at_most(1.5),
    );
    report.row(Row::new("of these, and of the logins, failed", "", &failures).at_most(0.0));
    let groups = [("median", &quiet_median, &busy_median), ("99th percentile", &quiet_p99, &busy_p99)];
    let groups = groups.map(|(label, quiet, busy)| {
        let bars = [("no logins", quiet), ("64 connections log in", busy)];
        (label.to_owned(), bars.map(|(name, values)| (name.to_owned(), median(values))).to_vec())
    });
    report.plot("checks", "Session checks at 1,500 a second, milliseconds", &groups);
    Ok(())
}

/// Runs `work` during continuous logins. Also returns the number of failed logins.
pub fn while_logging_in(
    address: SocketAddr,
    request: &[u8],
    status: u16,
    work: impl FnOnce() -> anyhow::Result<Latencies>,
) -> anyhow::Result<(Latencies, usize)> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..LOGINS)
            .map(|_| {
                scope.spawn(|| {
                    let (mut connection, mut failures) = (Connection::open(address)?, 0);
                    while !over.load(Ordering::Relaxed) {
                        failures += usize::from(!connection.try_for(address, request, status)?);
                    }
                    anyhow::Ok(failures)
                })
            })
            .collect();
        thread::sleep(Duration::from_secs(2));
        let done = work();
        over.store(true, Ordering::Relaxed);
        let mut failures = 0;
        for thread in threads {
            failures += thread.join().ok().context("a thread panicked")??;
        }
        Ok((done?, failures))
    })
}
