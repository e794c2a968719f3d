//! The session check without the cache, with 10 thousand, a million and 10 million users and sessions.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use tempfile::TempDir;

use crate::{
    database::{execute, texts},
    hashes::PASSWORD,
    http,
    load::closed,
    process::Server,
    report::{REPETITIONS, Report, Row, short},
};

const SIZES: [(&str, usize); 3] =
    [("10 thousand", 10_000), ("1 million", 1_000_000), ("10 million", 10_000_000)];

/// Sessions that are checked, in turn.
const CHECKED: usize = 1000;

const CONNECTIONS: usize = 16;
const EACH: Duration = Duration::from_secs(5);
const SETTINGS: [(&str, &str); 2] = [("AUTH_BCRYPT_COST", "4"), ("AUTH_SESSION_CACHE_ENTRIES", "0")];

/// A service with so much in its database.
struct Filled {
    server: Server,
    requests: Vec<Vec<u8>>,
    _folder: TempDir,
}

pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let mut filled = Vec::new();
    for (name, size) in SIZES {
        let began = Instant::now();
        let folder = tempfile::tempdir()?;
        let requests = log_in_some(folder.path())?;
        fill(folder.path(), size - CHECKED)?;
        let bytes = fs::metadata(folder.path().join("auth.db"))?.len() as f64;
        report.note(format!(
            "{name} users and sessions: {} MB, filled in {:.0} s",
            short(bytes / 1e6),
            began.elapsed().as_secs_f64()
        ));
        filled.push(Filled { server: Server::service(folder.path(), &SETTINGS)?, requests, _folder: folder });
    }

    let mut micros = vec![Vec::new(); filled.len()];
    for one in &filled {
        closed::run(one.server.address, CONNECTIONS, &one.requests, 200, Duration::from_secs(2))?;
    }
    for _ in 0..REPETITIONS {
        for (one, micros) in filled.iter().zip(&mut micros) {
            let load = closed::run(one.server.address, CONNECTIONS, &one.requests, 200, EACH)?;
            micros.push(1e6 / load.rate);
        }
    }
    let smallest = micros[0].clone();
    for ((name, _), micros) in SIZES.iter().zip(&micros) {
        let row =
            Row::new(format!("time of a session check from SQLite, {name} users and sessions"), "µs", micros);
        report.row(row.beside(SIZES[0].0, &smallest).at_most(1.3));
    }
    Ok(())
}

/// Registers some users and logs them in; the requests that carry their sessions.
fn log_in_some(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let server = Server::service(folder, &SETTINGS)?;
    let mut connection = server.connect()?;
    let mut requests = Vec::with_capacity(CHECKED);
    for number in 0..CHECKED {
        let email = format!("known{number}@example.org");
        let fields = [("email", email.as_str()), ("password", PASSWORD)];
        connection.expect(&http::form("POST", "/users", &fields), 200)?;
        let answer = connection.expect(&http::form("POST", "/sessions", &fields), 200)?;
        requests.push(http::get("/profile", &answer.cookies().context("a cookie")?));
    }
    server.stop()?;
    Ok(requests)
}

/// Adds a number of users with a session each.
fn fill(folder: &Path, count: usize) -> anyhow::Result<()> {
    let indexes = texts(
        folder,
        "SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'sessions' AND sql IS NOT NULL",
    )?;
    let names = texts(
        folder,
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'sessions' AND sql IS NOT NULL",
    )?;
    let drop: Vec<String> = names.iter().map(|name| format!("DROP INDEX {name}")).collect();
    let numbers =
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})");
    let users = format!(
        "{numbers} INSERT INTO users (email, email_key, hashed_password, credential_version, created_at, updated_at)
         SELECT printf('u%09d@example.net', i), printf('u%09d@example.net', i),
                '$2b$12$' || substr(hex(randomblob(27)), 1, 53), 0, unixepoch() * 1000000, unixepoch() * 1000000
         FROM n"
    );
    // In the order of the digests, so that the table is written from one end to the other.
    let sessions = format!(
        "{numbers} INSERT INTO sessions (token_digest, id, user_id, created_at, last_seen_at, expires_at, user_agent)
         SELECT randomblob(32) AS digest, CAST(printf('%016d', i) AS BLOB), i, unixepoch() * 1000000,
                unixepoch() * 1000000, (unixepoch() + 2592000) * 1000000, 'Mozilla/5.0 (X11; Linux x86_64) bench'
         FROM n ORDER BY digest"
    );
    let mut statements = vec![
        "PRAGMA journal_mode = DELETE",
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -1000000",
        "PRAGMA foreign_keys = OFF",
    ];
    statements.extend(drop.iter().map(String::as_str));
    statements.extend([users.as_str(), sessions.as_str()]);
    statements.extend(indexes.iter().map(String::as_str));
    statements.extend(["ANALYZE", "PRAGMA journal_mode = WAL"]);
    execute(folder, &statements)
}
