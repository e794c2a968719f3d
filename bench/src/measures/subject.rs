//! The first rows of the table for any server: ours, the floor, or another one.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{PATIENT, ask_profile, checks, log_in_request, logins, service};
use crate::{
    http,
    load::{closed, paced},
    process::Server,
    report::{REPETITIONS, short},
    stats::{median, percentile},
};

const EACH: Duration = Duration::from_secs(3);
const CONNECTIONS: [usize; 4] = [1, 16, 64, 256];

/// The rate at which checks are timed, if the capacity of the server is two and a half times as high.
const PACE: f64 = 1500.0;

/// A server, and how to ask it.
pub struct Subject {
    pub name: String,
    pub address: SocketAddr,
    /// The request that logs in, and the status of its response.
    pub log_in: Option<(Vec<u8>, u16)>,
    /// The request that returns the current user.
    pub ask: Vec<u8>,
}

/// What was measured of one server.
pub struct Column {
    pub name: String,
    /// Checks a second, by connections.
    pub checks: Vec<f64>,
    pub logins: Option<Logins>,
    /// What it and its children held of memory at most, in megabytes.
    pub memory: f64,
}

pub struct Logins {
    /// A second, with 64 connections.
    pub rate: f64,
    /// One alone, in milliseconds.
    pub alone: f64,
    /// Checks a second at which latencies were taken.
    pub pace: f64,
    /// Median and 99th percentile of checks in milliseconds: without logins, and while 64 connections log in.
    pub quiet: (f64, f64),
    pub busy: (f64, f64),
    /// Checks that failed meanwhile, or got no response within ten seconds of their time.
    pub failures: usize,
    /// Logins that failed, of all of these.
    pub refused: usize,
}

impl Subject {
    pub fn measure(self, server: &Server) -> anyhow::Result<Column> {
        println!("{}", self.name);
        let requests = [self.ask.clone()];
        let mut checks = Vec::new();
        for connections in CONNECTIONS {
            let rates =
                (0..REPETITIONS).map(|_| closed::run(self.address, connections, &requests, 200, EACH));
            let rates = rates.map(|load| load.map(|load| load.rate)).collect::<Result<Vec<_>, _>>()?;
            checks.push(median(&rates));
            println!("  {connections} connections: {}/s", short(median(&rates)));
        }
        let logins = match &self.log_in {
            Some((request, status)) => Some(self.logins(server, request, *status, checks[1])?),
            None => None,
        };
        Ok(Column { name: self.name, checks, logins, memory: server.memory()?.1 })
    }

    fn logins(&self, server: &Server, request: &[u8], status: u16, checks: f64) -> anyhow::Result<Logins> {
        let alone = one_alone(server, request, status)?;
        let (mut rates, mut refused) = (Vec::new(), 0);
        for _ in 0..REPETITIONS {
            let (rate, failures) = logins::rate_and_failures(self.address, request, status, EACH * 3)?;
            rates.push(rate);
            refused += failures;
        }
        let rate = median(&rates);
        println!("  {} logins/s, {} ms alone", short(rate), short(alone));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate of at most 1,500"
        )]
        let pace = PACE.min(checks / 2.5) as u32;
        let latencies = self.latencies(request, status, pace)?;
        let Latencies { quiet, busy, failures, .. } = latencies;
        println!("  checks at {pace}/s: p99 {} ms, while logging in {} ms", short(quiet.1), short(busy.1));
        let refused = refused + latencies.refused;
        Ok(Logins { rate, alone, pace: f64::from(pace), quiet, busy, failures, refused })
    }

    /// The latencies of checks at `pace` a second, without logins and during logins.
    fn latencies(&self, request: &[u8], status: u16, pace: u32) -> anyhow::Result<Latencies> {
        let mut samples = [const { Vec::new() }; 4];
        let (mut failures, mut refused) = (0, 0);
        for _ in 0..REPETITIONS {
            let work = || paced::run(self.address, pace, &self.ask, 200, EACH * 2);
            let quiet = work()?;
            let (busy, failed) = checks::while_logging_in(self.address, request, status, work)?;
            refused += failed;
            failures += quiet.failures + busy.failures;
            let pairs = [(&quiet, 50.0), (&quiet, 99.0), (&busy, 50.0), (&busy, 99.0)];
            for (sample, (latencies, percent)) in samples.iter_mut().zip(pairs) {
                sample.push(percentile(&latencies.millis, percent));
            }
        }
        let [quiet, quiet_tail, busy, busy_tail] = samples.map(|sample| median(&sample));
        Ok(Latencies { quiet: (quiet, quiet_tail), busy: (busy, busy_tail), failures, refused })
    }
}

