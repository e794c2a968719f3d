//! Nothing a client sends makes a 5xx, or changes what the next client gets.

use std::time::{Duration, Instant};

use reqwest::Method;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use test_servers::{Kind, kind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{ADA, Answer, Client, PASSWORD, Server, raw, raw_bytes};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// The calls that take fields, with a body that works.
fn calls() -> [(Method, &'static str, String); 4] {
    let credentials = format!("email={ADA}&password={PASSWORD}");
    [
        (Method::POST, "/users", credentials.clone()),
        (Method::POST, "/sessions", credentials),
        (Method::POST, "/reset_password", format!("email={ADA}")),
        (Method::PUT, "/reset_password", format!("email={ADA}&reset_token=x&new_password=y")),
    ]
}

/// Kinds of wrong requests: the content type and the body.
fn wrong_bodies(good: &str) -> Vec<(Option<&'static str>, Vec<u8>)> {
    vec![
        (Some(FORM), Vec::new()),
        (Some(FORM), b"email=&password=&reset_token=&new_password=".to_vec()),
        (Some(FORM), format!("{good}&{good}").into_bytes()),
        (Some(FORM), format!("{good}&pad={}", "x".repeat(1024 * 1024)).into_bytes()),
        (Some(FORM), b"email=%ff%fe&password=%c3%28".to_vec()),
        (Some(FORM), b"email=\xff\xfe&password=\xc3\x28".to_vec()),
        (Some(FORM), vec![b'&'; 16 * 1024]),
        (Some(FORM), format!("email={}&password=x", "a".repeat(15_000)).into_bytes()),
        (Some(FORM), b"email=a%00b@example.org&password=%00".to_vec()),
        (Some("text/plain"), good.as_bytes().to_vec()),
        (Some("multipart/form-data; boundary=x"), b"--x--".to_vec()),
        (Some("nonsense"), good.as_bytes().to_vec()),
        (None, good.as_bytes().to_vec()),
        (Some(JSON), good.as_bytes().to_vec()),
        (Some(JSON), b"{\"email\":".to_vec()),
        (Some(JSON), b"{\"email\":1,\"password\":[],\"reset_token\":{},\"new_password\":null}".to_vec()),
        (Some(JSON), b"{\"email\":\"a\",\"email\":\"b\"}".to_vec()),
        (Some(JSON), format!("{}{}", "[".repeat(8000), "]".repeat(8000)).into_bytes()),
    ]
}

#[tokio::test]
async fn wrong_requests_of_every_kind_are_refused_and_the_next_correct_one_works() {
    let server = Server::start();
    let client = server.client();
    let mut sent = 0;

    for (method, path, good) in calls() {
        for (media_type, body) in wrong_bodies(&good) {
            let shown = format!("{method} {path} {media_type:?} {} bytes", body.len());
            let mut request = client.request(method.clone(), path).body(body);
            if let Some(media_type) = media_type {
                request = request.header("Content-Type", media_type);
            }
            let Answer { status, body, headers } = Client::send(request).await;
            assert!((400..500).contains(&status), "{shown}: {status} {body}");
            assert_eq!(headers["content-type"], JSON, "{shown}");
            assert!(body.starts_with("{\"message\":\""), "{shown}: {body}");
            sent += 1;
        }
        for wrong in [Method::GET, Method::PATCH, Method::TRACE] {
            assert_eq!(Client::send(client.request(wrong, path)).await.status, 405);
            sent += 1;
        }
        assert_eq!(Client::send(client.request(Method::OPTIONS, path)).await.status, 204);
    }

    assert!(sent >= 50, "{sent}");
    let cookie = client.logged_in(ADA).await;
    assert_eq!(client.profile(&cookie).await.status, 200);
    let token = client.reset_token(ADA).await;
    assert_eq!(client.reset(ADA, &token, "new").await.status, 200);
    assert!(!server.log().contains("ERROR"), "{}", server.log());
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_however_it_is_sent() {
    let server = Server::start();
    let client = server.client();
    let ten_megabytes = vec![b'x'; 10 * 1024 * 1024];

    let sent = Client::try_send(
        client.request(Method::POST, "/users").header("Content-Type", FORM).body(ten_megabytes.clone()),
    );
    // A client that continues to send may find the connection closed before it reads the response.
    if let Ok(answer) = sent.await {
        assert_eq!(answer.status, 413);
    }
    let head = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: 10485760\r\n\r\n"
    );
    assert!(raw(server.address, &head).await.starts_with("HTTP/1.1 413 "));
    let mut chunked = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n"
    );
    for _ in 0..1024 {
        chunked.push_str("400\r\n");
        chunked.push_str(&"x".repeat(1024));
        chunked.push_str("\r\n");
    }
    chunked.push_str("0\r\n\r\n");
    assert!(raw(server.address, &chunked).await.starts_with("HTTP/1.1 413 "));

    assert_eq!(client.register(ADA).await.status, 200);
}

/// asvs 4.2.1: framing that two readers could read differently is refused, and the connection closed.
#[tokio::test]
async fn requests_that_are_no_http_are_rejected_and_harm_no_other_client() {
    let server = Server::start();
    let huge_header = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let huge_url = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(200_000));
    let many_headers = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(5000));

    for text in [
        "nonsense\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET /\r\n\r\n",
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        "POST /users HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        &huge_header,
        &huge_url,
        &many_headers,
    ] {
        let mut sent = text.as_bytes().to_vec();
        sent.extend_from_slice(b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = raw_bytes(server.address, &sent).await;
        assert!(
            !answer.starts_with("HTTP/1.1 5") && !answer.starts_with("HTTP/1.1 2"),
            "{text:.80?}: {answer:.200}"
        );
        assert!(!answer.contains("HTTP/1.1 404"), "a second request was read out of {text:.80?}");
    }
    assert_eq!(server.client().get("/").await.status, 200);
}

