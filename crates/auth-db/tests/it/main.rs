//! The rows, on a real database.
#![expect(clippy::disallowed_methods, reason = "tests have deadlines in real time")]
#![expect(clippy::unwrap_used, reason = "a failing test should show where")]

mod current;
mod database;
mod device_kinds;
mod devices;
mod file;
mod odd_servers;
mod outbox;
mod plans;
mod resets;
mod revocations;
mod schema;
mod server_keys;
mod servers;
mod sessions;
mod support;
mod throttles;
mod users;

/// The same, unchanged, on `PostgreSQL` and `MariaDB`.
#[test]
fn on_the_other_databases() {
    test_servers::run_on_the_others(&["on_the_other_databases"]);
}

/// And by TLS, but for those that maltreat a server of their own.
#[test]
fn on_the_other_databases_by_tls() {
    test_servers::run_on_the_others_by_tls(&["on_the_other_databases", "servers::"]);
}
