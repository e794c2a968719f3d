//! Server processes: started on free ports of loopback, looked at from outside, ended.

use std::{
    collections::HashMap,
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::http::{self, Connection};

/// The timeout for the first response of a server, and for its end.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The folder of the repository.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A command; everything that is started is started by this.
#[expect(clippy::disallowed_methods, reason = "this program is about other processes")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// Builds the service in the profile that this program was built in.
pub fn build() -> anyhow::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = command(cargo);
    build.args(["build", "--quiet", "--locked", "-p", "auth-server"]).current_dir(repository());
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    if !build.status()?.success() {
        bail!("the service does not build");
    }
    Ok(())
}

fn beside_this_program(name: &str) -> anyhow::Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(name))
}

/// A running server. Dropping it ends the process.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process to its first response.
    pub first_answer: Duration,
}

impl Server {
    /// The service, on the data in `folder`, with settings; the wait for a hash is as long as need be unless
    /// they say otherwise.
    pub fn service(folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut start = command(beside_this_program("auth-server")?);
        start.env("AUTH_DATA_DIR", folder).env("AUTH_LISTEN", "127.0.0.1:0").env("AUTH_LOG", "error");
        start.envs(settings.iter().copied());
        Self::start(start, "/")
    }

    /// Builds the schema by hand, as production wants it.
    pub fn migrate(folder: &Path, settings: &[(&str, &str)]) -> anyhow::Result<()> {
        let mut migrate = command(beside_this_program("auth-server")?);
        migrate.args(["migrate", "up"]).env("AUTH_DATA_DIR", folder).envs(settings.iter().copied());
        if !migrate.stdout(Stdio::null()).status()?.success() {
            bail!("the schema was not built");
        }
        Ok(())
    }

    /// The floor.
    pub fn floor() -> anyhow::Result<Self> {
        let mut start = command(env::current_exe()?);
        start.args(["floor", "127.0.0.1:0"]);
        Self::start(start, "/profile")
    }

    /// A server that prints `http://…` in its first line and responds at a path.
    fn start(mut start: Command, path: &str) -> anyhow::Result<Self> {
        let began = Instant::now();
        let mut child = start.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        let address = address.with_context(|| format!("no address in `{line}`"))?.parse()?;
        let mut server = Self { child, address, first_answer: Duration::ZERO };
        server.wait_for(path, began)?;
        Ok(server)
    }

    /// A server of another project, started with the address to listen on.
    pub fn of_others(mut start: Command, address: SocketAddr, path: &str) -> anyhow::Result<Self> {
        let began = Instant::now();
        let child = start.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let mut server = Self { child, address, first_answer: Duration::ZERO };
        server.wait_for(path, began)?;
        Ok(server)
    }

    fn wait_for(&mut self, path: &str, began: Instant) -> anyhow::Result<()> {
        let request = http::request("GET", path, &[], "");
        while began.elapsed() < TIMEOUT {
            if let Ok(Some(status)) = self.child.try_wait() {
                bail!("the server ended: {status}");
            }
            let answer =
                Connection::open(self.address).map_err(anyhow::Error::from).and_then(|mut c| c.ask(&request));
            if answer.is_ok() {
                self.first_answer = began.elapsed();
                return Ok(());
            }
            thread::sleep(Duration::from_micros(200));
        }
        bail!("no answer in {TIMEOUT:?}")
    }

    pub fn connect(&self) -> anyhow::Result<Connection> {
        Ok(Connection::open(self.address)?)
    }

    /// What the process and its children hold of memory, in megabytes: now, and at most so far.
    pub fn memory(&self) -> anyhow::Result<(f64, f64)> {
        let mut sum = (0.0, 0.0);
        for pid in family(self.child.id())? {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let fields: HashMap<&str, &str> =
                status.lines().filter_map(|line| line.split_once(':')).collect();
            let megabytes = |name| {
                let kib = fields.get(name).and_then(|value| value.trim().strip_suffix(" kB"));
                kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) * 1024.0 / 1e6
            };
            sum = (sum.0 + megabytes("VmRSS"), sum.1 + megabytes("VmHWM"));
        }
        Ok(sum)
    }

    /// Ends it, and waits until it has.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("a process id")?;
        kill_process(pid, Signal::TERM)?;
        let began = Instant::now();
        while began.elapsed() < TIMEOUT {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            println!("a server did not end: {error}");
        }
    }
}

/// A process and all that it started.
fn family(pid: u32) -> anyhow::Result<Vec<u32>> {
    let mut family = vec![pid];
    let mut index = 0;
    while let Some(parent) = family.get(index) {
        for task in fs::read_dir(format!("/proc/{parent}/task"))?.flatten() {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        index += 1;
    }
    Ok(family)
}
