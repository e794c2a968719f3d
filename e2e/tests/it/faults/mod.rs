//! Faults of the database, the disk and the process, and their effects on clients.
//!
//! Shortened: with `AUTH_TEST_FULL=1` all of it is run; `CONTRIBUTING.md` has the command. Each check
//! prints its counts, and each has a twin: something that it must find.

mod database_gone;
mod disk_full;
mod killed;

/// How much to do: `short` by default, `full` on request.
pub fn amount<T>(short: T, full: T) -> T {
    if std::env::var_os("AUTH_TEST_FULL").is_some() { full } else { short }
}

/// Prints what was counted.
#[expect(clippy::print_stdout, reason = "the counts are what a long run is for")]
pub fn report(line: &str) {
    println!("{}: {line}", test_servers::kind());
}
