//! Whether the time of a failed login or a request for a reset reveals anything about the account.

use std::{
    hint,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    database::execute,
    hashes::PASSWORD,
    http::{self, Connection},
    mail::Sink,
    process::Server,
    report::{Report, Row},
    stats::{lower_half, median, welch},
};

/// Welch's t at which leakage is taken as proven (TVLA, ISO/IEC 17825).
const BOUND: f64 = 4.5;

const EMAIL: &str = "ada@example.org";

/// Pairs of requests for a reset.
const RESETS: usize = 5000;

/// A difference put in on purpose.
const PLANTED: Duration = Duration::from_micros(200);

/// Hashes of other systems, of unknown passwords.
const FOREIGN: [(&str, &str); 4] = [
    (
        "argon2id, 19 MiB",
        "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ),
    (
        "Werkzeug scrypt",
        "scrypt:32768:8:1$abcdefgh$00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
    ),
    (
        "Werkzeug PBKDF2",
        "pbkdf2:sha256:600000$abcdefgh$0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("bcrypt, cost 10", "$2b$10$abcdefghijklmnopqrstuuN6AGyFAwAJMtlqp5kJaALbjEUYB1cyW"),
];

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    for (cost, pairs) in [("4", 5000), ("12", 200)] {
        let folder = tempfile::tempdir()?;
        let server = Server::service(folder.path(), &[("AUTH_BCRYPT_COST", cost)])?;
        let mut connection = server.connect()?;
        connection.expect(&http::form("POST", "/users", &[("email", EMAIL), ("password", PASSWORD)]), 200)?;
        let overlong = "x".repeat(1000);
        for (kind, email, password) in [
            ("an unknown address", None, "wrong password"),
            ("an overlong password", Some(EMAIL), overlong.as_str()),
            ("a password with a NUL", Some(EMAIL), "wrong\0password"),
        ] {
            let (wrong, other) = compare(&mut connection, pairs, email, password, Duration::ZERO)?;
            let name = format!("{kind}, {pairs} pairs at cost {cost}");
            add_rows(report, &name, "a wrong password", &wrong, &other);
        }
        if cost == "4" {
            let (wrong, later) = compare(&mut connection, pairs, Some(EMAIL), "wrong password", PLANTED)?;
            let found = [welch(&wrong, &later).abs(), welch(&lower_half(&wrong), &lower_half(&later)).abs()];
            for (what, t) in ["means", "lower half"].into_iter().zip(found) {
                report.row(
                    Row::new(format!("200 µs put in on purpose, {pairs} pairs: |t|, {what}"), "", &[t])
                        .at_least(BOUND),
                );
            }
        }
    }
    imported(report)?;
    resets(report)
}

/// Requests for a reset by email, for addresses with and without an account. There are so many accounts that no address
/// gets more than three emails, so that all are sent during the measurement.
fn resets(report: &mut Report) -> anyhow::Result<()> {
    let (folder, sink) = (tempfile::tempdir()?, Sink::start()?);
    let settings = sink.settings();
    let mut settings: Vec<(&str, &str)> =
        settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.push(("AUTH_BCRYPT_COST", "4"));
    let server = Server::service(folder.path(), &settings)?;
    let mut connection = server.connect()?;
    let known = |number: usize| format!("k{:04}@example.org", number % (RESETS / 3 + 1));
    for number in 0..=RESETS / 3 {
        let fields = [("email", known(number)), ("password", PASSWORD.to_owned())];
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        connection.expect(&http::form("POST", "/users", &fields), 200)?;
    }
    let mut ask = |email: &str| {
        let request = http::form("POST", "/reset_password", &[("email", email)]);
        let began = Instant::now();
        connection.expect(&request, 200)?;
        anyhow::Ok(began.elapsed().as_secs_f64() * 1e6)
    };
    let (mut known_times, mut unknown_times) = (Vec::with_capacity(RESETS), Vec::with_capacity(RESETS));
    for number in 0..RESETS {
        let unknown = format!("u{number:04}@example.org");
        if number % 2 == 0 {
            known_times.push(ask(&known(number))?);
        }
        unknown_times.push(ask(&unknown)?);
        if number % 2 == 1 {
            known_times.push(ask(&known(number))?);
        }
    }
    report.note(format!("{} mails were sent meanwhile", sink.taken()));
    let name = format!("a reset asked for an unknown address, {RESETS} pairs");
    add_rows(report, &name, "a known one", &known_times, &unknown_times);
    Ok(())
}

/// Times of failed logins in interleaved pairs, in microseconds: a wrong password for a known address, and
/// something else. Which comes first alternates.
fn compare(
    connection: &mut Connection,
    pairs: usize,
    email: Option<&str>,
    password: &str,
    extra: Duration,
) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (mut wrong, mut other) = (Vec::with_capacity(pairs), Vec::with_capacity(pairs));
    for number in 0..pairs + 20 {
        // Addresses of one length, so that all requests have one length.
        let unknown = format!("n{number:02}@example.org");
        let first = number % 2 == 0;
        if first {
            wrong.push(fail(connection, EMAIL, "wrong password", Duration::ZERO)?);
        }
        other.push(fail(connection, email.unwrap_or(&unknown), password, extra)?);
        if !first {
            wrong.push(fail(connection, EMAIL, "wrong password", Duration::ZERO)?);
        }
    }
    // The first ones warm up.
    Ok((wrong.split_off(20), other.split_off(20)))
}

