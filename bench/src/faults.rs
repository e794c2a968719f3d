//! Faults of the database server: how soon requests fail, and how soon they succeed again.

use std::time::{Duration, Instant};

use anyhow::bail;
use test_servers::{Kind, Mode, Options};

use crate::{
    behind_proxy::BehindProxy,
    http,
    measures::{ask_profile, log_in_request, service},
    process::Server,
    report::{Report, Row},
};

/// The number of outages of each kind on each database.
const TIMES: usize = 5;
const GONE: Duration = Duration::from_secs(6);

/// A deadline that no operation reaches.
const GIVEN_UP: Duration = Duration::from_secs(30);

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let options = Options { durable: true, ..Options::default() };
        let BehindProxy { server: mut database, proxy, url } = BehindProxy::start(kind, options)?;
        let folder = tempfile::tempdir()?;
        let settings = [
            ("AUTH_DATABASE_URL", url.as_str()),
            ("AUTH_BCRYPT_COST", "4"),
            ("AUTH_SESSIONS_PER_USER", "1000"),
        ];
        let server = service(folder.path(), &settings)?;
        let check = ask_profile(&server)?;
        for stopped in [false, true] {
            let (mut refusals, mut returns) = (Vec::new(), Vec::new());
            for _ in 0..TIMES {
                if stopped {
                    database.stop();
                } else {
                    proxy.set(Mode::BlackHole);
                }
                // Cached sessions are trusted for another second.
                std::thread::sleep(Duration::from_millis(1500));
                refusals.push(slowest_refusal(&server, &check)?);
                if stopped {
                    database.restart();
                } else {
                    proxy.set(Mode::Open);
                }
                returns.push(until_it_is_back(&server, &check)?);
            }
            let how = if stopped { "stopped" } else { "black-holed" };
            let most = |seconds: &[f64]| seconds.iter().copied().fold(0.0, f64::max);
            let name = format!("{kind} {how} {TIMES} times: slowest refusal");
            report.row(Row::new(name, "s", &[most(&refusals)]).at_most(3.0));
            let name = format!("{kind} {how} {TIMES} times: slowest return to normal");
            report.row(Row::new(name, "s", &[most(&returns)]).at_most(5.0));
        }
    }
    Ok(())
}

/// The slowest failure during an outage, in seconds. Every request that needs the database must fail.
fn slowest_refusal(server: &Server, check: &[u8]) -> anyhow::Result<f64> {
    let (began, mut slowest) = (Instant::now(), Duration::ZERO);
    let mut connection = server.connect()?;
    let healthz = http::request("GET", "/healthz", &[], "");
    while began.elapsed() < GONE {
        for request in [log_in_request().as_slice(), check, healthz.as_slice()] {
            let asked = Instant::now();
            connection.expect(request, 503)?;
            slowest = slowest.max(asked.elapsed());
        }
        connection.expect(&http::request("GET", "/", &[], ""), 200)?;
    }
    Ok(slowest.as_secs_f64())
}

fn until_it_is_back(server: &Server, check: &[u8]) -> anyhow::Result<f64> {
    let began = Instant::now();
    let mut connection = server.connect()?;
    let healthz = http::request("GET", "/healthz", &[], "");
    while began.elapsed() < GIVEN_UP {
        let mut is_good = true;
        for request in [log_in_request().as_slice(), check, healthz.as_slice()] {
            is_good &= connection.ask(request)?.status == 200;
        }
        if is_good {
            return Ok(began.elapsed().as_secs_f64());
        }
    }
    bail!("it does not come back")
}
