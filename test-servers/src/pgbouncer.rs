//! `PgBouncer`, in front of a server of `PostgreSQL`.

use std::{
    fs::{self, File},
    net::TcpStream,
    os::unix::fs::chown,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::{
    Server, binaries,
    guardian::Guardian,
    server::{USER, free_port, other_user, run_as},
};

/// It refuses to run as root.
const SYSTEM_USER: &str = "postgres";

/// Several times what it takes to start.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A pooler in front of a server. It ends with this.
pub struct PgBouncer {
    port: u16,
    _guardian: Guardian,
}

impl PgBouncer {
    /// Starts one with its defaults, but for the mode: `session`, `transaction`. None if it is not installed.
    #[must_use]
    pub fn start(server: &Server, mode: &str) -> Option<Self> {
        let program = binaries::program("pgbouncer")?;
        let folder = tempfile::Builder::new().prefix("auth-test-").tempdir().unwrap().keep();
        let (port, path) = (free_port(), folder.display());
        let users = folder.join("users");
        fs::write(&users, format!("\"{USER}\" \"{USER}\"\n")).unwrap();
        let file = folder.join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {path}/users\npool_mode = {mode}\n\
             logfile = {path}/log\npidfile = {path}/pid\n",
            server.port()
        );
        fs::write(&file, settings).unwrap();
        if let Some((uid, gid)) = other_user(SYSTEM_USER) {
            for path in [folder.clone(), users, file.clone()] {
                chown(path, Some(uid), Some(gid)).unwrap();
            }
        }
        let output = File::create(folder.join("output")).unwrap();
        let arguments = [program.display().to_string(), file.display().to_string()];
        let guardian = Guardian::start("KILL", &folder, arguments, |shell| {
            shell.current_dir(&folder).stdout(Stdio::null()).stderr(output);
            run_as(shell, SYSTEM_USER);
        });
        let deadline = Instant::now() + STARTS_WITHIN;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "{}",
                fs::read_to_string(folder.join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(20));
        }
        Some(Self { port, _guardian: guardian })
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}
