//! Logs can be read by people and machines, and never hold a secret.

use reqwest::Method;

use crate::support::{Client, Server};

const EMAIL: &str = "canary-address@example.org";
const PASSWORD: &str = "canary-password-1";
const NEW: &str = "canary-password-2";
const WRONG: &str = "canary-password-3";

/// asvs 13.4.2, 16.2.5: at the noisiest level, on every way through the service.
#[tokio::test]
async fn no_password_token_cookie_or_address_is_ever_logged() {
    let server = Server::with(&[("AUTH_LOG", "trace")]);
    let client = server.client();
    let credentials = [("email", EMAIL), ("password", PASSWORD)];

    client.log_in(EMAIL, WRONG).await;
    client.post("/reset_password", &[("email", EMAIL)]).await;
    client.post("/users", &credentials).await;
    client.post("/users", &credentials).await;
    client.log_in(EMAIL, WRONG).await;
    let json = serde_json::json!({"email": EMAIL, "password": PASSWORD});
    let logged_in = Client::send(client.request(Method::POST, "/sessions").json(&json)).await;
    let cookie = logged_in.cookie();
    client.profile(&cookie).await;
    let token = client.reset_token(EMAIL).await;
    client.reset(EMAIL, &token, NEW).await;
    client.reset(EMAIL, &token, NEW).await;
    client.with_cookie(Method::DELETE, "/sessions", &cookie).await;
    client.get(&format!("/nowhere/{token}?email={EMAIL}&password={PASSWORD}")).await;
    let broken = format!("email={EMAIL}&password={PASSWORD}&password=%ff");
    Client::send(
        client
            .request(Method::POST, "/users")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(broken),
    )
    .await;
    let server = server.restart();

    let log = server.log();
    assert!(log.contains("TRACE") && log.contains("a user logged in"), "the log is there");
    let cookie = cookie.split_once('=').unwrap().1;
    for secret in [EMAIL, PASSWORD, NEW, WRONG, cookie, &token, "$2b$", "canary"] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was logged");
    }
}

/// asvs 16.2.1, 16.2.4, 16.3.1: one JSON object a line, with the ids that an operator searches for.
#[tokio::test]
async fn json_logs_carry_the_request_id_that_the_client_was_given() {
    let server = Server::with(&[("AUTH_LOG_FORMAT", "json")]);
    let client = server.client();
    let registered = client.register(EMAIL).await;
    let request_id = registered.header("x-request-id").unwrap();

    let log = server.log();
    let events: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let event = events.iter().find(|event| event["message"] == "a user registered").unwrap();

    assert_eq!(event["span"]["request_id"], request_id);
    assert_eq!(event["user_id"], "1");
    assert_eq!(event["span"]["client"], "127.0.0.1");
    assert!(event["timestamp"].as_str().unwrap().ends_with('Z'), "UTC");
}

async fn register_and_delete(client: &Client, address: &str) {
    assert_eq!(client.register(address).await.status, 200);
    let cookie = client.log_in(address, crate::support::PASSWORD).await.cookie();
    let delete = client.request(Method::DELETE, "/profile").header("Cookie", &cookie);
    Client::send(delete.form(&[("password", crate::support::PASSWORD)])).await;
}

/// The events of a log, each with its user.
fn events(log: &str) -> Vec<(String, String)> {
    log.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect(line))
        .filter_map(|line| {
            let user = line["user_id"].as_str().unwrap_or("no user").to_owned();
            Some((line["event"].as_str()?.to_owned(), user))
        })
        .collect()
}

/// asvs 16.3.1: one event for each fact, in their order, with the ids and nothing else.
#[tokio::test]
async fn each_fact_that_matters_for_security_is_one_event() {
    let server = Server::with(&[("AUTH_LOG_FORMAT", "json"), ("AUTH_THROTTLE", "on")]);
    let client = server.client();
    client.log_in(EMAIL, WRONG).await;
    client.register(EMAIL).await;
    client.log_in(EMAIL, WRONG).await;
    let cookie = client.log_in(EMAIL, crate::support::PASSWORD).await.cookie();
    let fields = [("password", crate::support::PASSWORD), ("new_password", NEW)];
    let change = client.request(Method::PUT, "/profile/password").header("Cookie", &cookie);
    let cookie = Client::send(change.form(&fields)).await.cookie();
    client.with_cookie(Method::DELETE, "/profile/sessions", &cookie).await;
    client.with_cookie(Method::DELETE, "/sessions", &cookie).await;
    let token = client.reset_token(EMAIL).await;
    client.reset(EMAIL, &token, PASSWORD).await;
    for _ in 0..6 {
        client.log_in(EMAIL, WRONG).await;
    }
    register_and_delete(&client, "canary2@example.org").await;

    let events = events(&server.log());
    assert_eq!(
        events.iter().map(|(event, user)| (event.as_str(), user.as_str())).collect::<Vec<_>>(),
        [
            ("login.failed", "no user"),
            ("user.registered", "1"),
            ("login.failed", "1"),
            ("login.succeeded", "1"),
            ("password.changed", "1"),
            ("sessions.ended", "1"),
            ("session.ended", "1"),
            ("reset.made", "1"),
            ("reset.completed", "1"),
            ("login.failed", "1"),
            ("login.failed", "1"),
            ("login.failed", "1"),
            ("login.failed", "1"),
            ("login.failed", "1"),
            ("throttled", "no user"),
            ("user.registered", "2"),
            ("login.succeeded", "2"),
            ("user.deleted", "2"),
        ]
    );
}

/// The event contains all details.
#[tokio::test]
async fn a_login_that_fails_is_one_line() {
    let server = Server::start();
    server.client().register(crate::support::ADA).await;
    let before = server.log().lines().count();
    server.client().log_in(crate::support::ADA, "wrong").await;

    let log = server.log();
    let lines: Vec<&str> = log.lines().skip(before).collect();
    assert!(lines.len() == 1 && lines[0].contains("login.failed"), "{lines:?}");
}

#[tokio::test]
async fn each_request_is_a_debug_line_and_each_refusal_an_info_line() {
    let quiet = Server::start();
    let loud = Server::with(&[("AUTH_LOG", "debug")]);
    for server in [&quiet, &loud] {
        server.client().get("/").await;
        server.client().get("/nowhere").await;
    }

    let count = |server: &Server, text: &str| server.log().lines().filter(|line| line.contains(text)).count();
    assert_eq!((count(&quiet, "request completed"), count(&quiet, "request rejected")), (0, 1));
    assert_eq!((count(&loud, "request completed"), count(&loud, "request rejected")), (1, 1));
}
