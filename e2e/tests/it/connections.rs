//! Connections: how long, how much and how many, whatever clients do with them.

use std::{
    fs,
    io::ErrorKind,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Signal, getrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::support::{ADA, PASSWORD, Server, raw};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Several times the ten seconds that a client has.
const AT_LAST: Duration = Duration::from_mins(1);

async fn connected(server: &Server) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

/// Sends a request and reads its response, on a connection that stays open.
async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(REQUEST).await.unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"}") {
        let count = stream.read_buf(&mut response).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&response));
    }
    String::from_utf8(response).unwrap()
}

/// What arrives until the server closes the connection.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let ended = timeout(AT_LAST, stream.read_to_end(&mut rest)).await.expect("it is closed");
    assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    String::from_utf8_lossy(&rest).into_owned()
}

/// The limits are those of each request, not just of the first on a connection.
#[tokio::test]
async fn a_client_that_stops_in_the_midst_of_any_request_is_disconnected() {
    let server = Server::start();
    let begin = async |earlier: usize, part: &str| {
        let mut stream = connected(&server).await;
        for _ in 0..earlier {
            ask(&mut stream).await;
        }
        stream.write_all(part.as_bytes()).await.unwrap();
        (stream, Instant::now())
    };
    let mut unfinished = Vec::new();
    for earlier in 0..3 {
        unfinished.push(begin(earlier, "G").await);
        unfinished.push(begin(earlier, "GET / HTTP/1.1\r\nHost: loc").await);
    }

    for (mut stream, since) in unfinished {
        let rest = until_closed(&mut stream).await;
        assert!(rest.starts_with("HTTP/1.1 408 "), "{rest}");
        assert!(since.elapsed() >= Duration::from_secs(9), "{:?}", since.elapsed());
    }
}

/// Requests whose responses are not read: neither memory nor the connection is kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_costs_little_and_is_disconnected() {
    let server = Server::start();
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() / 1024
    };
    let before = resident();
    let clients: Vec<_> = (0..10)
        .map(|_| {
            let address = server.address;
            tokio::spawn(async move {
                // The system's usual buffers take megabytes of responses before the server notices anything.
                let socket = TcpSocket::new_v4().unwrap();
                socket.set_recv_buffer_size(4096).unwrap();
                let mut stream = socket.connect(address).await.unwrap();
                let requests = REQUEST.repeat(100);
                // Until the server closes it: a write then fails.
                while stream.write_all(&requests).await.is_ok() {}
            })
        })
        .collect();

    for client in clients {
        // Before the server waits for a client, the system buffers thousands of responses.
        timeout(AT_LAST * 4, client).await.expect("it is disconnected").unwrap();
    }
    let cost = resident() - before;
    assert!(cost < 16, "{cost} MiB for 10 connections");
    assert_eq!(server.client().get("/").await.status, 200);
}

/// Pipelined requests get responses in their order, however they are split.
#[tokio::test]
async fn pipelined_requests_are_all_answered() {
    let server = Server::start();
    let form = "email=ada%40example.org&password=b4l0u";
    let register = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let chunked = format!(
        "POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{form}\r\n0\r\n\r\n",
        form.len()
    );
    let last = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let first = String::from_utf8(REQUEST.repeat(120)).unwrap();
    let all = format!("{first}{register}{chunked}{first}{last}");

    let responses = raw(server.address, &all).await;

    assert_eq!(responses.matches("HTTP/1.1 200 OK").count(), 243, "{responses:.300}");
    assert!(responses.contains("user created") && responses.contains("logged in"));
}

