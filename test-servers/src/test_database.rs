//! A database for one test, of the kind that is tested.

use std::{env, path::Path, thread};

use tempfile::TempDir;
use tokio::runtime::Builder;

use crate::{Kind, guardian::command, kinds, shared};

/// Names the one database on which a process runs its tests; of our own making.
const VARIABLE: &str = "AUTH_TEST_ON";

/// On which kind of database this process runs its tests.
///
/// # Panics
///
/// If `AUTH_TEST_ON` names none.
#[must_use]
pub fn kind() -> Kind {
    env::var(VARIABLE).map_or(Kind::Sqlite, |name| Kind::named(&name).expect("a kind of database"))
}

/// Says that servers are to be talked to by TLS; of our own making.
const TLS: &str = "AUTH_TEST_BY_TLS";

/// Whether servers are talked to by TLS.
pub(crate) fn by_tls() -> bool {
    env::var_os(TLS).is_some()
}

/// Runs all tests of this program again, on each database but `SQLite`, leaving out those whose names contain
/// one of `skipped`: that of the test that calls it, to begin with.
///
/// # Panics
///
/// If one of them fails there.
pub fn run_on_the_others(skipped: &[&str]) {
    run(skipped, &[]);
}

/// The same, by TLS.
///
/// # Panics
///
/// If one of them fails there.
pub fn run_on_the_others_by_tls(skipped: &[&str]) {
    run(skipped, &[(TLS, "1")]);
}

#[expect(clippy::print_stdout, reason = "the tests of the other databases print what they did")]
fn run(skipped: &[&str], environment: &[(&str, &str)]) {
    if env::var_os(VARIABLE).is_some() {
        return;
    }
    for kind in kinds().iter().filter(|kind| **kind != Kind::Sqlite) {
        let mut tests = command(env::current_exe().unwrap());
        tests.args(skipped.iter().flat_map(|name| ["--skip", name])).env(VARIABLE, kind.name());
        let output = tests.envs(environment.iter().copied()).output().unwrap();
        println!("on {kind}:\n{}", String::from_utf8_lossy(&output.stdout));
        assert!(output.status.success(), "on {kind}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// An empty database for one test.
pub struct TestDatabase {
    url: String,
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// Makes one of the kind that is tested.
    ///
    /// # Panics
    ///
    /// If the server does not.
    pub async fn new() -> Self {
        match kind() {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                Self { url: format!("sqlite:{}/auth.db", folder.path().display()), folder: Some(folder) }
            }
            other => {
                let server = shared(other);
                Self { url: server.url(&server.new_database().await), folder: None }
            }
        }
    }

    /// The same for who does not wait: in a thread of its own.
    ///
    /// # Panics
    ///
    /// If the server does not make one.
    #[must_use]
    pub fn new_blocking() -> Self {
        let make = || Builder::new_current_thread().enable_all().build().unwrap().block_on(Self::new());
        thread::spawn(make).join().unwrap()
    }

    /// Its URL, as settings take it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of a database file.
    ///
    /// # Panics
    ///
    /// If it is no file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.as_ref().expect("a database file").path()
    }
}
