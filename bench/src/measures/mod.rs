//! The rows of the table, a module for each.

pub mod busy;
mod checks;
mod flood;
pub mod logins;
mod profile;
mod start;
mod subject;

use std::path::Path;

use anyhow::bail;

use crate::{
    hashes::PASSWORD,
    http::{self, Connection},
    process::Server,
    report::Report,
};

pub use self::subject::{Subject, comparison, comparison_plots, floor_alone, ours_alone};

pub const EMAIL: &str = "ada@example.org";

/// Everything.
pub fn all(report: &mut Report) -> anyhow::Result<()> {
    start::measure(report)?;
    profile::measure(report)?;
    logins::measure(report)?;
    busy::measure(report)?;
    checks::measure(report)?;
    flood::measure(report)
}

/// One part.
pub fn only(part: &str, report: &mut Report) -> anyhow::Result<()> {
    match part {
        "start" => start::measure(report),
        "profile" => profile::measure(report),
        "logins" => logins::measure(report),
        "busy" => busy::measure(report),
        "checks" => checks::measure(report),
        "flood" => flood::measure(report),
        _ => bail!("parts: start, profile, logins, busy, checks, flood"),
    }
}

/// Settings of a service whose logins wait as long as need be.
pub const PATIENT: [(&str, &str); 1] = [("AUTH_HASH_WAIT", "60s")];

/// The service at cost 12 on fresh data, with a user.
pub fn service(folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Server> {
    let server = Server::service(folder, settings)?;
    let fields = [("email", EMAIL), ("password", PASSWORD)];
    server.connect()?.ask(&http::form("POST", "/users", &fields))?;
    Ok(server)
}

/// The request that logs the user in.
pub fn log_in_request() -> Vec<u8> {
    http::form("POST", "/sessions", &[("email", EMAIL), ("password", PASSWORD)])
}

/// Logs in.
pub fn log_in(connection: &mut Connection) -> anyhow::Result<()> {
    connection.expect(&log_in_request(), 200).map(drop)
}

/// The request for the profile of another user, whose session the logins don't revoke.
pub fn ask_profile(server: &Server) -> anyhow::Result<Vec<u8>> {
    Ok(ask_profiles(server, 1)?.remove(0))
}

/// The same of several others.
pub fn ask_profiles(server: &Server, users: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut connection = server.connect()?;
    let mut requests = Vec::with_capacity(users);
    for user in 0..users {
        let email = format!("grace{user}@example.org");
        let fields = [("email", email.as_str()), ("password", PASSWORD)];
        connection.ask(&http::form("POST", "/users", &fields))?;
        let answer = connection.expect(&http::form("POST", "/sessions", &fields), 200)?;
        requests.push(http::get("/profile", &answer.cookies().unwrap_or_default()));
    }
    Ok(requests)
}