fn fail(connection: &mut Connection, email: &str, password: &str, extra: Duration) -> anyhow::Result<f64> {
    let request = http::form("POST", "/sessions", &[("email", email), ("password", password)]);
    let began = Instant::now();
    connection.expect(&request, 401)?;
    if !extra.is_zero() {
        let answered = Instant::now();
        while answered.elapsed() < extra {
            hint::spin_loop();
        }
    }
    Ok(began.elapsed().as_secs_f64() * 1e6)
}

fn add_rows(report: &mut Report, name: &str, usual: &str, usuals: &[f64], others: &[f64]) {
    report.note(format!(
        "{name}: medians {:.1} µs, and {:.1} µs for {usual}",
        median(others),
        median(usuals)
    ));
    let means = welch(usuals, others).abs();
    let lower = welch(&lower_half(usuals), &lower_half(others)).abs();
    report.row(Row::new(format!("{name}: |t|, means"), "", &[means]).at_most(BOUND));
    report.row(Row::new(format!("{name}: |t|, lower half"), "", &[lower]).at_most(BOUND));
}

/// What accounts with imported hashes take; no bound, because the scheme shows in it.
fn imported(report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    Server::service(folder.path(), &[])?.stop()?;
    for (number, (_, hash)) in FOREIGN.iter().enumerate() {
        import(folder.path(), &format!("imported{number}@example.org"), hash)?;
    }
    let server = Server::service(folder.path(), &[])?;
    let mut connection = server.connect()?;
    connection.expect(&http::form("POST", "/users", &[("email", EMAIL), ("password", PASSWORD)]), 200)?;
    let mut time = |email: &str| {
        let times = (0..15).map(|_| fail(&mut connection, email, "wrong password", Duration::ZERO));
        anyhow::Ok(median(&times.collect::<Result<Vec<_>, _>>()?) / 1000.0)
    };
    let ours = time(EMAIL)?;
    report.note(format!("wrong password for an account of the current scheme: {ours:.0} ms"));
    for (number, (name, _)) in FOREIGN.iter().enumerate() {
        let millis = time(&format!("imported{number}@example.org"))?;
        report.note(format!("wrong password for an account with {name}: {millis:.0} ms"));
    }
    let mut unknown = Vec::new();
    for number in 0..12 {
        unknown.push(format!("{:.0}", time(&format!("nobody{number}@example.org"))?));
    }
    report.note(format!(
        "twelve unknown addresses beside these accounts, each always alike: {} ms",
        unknown.join(", ")
    ));
    Ok(())
}

fn import(folder: &Path, email: &str, hash: &str) -> anyhow::Result<()> {
    let statement = format!(
        "INSERT INTO users (email, email_key, hashed_password, credential_version, created_at, updated_at)
         VALUES ('{email}', '{email}', '{hash}', 0, 0, 0)"
    );
    execute(folder, &[&statement])
}
