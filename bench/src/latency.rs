//! The database is far away: what a login, a registration and a session check take by the latency between it and the
//! service, and so how many messages each sends one after the other.

use std::time::{Duration, Instant};

use test_servers::{Kind, Mode, Options};

use crate::{
    behind_proxy::BehindProxy,
    hashes::PASSWORD,
    http,
    measures::{ask_profile, log_in_request, service},
    process::Server,
    report::{Report, Row},
    stats::median,
};

/// Milliseconds to the database and back.
const LATENCIES: [u32; 5] = [0, 1, 20, 80, 150];

/// The latency by which messages are counted.
const COUNTED_AT: u32 = 80;

const TIMES: usize = 7;

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    for kind in [Kind::Postgres, Kind::MariaDb] {
        let BehindProxy { server: _database, proxy, url } = BehindProxy::start(kind, Options::default())?;
        let folder = tempfile::tempdir()?;
        let settings = [
            ("AUTH_DATABASE_URL", url.as_str()),
            ("AUTH_DATABASE_TIMEOUT", "30s"),
            ("AUTH_DATABASE_CONNECT_TIMEOUT", "30s"),
            ("AUTH_SESSION_CACHE_ENTRIES", "0"),
            ("AUTH_BCRYPT_COST", "4"),
            ("AUTH_THROTTLE", "on"),
            ("AUTH_SESSIONS_PER_USER", "1000"),
            ("AUTH_TRUSTED_PROXIES", "127.0.0.1"),
            ("AUTH_RESET_DELIVERY", "off"),
        ];
        let server = service(folder.path(), &settings)?;
        let check = ask_profile(&server)?;
        let mut at_zero = [0.0; 3];
        for latency in LATENCIES {
            proxy.set(Mode::Delayed(Duration::from_micros(u64::from(latency) * 500)));
            let took = [
                time(&server, &|_| log_in_request())?,
                time(&server, &register)?,
                time(&server, &|_| check.clone())?,
            ];
            if latency == 0 {
                at_zero = [median(&took[0]), median(&took[1]), median(&took[2])];
                continue;
            }
            for (index, what) in ["login", "registration", "session check, uncached"].into_iter().enumerate()
            {
                let name = format!("{kind}, {latency} ms away: {what}");
                report.row(Row::new(name, "ms", &took[index]));
                if latency == COUNTED_AT {
                    let messages = (median(&took[index]) - at_zero[index]) / f64::from(latency);
                    report.note(format!(
                        "{kind}: a {what} waits for {messages:.1} answers one after the other"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A registration by a client of its own.
fn register(number: usize) -> Vec<u8> {
    let unique = format!("{number}-{:?}", Instant::now()).replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let email = format!("user{}@example.org", &unique[unique.len().saturating_sub(40)..].trim_matches('-'));
    let client = format!("X-Forwarded-For: 198.18.{}.{}", octet_of(&unique), number);
    let fields = [("email", email.as_str()), ("password", PASSWORD)];
    http::form_with("POST", "/users", vec![client], &fields)
}

/// A number from 0 to 255 that differs mostly.
fn octet_of(text: &str) -> u8 {
    text.bytes().fold(7, |sum: u8, byte| sum.wrapping_mul(31).wrapping_add(byte))
}

fn time(server: &Server, request: &dyn Fn(usize) -> Vec<u8>) -> anyhow::Result<Vec<f64>> {
    let mut connection = server.connect()?;
    let mut millis = Vec::new();
    for number in 0..=TIMES {
        let request = request(number);
        let began = Instant::now();
        connection.expect(&request, 200)?;
        // The first one may have to connect.
        if number > 0 {
            millis.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(millis)
}
