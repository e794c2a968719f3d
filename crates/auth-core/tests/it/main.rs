//! The use cases, each against a real database and a clock that the test moves.
#![expect(clippy::disallowed_methods, reason = "tests have deadlines in real time")]
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

mod account;
mod cache;
mod clock_steps;
mod concurrency;
mod denylist;
mod import;
mod login;
mod mail;
mod maintenance;
mod nodes;
mod register;
mod reset;
mod round_trips;
mod secrets;
mod sessions;
mod support;
mod throttle;

/// The same, unchanged, on `PostgreSQL` and `MariaDB`.
#[test]
fn on_the_other_databases() {
    test_servers::run_on_the_others(&["on_the_other_databases"]);
}
