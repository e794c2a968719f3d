//! A running server.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use test_servers::{Kind, TestDatabase, kind};

use super::{Client, binary};

/// Settings beyond the usual ones, as environment variables.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// The address in the line that a service prints when it is ready, for people or for machines.
pub fn address_in(ready: &str) -> Option<SocketAddr> {
    let (_, address) = ready.split_once("http://")?;
    address.split([' ', '"']).next()?.parse().ok()
}

/// A server on a free port with a folder of its own. It is killed when this is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// The line that it printed when it was ready.
    pub ready: String,
    pub folder: Arc<TempDir>,
    settings: Vec<(String, String)>,
}

impl Server {
    /// Starts one on an empty folder, with hashes that cost next to nothing.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// On an empty database of the kind that is tested, and without time limits there, because the machine may be busy; unless
    /// the settings name a database.
    pub fn with(settings: Settings<'_>) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut settings: Vec<(String, String)> = settings.collect();
        let names_one = settings.iter().any(|(name, _)| name.starts_with("AUTH_DATABASE_URL"));
        if kind() != Kind::Sqlite && !names_one {
            let database = TestDatabase::new_blocking();
            let further = [
                ("AUTH_DATABASE_URL", database.url()),
                ("AUTH_DATABASE_TIMEOUT", "1m"),
                ("AUTH_DATABASE_CONNECT_TIMEOUT", "1m"),
            ];
            let is_given = |name: &str| settings.iter().any(|(given, _)| given == name);
            let further: Vec<_> = further.into_iter().filter(|(name, _)| !is_given(name)).collect();
            settings.extend(further.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), settings)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Starts another on the same folder with the same settings.
    pub fn second(&self) -> Self {
        Self::start_in(Arc::clone(&self.folder), self.settings.clone())
    }

    /// Kills it as a power failure would, and starts it again.
    pub fn crash_and_restart(mut self) -> Self {
        self.crash();
        self.second()
    }

    /// Stops it, waits for its end, and starts it again.
    pub fn restart(mut self) -> Self {
        self.signal(Signal::TERM);
        assert!(self.ended().success());
        self.second()
    }

    /// Ends it, and starts another on the same data with other settings.
    pub fn restart_with(mut self, further: Settings<'_>) -> Self {
        self.signal(Signal::TERM);
        assert!(self.ended().success());
        let further = further.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = self.settings.iter().cloned().chain(further).collect();
        Self::start_in(Arc::clone(&self.folder), settings)
    }

    /// Another one beside it, on the same database.
    pub fn beside(&self, further: Settings<'_>) -> Self {
        let further = further.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings = self.settings.iter().cloned().chain(further).collect();
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), settings)
    }

    fn start_in(folder: Arc<TempDir>, settings: Vec<(String, String)>) -> Self {
        let data = folder.path().join("data");
        let log = File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
        let usual = [
            ("AUTH_DATA_DIR", data.to_str().unwrap()),
            ("AUTH_LISTEN", "127.0.0.1:0"),
            ("AUTH_BCRYPT_COST", "4"),
            ("AUTH_HASH_WAIT", "60s"),
        ];
        let mut child = binary::command(&usual)
            .envs(settings.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let address =
            address_in(&ready).unwrap_or_else(|| panic!("no address in {ready:?}; {}", log_of(&folder)));
        Self { child, address, ready, folder, settings }
    }

    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    pub fn log(&self) -> String {
        log_of(&self.folder)
    }

    /// Waits until a line of the log contains a text; returns all complete lines. Far longer than a busy machine needs.
    pub async fn until_logged(&self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            let mut log = self.log();
            // The last line may be half written.
            log.truncate(log.rfind('\n').map_or(0, |end| end + 1));
            if log.contains(text) {
                return log;
            }
            assert!(Instant::now() < deadline, "{text:?} is not logged: {log}");
            tokio::task::yield_now().await;
        }
    }

    /// The URL of its database, if it is on a database server.
    pub fn url(&self) -> String {
        let found = self.settings.iter().find(|(name, _)| name == "AUTH_DATABASE_URL");
        found.map_or(String::new(), |(_, url)| url.clone())
    }

    pub fn database(&self) -> PathBuf {
        self.folder.path().join("data/auth.db")
    }

    pub fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until it has ended: three times as long as it may take.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; {}", self.log());
            thread::yield_now();
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to be done if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_of(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join("log")).unwrap()
}