/// See [`Logins`].
struct Latencies {
    quiet: (f64, f64),
    busy: (f64, f64),
    failures: usize,
    refused: usize,
}

/// The median duration of one login alone, in milliseconds.
fn one_alone(server: &Server, request: &[u8], status: u16) -> anyhow::Result<f64> {
    let mut connection = server.connect()?;
    let mut millis = Vec::new();
    for _ in 0..9 {
        let began = Instant::now();
        connection.expect(request, status)?;
        millis.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(median(&millis))
}

/// The floor, which has no logins.
pub fn floor_alone() -> anyhow::Result<Column> {
    let server = Server::floor()?;
    let ask = http::get("/profile", "session_id=00000000-0000-0000-0000-000000000000");
    Subject { name: "bare actix-web".into(), address: server.address, log_in: None, ask }.measure(&server)
}

/// The service.
pub fn ours_alone() -> anyhow::Result<Column> {
    let folder = tempfile::tempdir()?;
    let server = service(folder.path(), &PATIENT)?;
    let ask = ask_profile(&server)?;
    let log_in = Some((log_in_request(), 200));
    Subject { name: "auth-server".into(), address: server.address, log_in, ask }.measure(&server)
}

/// All of them side by side, in Markdown.
pub fn comparison(columns: &[Column]) -> String {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut table = format!("| measure | {} |\n|{}\n", names.join(" | "), " --- |".repeat(columns.len() + 1));
    let mut row = |measure: String, cell: &dyn Fn(&Column) -> Option<String>| {
        let cells: Vec<String> = columns.iter().map(|column| cell(column).unwrap_or_default()).collect();
        table = format!("{table}| {measure} | {} |\n", cells.join(" | "));
    };
    for (index, connections) in CONNECTIONS.iter().enumerate() {
        row(format!("session checks a second, {connections} connections"), &|column| {
            Some(short(column.checks[index]))
        });
    }
    let logins = |show: fn(&Logins) -> String| move |column: &Column| column.logins.as_ref().map(show);
    row("logins a second, 64 connections".into(), &logins(|logins| short(logins.rate)));
    row("one login alone, ms".into(), &logins(|logins| short(logins.alone)));
    row("checks at a fixed rate, a second".into(), &logins(|logins| short(logins.pace)));
    row("their median / 99th percentile, ms".into(), &logins(|logins| pair(logins.quiet)));
    row("the same while 64 connections log in, ms".into(), &logins(|logins| pair(logins.busy)));
    row(
        "growth of the 99th percentile".into(),
        &logins(|logins| format!("{} times", short(logins.busy.1 / logins.quiet.1))),
    );
    row("failed checks".into(), &logins(|logins| logins.failures.to_string()));
    row("failed logins".into(), &logins(|logins| logins.refused.to_string()));
    row("memory at most, MB".into(), &|column| Some(short(column.memory)));
    table
}

fn pair((one, other): (f64, f64)) -> String {
    format!("{} / {}", short(one), short(other))
}

/// A plot: name, title, groups of bars.
type Plot = (&'static str, &'static str, Vec<(String, Vec<(String, f64)>)>);

/// The three most important ones.
pub fn comparison_plots(columns: &[Column]) -> Vec<Plot> {
    let one_group = |label: &str, value: &dyn Fn(&Column) -> Option<f64>| {
        let bars = columns.iter().filter_map(|column| Some((column.name.clone(), value(column)?)));
        vec![(label.to_owned(), bars.collect())]
    };
    vec![
        (
            "peers-checks",
            "Session checks a second",
            one_group("16 connections", &|column| Some(column.checks[1])),
        ),
        (
            "peers-logins",
            "Logins a second, each with its own scheme",
            one_group("64 connections", &|column| column.logins.as_ref().map(|logins| logins.rate)),
        ),
        (
            "peers-tail",
            "99th percentile of a session check while 64 connections log in, milliseconds",
            one_group("", &|column| column.logins.as_ref().map(|logins| logins.busy.1)),
        ),
    ]
}
