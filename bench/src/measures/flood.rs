//! A flood of logins: far more than can be hashed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{log_in, log_in_request, service};
use crate::{
    http,
    load::{
        greedy,
        offered::{self, Answers},
    },
    mail::Sink,
    process::Server,
    report::{REPETITIONS, Report, Row},
    stats::{median, percentile},
};

const RATE: u32 = 5000;
const DURATION: Duration = Duration::from_mins(1);

/// A login counts as one at full speed if it takes no longer than this times one before the flood.
const FULL_SPEED: f64 = 1.2;

/// Clients beside the flood that send requests and read no response.
const GREEDY: usize = 150;

/// The clients of the flood on production, each with its own accounts.
const CLIENTS: u32 = 1000;

/// The accepted statuses of a login: in production also 429.
const ANSWERS: [u16; 3] = [200, 401, 503];
const TOO_MANY: u16 = 429;

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    flood(report, "", &[log_in_request()], |folder| service(folder, &[]))?;
    let sink = Sink::start()?;
    flood(report, " in production", &wrong_logins(), |folder| production(folder, &sink))
}

/// The service as it is run where it counts, behind a proxy that this program is.
fn production(folder: &Path, sink: &Sink) -> anyhow::Result<Server> {
    let database = format!("sqlite:{}", folder.join("auth.db").display());
    let mail = sink.settings();
    let mut settings = vec![
        ("AUTH_PROFILE", "production"),
        ("AUTH_DATABASE_URL", database.as_str()),
        ("AUTH_TRUSTED_PROXIES", "127.0.0.1"),
        ("AUTH_RESET_DELIVERY", "off"),
        ("AUTH_SHUTDOWN_DELAY", "0s"),
    ];
    settings.extend(mail.iter().map(|(name, value)| (*name, value.as_str())));
    Server::migrate(folder, &settings)?;
    service(folder, &settings)
}

/// Wrong logins of many clients at many accounts, so that no single limit stops them all.
fn wrong_logins() -> Vec<Vec<u8>> {
    let one = |number: u32| {
        // RFC 2544: addresses for measuring.
        let client = std::net::Ipv4Addr::from_bits(0xc612_0000 + number);
        let email = format!("user{number}@example.org");
        let fields = [("email", email.as_str()), ("password", "a wrong password")];
        http::form_with("POST", "/sessions", vec![format!("X-Forwarded-For: {client}")], &fields)
    };
    (0..CLIENTS).map(one).collect()
}

fn flood(
    report: &mut Report,
    place: &str,
    requests: &[Vec<u8>],
    start: impl Fn(&Path) -> anyhow::Result<Server>,
) -> anyhow::Result<()> {
    let (mut others, mut refusals, mut recoveries, mut memory) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let folder = tempfile::tempdir()?;
        let server = start(folder.path())?;
        let mut connection = server.connect()?;
        let mut timed = || {
            let began = Instant::now();
            log_in(&mut connection)?;
            anyhow::Ok(began.elapsed().as_secs_f64())
        };
        let before = median(&[timed()?, timed()?, timed()?]);

        let answers = greedy::beside(server.address, GREEDY, || {
            offered::run(server.address, RATE, requests, DURATION)
        })?;
        let ended = Instant::now();
        while timed().unwrap_or(f64::INFINITY) > before * FULL_SPEED
            && ended.elapsed() < Duration::from_secs(30)
        {}
        recoveries.push(ended.elapsed().as_secs_f64() - before);

        others.push((unexpected(&answers, place) + answers.failures) as f64);
        refusals.push(percentile(&refused(&answers), 99.0));
        memory.push(server.memory()?.1);
        let counts: Vec<String> =
            answers.millis.iter().map(|(status, all)| format!("{} times {status}", all.len())).collect();
        report.note(format!("5,000 logins a second for a minute{place}: {}", counts.join(", ")));
    }
    let expected = if place.is_empty() { "200, 401 or 503" } else { "200, 401, 429 or 503" };
    let what = format!("5,000 logins/s offered{place}");
    report.row(Row::new(format!("{what}: answers that are not {expected}"), "", &others).at_most(0.0));
    report.row(Row::new(format!("{what}: refusals, 99th percentile"), "ms", &refusals).at_most(50.0));
    report.row(Row::new(format!("full speed again after the flood{place}"), "s", &recoveries).at_most(2.0));
    let worst = format!("memory at the worst moment of the flood{place}");
    report.row(Row::new(worst, "MB", &memory).at_most(48.0));
    Ok(())
}

fn unexpected(answers: &Answers, place: &str) -> usize {
    let is_expected = |status: u16| ANSWERS.contains(&status) || status == TOO_MANY && !place.is_empty();
    answers.millis.iter().filter(|(status, _)| !is_expected(**status)).map(|(_, all)| all.len()).sum()
}

/// The durations of rejections, before anything was hashed.
fn refused(answers: &Answers) -> Vec<f64> {
    [TOO_MANY, 503].iter().filter_map(|status| answers.millis.get(status)).flatten().copied().collect()
}
