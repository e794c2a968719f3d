//! Black-box tests: the real binary on a free port, spoken to over HTTP and nothing else.
#![expect(clippy::disallowed_methods, reason = "tests have deadlines in real time")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failing test should show where")]

mod account;
mod canary;
mod commands;
mod connections;
mod containers;
mod contract;
mod crash;
mod cross_site;
mod documents;
mod faults;
mod flood;
mod front_end;
mod hostile;
mod logs;
mod mail;
mod nodes;
mod races;
mod reset_page;
mod restart;
mod restore;
mod scenarios;
mod shutdown;
mod startup;
mod support;
mod throttle;
mod unread;
mod users;
mod walk;

/// The same, unchanged, on `PostgreSQL` and `MariaDB`.
#[test]
fn on_the_other_databases() {
    test_servers::run_on_the_others(&["on_the_other_databases"]);
}
