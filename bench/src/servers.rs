//! On a database server: session checks, logins beside those on `SQLite`, and how soon an ended session is refused
//! by another node.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use test_servers::{Kind, Options, Server as DatabaseServer};
use tokio::runtime::Builder;

use crate::{
    http,
    load::closed,
    measures::{PATIENT, ask_profiles, log_in_request, logins, service},
    process::Server,
    report::{REPETITIONS, Report, Row},
    stats::percentile,
};

const CONNECTIONS: usize = 16;
const EACH: Duration = Duration::from_secs(4);
const LOGINS: Duration = Duration::from_secs(10);

/// Sessions that are checked in turn.
const SESSIONS: usize = 500;

/// Sessions that are ended on one node and checked on another.
const TRIALS: usize = 1000;

/// Starts a durable server, and measures on it.
pub fn measure(name: &str, report: &mut Report) -> anyhow::Result<()> {
    let kind = match name {
        "postgres" => Kind::Postgres,
        "mariadb" => Kind::MariaDb,
        _ => bail!("databases: postgres, mariadb"),
    };
    let database = DatabaseServer::start(kind, Options { durable: true, ..Options::default() });
    checks(&database, report)?;
    beside_sqlite(&database, report)?;
    revocations(&database, report)
}

fn new_url(database: &DatabaseServer) -> anyhow::Result<String> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(database.url(&runtime.block_on(database.new_database())))
}

/// Hashes that cost next to nothing: sessions are what is measured.
const CHEAP: (&str, &str) = ("AUTH_BCRYPT_COST", "4");

fn on(url: &str, folder: &Path, more: &[(&str, &str)]) -> anyhow::Result<Server> {
    let settings: Vec<_> = [("AUTH_DATABASE_URL", url), PATIENT[0]].iter().chain(more).copied().collect();
    service(folder, &settings)
}

fn checks(database: &DatabaseServer, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let url = new_url(database)?;
    let floor = Server::floor()?;
    let cached = on(&url, folder.path(), &[CHEAP])?;
    let uncached = on(&url, folder.path(), &[CHEAP, ("AUTH_SESSION_CACHE_ENTRIES", "0")])?;
    let requests = ask_profiles(&cached, SESSIONS)?;
    let rate = |server: &Server| {
        closed::run(server.address, CONNECTIONS, &requests, 200, EACH).map(|load| load.rate)
    };
    let (mut bare, mut from_memory, mut looked_up) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        bare.push(rate(&floor)?);
        from_memory.push(rate(&cached)?);
        looked_up.push(rate(&uncached)?);
    }
    let kind = database.kind();
    let row =
        Row::new(format!("GET /profile on {kind}, {CONNECTIONS} connections, uncached"), "/s", &looked_up);
    report.row(row.beside("bare actix-web", &bare).at_least(0.12));
    let row =
        Row::new(format!("GET /profile on {kind}, {CONNECTIONS} connections, as is"), "/s", &from_memory);
    // On MariaDB nothing is cached.
    let to_reach = if kind == Kind::Postgres { 0.7 } else { 0.12 };
    report.row(row.beside("bare actix-web", &bare).at_least(to_reach));
    Ok(())
}

fn beside_sqlite(database: &DatabaseServer, report: &mut Report) -> anyhow::Result<()> {
    let (folder, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let here = on(&new_url(database)?, folder.path(), &[])?;
    let sqlite = service(other.path(), &PATIENT)?;
    let (mut rates, mut on_sqlite) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        rates.push(logins::rate(here.address, &log_in_request(), 200, LOGINS)?);
        on_sqlite.push(logins::rate(sqlite.address, &log_in_request(), 200, LOGINS)?);
    }
    let row = Row::new(format!("logins on {}, bcrypt 12, 64 connections", database.kind()), "/s", &rates);
    report.row(row.beside("the same on SQLite", &on_sqlite).at_least(0.95));
    Ok(())
}

/// From the acknowledgement of a logout on one node to the beginning of the first check that another refuses.
fn revocations(database: &DatabaseServer, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let url = new_url(database)?;
    let ending = on(&url, folder.path(), &[CHEAP])?;
    let checking = on(&url, folder.path(), &[CHEAP])?;
    let (mut one, mut other) = (ending.connect()?, checking.connect()?);
    let mut millis = Vec::with_capacity(TRIALS);
    for _ in 0..TRIALS {
        let answer = one.expect(&log_in_request(), 200)?;
        let cookies = answer.cookies().context("a cookie")?;
        let check = http::get("/profile", &cookies);
        for _ in 0..3 {
            other.expect(&check, 200)?;
        }
        one.expect(&http::request("DELETE", "/sessions", &[format!("Cookie: {cookies}")], ""), 302)?;
        let ended = Instant::now();
        let refused = loop {
            let began = ended.elapsed();
            if other.ask(&check)?.status == 403 {
                break began;
            }
        };
        millis.push(refused.as_secs_f64() * 1000.0);
    }
    let name =
        format!("an ended session on another node of {}, {TRIALS} trials, 99th percentile", database.kind());
    report.row(Row::new(name, "ms", &[percentile(&millis, 99.0)]).at_most(50.0));
    report.note(format!(
        "median {:.2} ms, longest {:.2} ms",
        percentile(&millis, 50.0),
        percentile(&millis, 100.0)
    ));
    Ok(())
}
