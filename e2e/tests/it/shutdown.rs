//! A signal ends the service without failing a request.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use test_servers::{Kind, kind};

use crate::support::{ADA, Client, PASSWORD, Server, open, run, status_and_body};

#[tokio::test]
async fn while_draining_health_says_so_and_requests_are_still_served() {
    let mut server = Server::with(&[("AUTH_SHUTDOWN_DELAY", "3s")]);
    let client = server.client();
    assert_eq!(status_and_body(&client.get("/healthz").await), (200, r#"{"message":"ok"}"#));
    assert_eq!(health(&server), (0, String::new()));

    server.signal(Signal::TERM);
    drains(&client).await;

    let draining = client.get("/healthz").await;
    assert_eq!(status_and_body(&draining), (503, r#"{"message":"shutting down"}"#));
    assert_eq!(health(&server), (1, "returned 503".to_owned()));
    assert_eq!(client.register(ADA).await.status, 200, "still accepted");
    assert!(server.is_running());
    assert!(server.ended().success());
    assert_eq!(health(&server), (1, "can't be reached".to_owned()));
    assert_eq!(server.second().client().log_in(ADA, PASSWORD).await.status, 200);
}

/// The health check of a container: the exit code, and the message about the address without the cause.
fn health(server: &Server) -> (i32, String) {
    let output = run(&["health"], &[("AUTH_LISTEN", &server.address.to_string())]);
    let cause = output.stderr.trim_end().rsplit_once("/healthz ").map_or("", |(_, cause)| cause);
    (output.code, cause.split(": ").next().unwrap().to_owned())
}

/// Waits until the signal has arrived: three times as long as it may take.
async fn drains(client: &Client) {
    let deadline = Instant::now() + Duration::from_secs(9);
    while client.get("/healthz").await.status == 200 {
        assert!(Instant::now() < deadline, "it never drains");
    }
}

#[tokio::test]
async fn a_request_under_way_is_finished() {
    let mut server = Server::with(&[("AUTH_BCRYPT_COST", "13")]);
    let client = server.client();
    let registering = tokio::spawn({
        let client = client.clone();
        async move { client.register(ADA).await }
    });
    let deadline = Instant::now() + Duration::from_secs(9);
    while client.get("/").await.status != 200 {
        assert!(Instant::now() < deadline);
    }

    server.signal(Signal::INT);
    let status = server.ended();

    assert_eq!(registering.await.unwrap().status, 200);
    assert!(status.success());
    assert!(server.log().contains("stopped"));
}

#[tokio::test]
async fn a_second_signal_cuts_the_delay_short() {
    let mut server = Server::with(&[("AUTH_SHUTDOWN_DELAY", "10m")]);
    let client = server.client();

    server.signal(Signal::TERM);
    drains(&client).await;
    server.signal(Signal::TERM);

    assert!(server.ended().success());
}

#[tokio::test]
async fn when_sessions_were_used_is_written_down_before_the_end() {
    if kind() != Kind::Sqlite {
        return;
    }
    let mut server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;
    assert_eq!(client.profile(&cookie).await.status, 200);

    server.signal(Signal::TERM);
    assert!(server.ended().success());

    let mut database = open(&server.database()).await;
    let unused = "SELECT count(*) FROM sessions WHERE last_seen_at <= created_at";
    let sessions: i64 = sqlx::query_scalar(unused).fetch_one(&mut database).await.unwrap();
    assert_eq!(sessions, 0, "used after it was opened");
}
