//! A running server, and what can be done to it.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};

use crate::{Kind, guardian::Guardian, mariadb, postgres, test_database::by_tls, tls::Certificates};

/// The one user, and its password.
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

/// A server in a folder of its own. It ends with this.
pub struct Server {
    kind: Kind,
    options: Options,
    folder: PathBuf,
    port: u16,
    certificates: Option<Certificates>,
    guardian: Option<Guardian>,
    databases: AtomicU32,
}

/// One server for all tests of a process that do it no harm.
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

    /// Whether its log says so, beyond so many bytes.
    fn gave_up_since(&self, bytes: usize) -> bool {
        let log = self.log();
        let news = log.get(bytes..).unwrap_or_default();
        let told = ["is still in use", "could not bind", "already exists", "[ERROR] Aborting"];
        told.iter().any(|told| news.contains(told))
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

    /// The URL of one of its databases, as settings take it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_by(self.port, database)
    }

    /// The same through another port, behind which a proxy is.
    #[must_use]
    pub fn url_by(&self, port: u16, database: &str) -> String {
        let (scheme, mode, authority) = match self.kind {
            Kind::MariaDb => ("mysql", "ssl-mode=VERIFY_IDENTITY", "ssl-ca"),
            _ => ("postgres", "sslmode=verify-full", "sslrootcert"),
        };
        let tls = self.certificates.as_ref().map_or(String::new(), |certificates| {
            format!("?{mode}&{authority}={}", certificates.authority.display())
        });
        format!("{scheme}://{USER}:{USER}@127.0.0.1:{port}/{database}{tls}")
    }

    /// Makes an empty database, and answers with its name.
    pub async fn new_database(&self) -> String {
        let name = format!("auth_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name}")).await;
        name
    }

    /// A database as its own tool writes it.
    #[must_use]
    pub fn dump(&self, database: &str) -> Vec<u8> {
        output_of(match self.kind {
            Kind::MariaDb => mariadb::dump(self, database),
            _ => postgres::dump(self, database),
        })
    }

    /// All of a database, so that it can be read by people.
    ///
    /// # Panics
    ///
    /// If the server's own program fails.
    #[must_use]
    pub fn dump_as_text(&self, database: &str) -> String {
        let dump = output_of(match self.kind {
            Kind::MariaDb => mariadb::dump(self, database),
            _ => postgres::dump_as_text(self, database),
        });
        String::from_utf8_lossy(&dump).into_owned()
    }

    /// Reads such a file into an empty database.
    pub fn restore(&self, database: &str, dump: &[u8]) {
        let file = self.folder.join("dump");
        fs::write(&file, dump).unwrap();
        let mut restore = match self.kind {
            Kind::MariaDb => mariadb::restore(self, database),
            _ => postgres::restore(self, database),
        };
        let output = restore.stdin(File::open(file).unwrap()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Does something to the server that no client of ours would.
    pub async fn execute(&self, sql: &str) {
        let database = if self.kind == Kind::MariaDb { "" } else { "postgres" };
        self.execute_in(&self.url(database), sql).await;
    }

    /// The same to one of its databases.
    ///
    /// # Panics
    ///
    /// If the server refuses it.
    pub async fn execute_in(&self, url: &str, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.kind == Kind::MariaDb {
            let mut server = MySqlConnection::connect(url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut server).await.unwrap();
            server.close().await.unwrap();
        } else {
            let mut server = PgConnection::connect(url).await.unwrap();
            sqlx::raw_sql(sql).execute(&mut server).await.unwrap();
            server.close().await.unwrap();
        }
    }

    /// Runs a script for `psql`.
    ///
    /// # Panics
    ///
    /// If it fails, or this is not `PostgreSQL`.
    pub fn run_script(&self, script: &str) {
        assert_eq!(self.kind, Kind::Postgres);
        let file = self.folder.join("script");
        fs::write(&file, script).unwrap();
        output_of(postgres::script(self, &file));
    }

    /// The URL of a database by a user that may only read and write rows, as `docs/operating.md` says.
    pub async fn url_of_a_service(&self, url: &str) -> String {
        let (_, database) = url.rsplit_once('/').expect("a URL of ours");
        if self.kind == Kind::MariaDb {
            self.execute(&format!(
                "CREATE USER 'service'@'127.0.0.%' IDENTIFIED BY 'service'; \
                 GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO 'service'@'127.0.0.%'"
            ))
            .await;
        } else {
            let grants = "CREATE ROLE service LOGIN PASSWORD 'service'; \
                 GRANT SELECT, INSERT, UPDATE, DELETE \
                 ON users, sessions, reset_tokens, server_keys, throttles, devices, device_kinds, outbox TO service; \
                 GRANT SELECT ON seaql_migrations TO service";
            self.execute_in(url, grants).await;
        }
        url.replace(&format!("{USER}:{USER}@"), "service:service@")
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

    /// Ends it as a power cut would end its process.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.guardian.take().expect("it runs").end_only();
    }

    /// Ends it in an orderly way, so that clients are cut off at once.
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

/// Where we are root, a server runs as somebody else.
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
