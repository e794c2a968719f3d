//! What tests leave out where a program is missing.

use std::{
    collections::BTreeSet,
    env,
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

/// `all`: whatever is missing is an error.
const VARIABLE: &str = "AUTH_TEST_REQUIRE";

static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Tells, once on standard error, what a test leaves out because a program is not installed, and how to have it.
///
/// # Panics
///
/// If `AUTH_TEST_REQUIRE` is `all`.
pub fn left_out(what: &str, remedy: &str) {
    let line = format!("left out: {what}; {remedy}\n");
    assert!(env::var_os(VARIABLE).is_none_or(|value| value != "all"), "{VARIABLE} demands all: {line}");
    if TOLD.lock().unwrap_or_else(PoisonError::into_inner).insert(line.clone()) {
        // Not by a macro, whose output is kept back where tests pass. Whether anybody reads it is all the same.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}
