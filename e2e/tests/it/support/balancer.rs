//! `HAProxy` in front of several nodes.

use std::{
    fmt::Write,
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use test_servers::left_out;

use super::Client;

const PROGRAM: &str = "/usr/sbin/haproxy";

/// `HAProxy` with a configuration. It ends with the test.
pub struct HaProxy {
    child: Child,
    _folder: TempDir,
}

impl HaProxy {
    /// Starts it, and waits until it listens on an address. None where it is not installed.
    pub fn start(configuration: &str, address: SocketAddr) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            left_out("tests behind a balancer", "apt-get install haproxy");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, configuration).unwrap();
        let mut child = start(&file);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            assert!(
                child.try_wait().unwrap().is_none() && Instant::now() < deadline,
                "HAProxy does not start"
            );
            thread::yield_now();
        }
        Some(Self { child, _folder: folder })
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A balancer between the nodes whose `/healthz` returns 200.
pub struct Balancer {
    address: SocketAddr,
    /// Its page with the state of the nodes.
    statistics: SocketAddr,
    nodes: usize,
    _proxy: HaProxy,
}

impl Balancer {
    /// None where `HAProxy` is not installed.
    pub fn in_front_of(nodes: &[SocketAddr]) -> Option<Self> {
        let (address, statistics) = (free_address(), free_address());
        let proxy = HaProxy::start(&configuration(address, statistics, nodes), address)?;
        Some(Self { address, statistics, nodes: nodes.len(), _proxy: proxy })
    }

    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Waits until it gives requests to all nodes.
    pub async fn sees_all_well(&self) {
        let client = Client::new(self.statistics);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let table = client.get("/;csv").await.body;
            let is_well = |line: &&str| line.starts_with("auth,node") && line.contains(",UP,");
            if table.lines().filter(is_well).count() == self.nodes {
                return;
            }
            assert!(Instant::now() < deadline, "{table}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "tests start servers")]
fn start(file: &Path) -> Child {
    Command::new(PROGRAM).arg("-db").arg("-f").arg(file).stdout(Stdio::null()).spawn().unwrap()
}

/// The same as in `docs/operating.md`, with shorter intervals and a page with the state of the nodes.
fn configuration(address: SocketAddr, statistics: SocketAddr, nodes: &[SocketAddr]) -> String {
    let mut text = format!(
        "defaults
    mode http
    timeout connect 1s
    timeout client 75s
    timeout server 60s
    timeout check 30s
    retries 3
    option redispatch
    retry-on conn-failure
    option http-server-close

frontend public
    bind {address}
    default_backend auth

frontend statistics
    bind {statistics}
    stats enable
    stats uri /

backend auth
    balance roundrobin
    option httpchk GET /healthz
    http-check send hdr Host localhost
    default-server check inter 100ms fall 1 rise 1
"
    );
    for (number, node) in nodes.iter().enumerate() {
        // Writing to a string can't fail.
        let _ = writeln!(text, "    server node{number} {node}");
    }
    text
}

/// An address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
