//! Logins: as many as possible, one alone, and while session checks saturate every core.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};

use super::{PATIENT, ask_profile, log_in, log_in_request, service};
use crate::{
    hashes,
    http::Connection,
    load::closed,
    process::Server,
    report::{REPETITIONS, Report, Row},
    stats::median,
};

const CONNECTIONS: usize = 64;
const WARM_UP: Duration = Duration::from_secs(3);
const EACH: Duration = Duration::from_secs(15);
const FLOORS: Duration = Duration::from_secs(5);

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = service(folder.path(), &PATIENT)?;
    one_alone(&server, report)?;

    let (mut by_crate, mut by_lanes) = (Vec::new(), Vec::new());
    let (mut alone, mut under_checks, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    let ask = [ask_profile(&server)?];
    for _ in 0..REPETITIONS {
        by_crate.push(hashes::crate_rate(FLOORS)?);
        by_lanes.push(hashes::lanes_rate(FLOORS)?);
        alone.push(rate(server.address, &log_in_request(), 200, EACH)?);
        let (logins, answers) = thread::scope(|scope| {
            let load = scope.spawn(|| closed::run(server.address, CONNECTIONS, &ask, 200, WARM_UP + EACH));
            let logins = rate(server.address, &log_in_request(), 200, EACH)?;
            anyhow::Ok((logins, load.join().ok().context("a thread panicked")??.rate))
        })?;
        under_checks.push(logins);
        checks.push(answers);
    }
    let rates = Rates { by_crate, by_lanes, alone, under_checks };
    rates.report(report);
    report.note(format!("meanwhile {:.0} session checks a second", median(&checks)));
    rates.plot(report);
    Ok(())
}

/// Logins a second, and the hashes a second beside them.
struct Rates {
    by_crate: Vec<f64>,
    by_lanes: Vec<f64>,
    alone: Vec<f64>,
    under_checks: Vec<f64>,
}

impl Rates {
    fn report(&self, report: &mut Report) {
        report.row(
            Row::new("logins, bcrypt 12, 64 connections", "/s", &self.alone)
                .beside("the bcrypt crate on all cores", &self.by_crate)
                .at_least(3.3),
        );
        report.row(
            Row::new("logins, bcrypt 12, 64 connections", "/s", &self.alone)
                .beside("bcrypt-lanes on all cores", &self.by_lanes)
                .at_least(0.9),
        );
        report.row(
            Row::new("logins while session checks saturate every core", "/s", &self.under_checks)
                .beside("the same without checks", &self.alone)
                .at_least(0.1),
        );
    }

    fn plot(&self, report: &mut Report) {
        let bars = [
            ("the bcrypt crate on all cores, no server", &self.by_crate),
            ("bcrypt-lanes on all cores, no server", &self.by_lanes),
            ("through the service", &self.alone),
            ("the same while checks saturate it", &self.under_checks),
        ];
        let bars = bars.map(|(name, rates)| (name.to_owned(), median(rates))).to_vec();
        report.plot(
            "logins",
            "Logins a second at bcrypt cost 12 (two cores)",
            &[("64 connections".into(), bars)],
        );
    }
}

/// One login while nothing else is done, beside one hash.
fn one_alone(server: &Server, report: &mut Report) -> anyhow::Result<()> {
    let mut connection = server.connect()?;
    let (mut logins, mut hashes_alone) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let (mut login, mut hash) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            let began = Instant::now();
            log_in(&mut connection)?;
            login.push(began.elapsed().as_secs_f64() * 1000.0);
            hash.push(hashes::one().as_secs_f64() * 1000.0);
        }
        logins.push(median(&login));
        hashes_alone.push(median(&hash));
    }
    report.row(Row::new("one login alone", "ms", &logins).beside("one hash", &hashes_alone).at_most(1.1));
    Ok(())
}

/// Logins a second with the usual number of connections, one after the other on each. None may fail.
pub fn rate(address: SocketAddr, request: &[u8], status: u16, duration: Duration) -> anyhow::Result<f64> {
    rate_of(CONNECTIONS, address, request, status, duration)
}

/// The same with another number of connections.
pub fn rate_of(
    connections: usize,
    address: SocketAddr,
    request: &[u8],
    status: u16,
    duration: Duration,
) -> anyhow::Result<f64> {
    match rate_and_failures_of(connections, address, request, status, duration)? {
        (rate, 0) => Ok(rate),
        (_, failures) => bail!("{failures} logins failed"),
    }
}

/// The same of a server whose logins may fail, with how many did.
pub fn rate_and_failures(
    address: SocketAddr,
    request: &[u8],
    status: u16,
    duration: Duration,
) -> anyhow::Result<(f64, usize)> {
    rate_and_failures_of(CONNECTIONS, address, request, status, duration)
}

fn rate_and_failures_of(
    connections: usize,
    address: SocketAddr,
    request: &[u8],
    status: u16,
    duration: Duration,
) -> anyhow::Result<(f64, usize)> {
    let (counting, over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let threads: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let (mut connection, mut logins, mut failures) = (Connection::open(address)?, 0_u32, 0);
                    while !over.load(Ordering::Relaxed) {
                        let done = connection.try_for(address, request, status)?;
                        let counts = counting.load(Ordering::Relaxed) && !over.load(Ordering::Relaxed);
                        logins += u32::from(counts && done);
                        failures += usize::from(!done);
                    }
                    anyhow::Ok((logins, failures))
                })
            })
            .collect();
        thread::sleep(WARM_UP);
        counting.store(true, Ordering::Relaxed);
        let began = Instant::now();
        thread::sleep(duration);
        over.store(true, Ordering::Relaxed);
        let took = began.elapsed().as_secs_f64();
        let (mut logins, mut failures) = (0, 0);
        for thread in threads {
            let (more, worse) = thread.join().ok().context("a thread panicked")??;
            logins += more;
            failures += worse;
        }
        Ok((f64::from(logins) / took, failures))
    })
}
