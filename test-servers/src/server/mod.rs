//! A running server: how it starts and ends.

mod databases;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{OnceLock, atomic::AtomicU32},
    thread,
    time::{Duration, Instant},
};

use crate::{Kind, guardian::Guardian, mariadb, postgres, test_database::by_tls, tls::Certificates};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// The user and its password.
pub const USER: &str = "auth";

/// Three times what a server takes to start on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_mins(1);

/// How a server is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether what is acknowledged is on disk. Without it, it is with the operating system.
    pub durable: bool,
    /// Whether it speaks TLS, and nothing else.
    pub tls: bool,
    /// Whether `MariaDB` writes a binary log with `binlog_format=STATEMENT`, the default of old versions.
    pub statement_binlog: bool,
}

/// A server in its own folder. Dropping it ends the server.
pub struct Server {
    kind: Kind,
    options: Options,
    folder: PathBuf,
    port: u16,
    certificates: Option<Certificates>,
    guardian: Option<Guardian>,
    databases: AtomicU32,
}

/// One server for all tests of a process that leave it running.
///
/// # Panics
///
/// If it does not start; if asked for a server of `SQLite`.
#[must_use]
pub fn shared(kind: Kind) -> &'static Server {
    static POSTGRES: OnceLock<Server> = OnceLock::new();
    static MARIADB: OnceLock<Server> = OnceLock::new();
    let place = match kind {
        Kind::Postgres => &POSTGRES,
        Kind::MariaDb => &MARIADB,
        Kind::Sqlite => panic!("SQLite has no server"),
    };
    place.get_or_init(|| Server::start(kind, Options { tls: by_tls(), ..Options::default() }))
}

impl Server {
    /// Starts one on an empty folder.
    #[must_use]
    pub fn start(kind: Kind, options: Options) -> Self {
        let folder = tempfile::Builder::new().prefix("auth-test-").tempdir().unwrap().keep();
        let certificates = options.tls.then(|| Certificates::make(&folder));
        let mut server = Self {
            kind,
            options,
            port: free_port(),
            certificates,
            guardian: None,
            databases: AtomicU32::new(0),
            folder,
        };
        match kind {
            Kind::Postgres => postgres::prepare(&server),
            Kind::MariaDb => mariadb::prepare(&server),
            Kind::Sqlite => panic!("SQLite has no server"),
        }
        server.launch();
        server
    }

    /// Starts it again, where it was.
    pub fn restart(&mut self) {
        assert!(self.guardian.is_none(), "it runs");
        self.launch();
    }

    /// Has `PostgreSQL` start as a standby the next time, until it is promoted.
    ///
    /// # Panics
    ///
    /// If it runs, or is not `PostgreSQL`.
    pub fn become_standby(&self) {
        assert!(self.kind == Kind::Postgres && self.guardian.is_none());
        fs::write(self.folder.join("data/standby.signal"), "").unwrap();
    }

    fn launch(&mut self) {
        let deadline = Instant::now() + STARTS_WITHIN;
        while Instant::now() < deadline {
            let before = self.log().len();
            let guardian = match self.kind {
                Kind::MariaDb => mariadb::launch(self),
                _ => postgres::launch(self),
            };
            self.guardian = Some(guardian);
            // What was killed a moment ago may be in the way: then it ends at once, and is started again.
            while Instant::now() < deadline && !self.gave_up_since(before) {
                if self.is_ready() {
                    return;
                }
                thread::sleep(Duration::from_millis(20));
            }
            if let Some(guardian) = self.guardian.take() {
                guardian.end_only();
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{} does not start: {}", self.kind, self.log());
    }

    /// Whether its log reports it, after a number of bytes.
    fn gave_up_since(&self, bytes: usize) -> bool {
        let log = self.log();
        let news = log.get(bytes..).unwrap_or_default();
        let causes = ["is still in use", "could not bind", "already exists", "[ERROR] Aborting"];
        causes.iter().any(|cause| news.contains(cause))
    }

    fn is_ready(&self) -> bool {
        let mut question = match self.kind {
            Kind::MariaDb => mariadb::is_ready(self),
            _ => postgres::is_ready(self),
        };
        question.output().is_ok_and(|output| output.status.success())
    }

    /// Which kind it is of.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its own certificate's authority, if it speaks TLS.
    #[must_use]
    pub const fn certificates(&self) -> Option<&Certificates> {
        self.certificates.as_ref()
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) const fn options(&self) -> Options {
        self.options
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Its process.
    fn pid(&self) -> Option<Pid> {
        let file = match self.kind {
            Kind::MariaDb => mariadb::pid_file(self),
            _ => postgres::pid_file(self),
        };
        let number = fs::read_to_string(file).ok()?;
        Pid::from_raw(number.lines().next()?.trim().parse().ok()?)
    }

    /// Ends its process as a power failure would.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.guardian.take().expect("it runs").end_only();
    }

    /// Stops it in an orderly way, which disconnects clients immediately.
    pub fn stop(&mut self) {
        let (pid, signal) = (
            self.pid().expect("it runs"),
            match self.kind {
                Kind::MariaDb => Signal::TERM,
                _ => Signal::INT,
            },
        );
        kill_process(pid, signal).unwrap();
        while test_kill_process(pid).is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
        self.guardian.take().expect("it runs").end_only();
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid().expect("it runs"), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.guardian.take());
        // Where no guardian did; nothing depends on it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn output_of(mut program: Command) -> Vec<u8> {
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// If the tests run as root, a server runs as another user.
pub fn run_as(command: &mut Command, user: &str) {
    use std::os::unix::process::CommandExt;
    if let Some((uid, gid)) = other_user(user) {
        command.uid(uid).gid(gid);
    }
}

/// User and group number, if we are root.
pub fn other_user(name: &str) -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields.into_iter().find(|fields| fields.first() == Some(&name))?;
    Some((found.get(2)?.parse().ok()?, found.get(3)?.parse().ok()?))
}