/// A body, or a head, that arrives one byte a second: ten seconds and no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_has_ten_seconds_to_arrive() {
    let server = Server::start();
    let slow_body = format!(
        "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: 1000\r\n\r\nemail="
    );
    let slow_head = "POST /users HTTP/1.1\r\nHost: local".to_owned();

    let attempts = [slow_body, slow_head].map(|text| {
        let address = server.address;
        tokio::spawn(async move {
            let began = Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            let (mut reader, mut writer) = stream.into_split();
            let trickle = tokio::spawn(async move {
                let mut seconds = tokio::time::interval(Duration::from_secs(1));
                while writer.write_all(b"x").await.is_ok() {
                    seconds.tick().await;
                }
            });
            let mut answer = String::new();
            let _ = reader.read_to_string(&mut answer).await;
            trickle.abort();
            (began.elapsed(), answer)
        })
    });

    let client = server.client();
    assert_eq!(client.register(ADA).await.status, 200, "others are unharmed");
    for attempt in attempts {
        let (took, answer) = attempt.await.unwrap();
        assert!(took < Duration::from_secs(36), "{took:?}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

/// Ten thousand, or as many as this machine lets a process have open.
fn many() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX).min(1 << 20);
    // The server gets the same.
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), ..limit }).unwrap();
    usize::try_from(most).unwrap().saturating_sub(1000).clamp(100, 10_000)
}

/// Ten thousand silent connections do not block others.
#[tokio::test]
async fn idle_connections_are_no_burden() {
    // A connection knows nothing of databases.
    if kind() != Kind::Sqlite {
        return;
    }
    let many = many();
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;

    let mut idle = Vec::new();
    for _ in 0..many {
        idle.push(TcpStream::connect(server.address).await.unwrap());
    }

    let cookie = client.log_in(ADA, PASSWORD).await.cookie();
    assert_eq!(client.profile(&cookie).await.status, 200);
}

/// A service that was stopped for a moment serves all clients that connected meanwhile: none is rejected, to try again a second
/// later.
#[tokio::test]
async fn who_comes_while_it_is_held_up_waits_in_line() {
    // What the kernel allows: half of it, at most a thousand.
    let allowed = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let many = (allowed.trim().parse::<usize>().unwrap() / 2).min(1000);
    let server = Server::start();
    server.signal(Signal::STOP);

    let mut line = Vec::new();
    for _ in 0..many {
        let connecting = TcpStream::connect(server.address);
        line.push(tokio::time::timeout(Duration::from_secs(20), connecting).await.unwrap().unwrap());
    }
    server.signal(Signal::CONT);

    for mut stream in line.into_iter().rev().take(10) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}
