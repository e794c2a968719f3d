//! What tests leave out where a program is missing.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::process::parent_id,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// `all`: whatever is missing is an error.
const VARIABLE: &str = "AUTH_TEST_REQUIRE";

static REPORTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Reports, once on standard error and once at the end of a run of the whole workspace, what a test leaves out because a
/// program is not installed, and how to have it.
///
/// # Panics
///
/// If `AUTH_TEST_REQUIRE` is `all`.
pub fn left_out(what: &str, remedy: &str) {
    let line = format!("left out: {what}; {remedy}\n");
    assert!(env::var_os(VARIABLE).is_none_or(|value| value != "all"), "{VARIABLE} demands all: {line}");
    if REPORTED.lock().unwrap_or_else(PoisonError::into_inner).insert(line.clone()) {
        // Not by a macro, whose output is hidden when tests pass. A closed standard error is no failure.
        let _ = io::stderr().write_all(line.as_bytes());
        record(&file(), parent_id(), &line);
    }
}

/// Writes to standard error what was left out by the tests of this run of `cargo test`.
pub fn summarise_left_out() {
    let _ = io::stderr().write_all(take(&file(), parent_id()).as_bytes());
}

/// Beside the programs of the tests.
fn file() -> PathBuf {
    env::current_exe().unwrap_or_default().with_file_name("left-out")
}

/// The programs of one run have one parent: cargo.
fn record(file: &Path, run: u32, line: &str) {
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file) {
        // It is on standard error already.
        let _ = file.write_all(format!("{run} {line}").as_bytes());
    }
}

/// The lines of a run, each once, and forgets those of all runs.
fn take(file: &Path, run: u32) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let _ = fs::remove_file(file);
    let run = format!("{run} ");
    let lines: BTreeSet<&str> =
        text.split_inclusive('\n').filter_map(|line| line.strip_prefix(&run)).collect();
    lines.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_each_line_of_its_run_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("left-out");
        for (run, line) in
            [(7, "left out: b\n"), (71, "left out: x\n"), (7, "left out: a\n"), (7, "left out: b\n")]
        {
            record(&file, run, line);
        }
        assert_eq!(take(&file, 7), "left out: a\nleft out: b\n");
        assert_eq!(take(&file, 7), "");
    }
}