/// A client that does not wait for responses must not keep a worker from others.
#[tokio::test]
async fn pipelined_requests_take_turns() {
    let server = Server::start();
    let last = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let all = String::from_utf8(REQUEST.repeat(1000)).unwrap() + last;
    let began = Instant::now();

    let responses = raw(server.address, &all).await;

    assert_eq!(responses.matches("HTTP/1.1 200 OK").count(), 1001);
    // About 36 KB, of which 1 KB is read at first and then 256 bytes every millisecond.
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_as_long_as_the_setting_says() {
    let server = Server::with(&[("AUTH_KEEP_ALIVE", "2s")]);
    let mut stream = connected(&server).await;
    ask(&mut stream).await;
    let since = Instant::now();

    assert_eq!(until_closed(&mut stream).await, "", "nothing was begun, so nothing is answered");
    assert!(since.elapsed() >= Duration::from_millis(1900), "{:?}", since.elapsed());
}

/// Clients of a node that is about to end should go to another.
#[tokio::test]
async fn responses_of_a_draining_server_close_their_connections() {
    let server = Server::with(&[("AUTH_SHUTDOWN_DELAY", "60s")]);
    let mut stream = connected(&server).await;
    assert!(!ask(&mut stream).await.to_lowercase().contains("connection: close"));
    server.signal(Signal::TERM);
    while server.client().get("/healthz").await.status != 503 {}

    let last = ask(&mut stream).await;

    assert!(last.starts_with("HTTP/1.1 200 ") && last.to_lowercase().contains("connection: close"), "{last}");
    assert_eq!(until_closed(&mut stream).await, "");
}

/// A proxy forwards the headers of a WebSocket when it asks about its request. RFC 9110 section 7.8: they are ignored.
#[tokio::test]
async fn a_request_for_an_upgrade_is_answered_as_any_other() {
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    let form = format!("email={ADA}&password={PASSWORD}");
    let content =
        format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n", form.len());
    for (request, status) in [
        (format!("GET /profile HTTP/1.1\r\nHost: localhost\r\n{upgrade}Cookie: {cookie}\r\n\r\n"), 200),
        (format!("GET /profile HTTP/1.1\r\nHost: localhost\r\n{upgrade}\r\n"), 403),
        (
            "GET /profile HTTP/1.1\r\nHost: localhost\r\nUpgrade: h2c\r\nConnection: close\r\n\r\n"
                .to_owned(),
            403,
        ),
        (format!("POST /sessions HTTP/1.1\r\nHost: localhost\r\n{upgrade}{content}\r\n{form}"), 200),
        (format!("POST /sessions HTTP/1.1\r\nHost: localhost\r\n{upgrade}{content}\r\n{form}more"), 200),
        ("CONNECT /profile HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(), 405),
    ] {
        let began = Instant::now();
        let mut stream = connected(&server).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        timeout(AT_LAST, stream.read_exact(&mut head)).await.expect("it answers").unwrap();

        assert_eq!(String::from_utf8_lossy(&head), format!("HTTP/1.1 {status}"), "{request}");
        assert!(began.elapsed() < Duration::from_secs(9), "it waited for a body: {request}");
    }
}

/// Connections beyond the maximum are closed at once; programs of this machine have a reserve of 32.
#[tokio::test]
async fn connections_are_bounded_and_those_that_are_too_many_are_closed_at_once() {
    let server = Server::with(&[("AUTH_MAX_CONNECTIONS", "16")]);
    let mut held = Vec::new();
    for _ in 0..48 {
        let mut stream = connected(&server).await;
        ask(&mut stream).await;
        held.push(stream);
    }

    let mut surplus = connected(&server).await;
    assert_eq!(until_closed(&mut surplus).await, "");
    assert!(server.log().contains("AUTH_MAX_CONNECTIONS"), "{}", server.log());
    drop(held);
    let reachable = async {
        while crate::support::Client::try_send(server.client().request(reqwest::Method::GET, "/"))
            .await
            .is_err()
        {}
    };
    timeout(AT_LAST, reachable).await.expect("there is room again");
}

/// The limit of open files that the process was started with may be the usual 1,024.
#[tokio::test]
async fn the_limit_of_open_files_is_raised_and_reported() {
    let server = Server::start();
    let most = getrlimit(Resource::Nofile).maximum.unwrap();

    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(line.split_whitespace().nth(3), Some(most.to_string().as_str()), "{line}");
    assert!(server.log().contains(&format!("descriptors={most}")), "{}", server.log());
}

/// What a client sends, well-formed or not, is a bounded line of level info.
#[tokio::test]
async fn a_client_can_not_fill_the_log() {
    let server = Server::start();
    let long_method =
        format!("{} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "M".repeat(100_000));
    let before = server.log().len();
    for _ in 0..300 {
        raw(server.address, "nonsense\r\n\r\n").await;
        raw(server.address, "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n").await;
        raw(server.address, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    }
    raw(server.address, &long_method).await;

    let log = server.log().split_off(before);
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log:.2000}");
    assert!(log.lines().all(|line| line.len() < 1000), "a line is long");
    assert!((50..400).contains(&log.lines().count()), "{} lines", log.lines().count());
}
