//! Each row of the contract's failure column, and what holds for all calls.

use reqwest::Method;

use crate::support::{ADA, Client, PASSWORD, Server, raw, status_and_body};

const UNKNOWN: &str = "00112233-4455-6677-8899-aabbccddeeff";

#[tokio::test]
async fn registering_names_the_field_that_is_wrong() {
    let server = Server::start();
    let client = server.client();

    for (fields, message) in [
        (&[] as &[(&str, &str)], "email is required"),
        (&[("email", ""), ("password", PASSWORD)], "email is required"),
        (&[("email", ADA)], "password is required"),
        (&[("email", ADA), ("password", "")], "password is required"),
        (&[("email", "ada"), ("password", PASSWORD)], "email is not a valid e-mail address"),
    ] {
        let answer = client.post("/users", fields).await;
        assert_eq!(status_and_body(&answer), (400, format!(r#"{{"message":"{message}"}}"#).as_str()));
    }
}

#[tokio::test]
async fn whatever_keeps_a_login_from_succeeding_the_bytes_are_the_same() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;
    let request = |fields: &[(&str, &str)]| {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let body = body.join("&");
        format!(
            "POST /sessions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };

    let mut answers = Vec::new();
    for fields in [
        &[("email", "bob@example.org"), ("password", PASSWORD)] as &[(&str, &str)],
        &[("email", ADA), ("password", "wrong")],
        &[("email", ADA)],
        &[("email", ADA), ("password", "")],
        &[("email", "malformed"), ("password", PASSWORD)],
        &[("password", PASSWORD)],
        &[],
    ] {
        let answer = raw(server.address, &request(fields)).await;
        let varying = ["date: ", "x-request-id: "];
        let mut lines: Vec<String> = answer
            .lines()
            .filter(|line| !varying.iter().any(|prefix| line.starts_with(prefix)))
            .map(str::to_owned)
            .collect();
        lines.sort();
        answers.push(lines);
    }

    assert!(answers[0].contains(&"HTTP/1.1 401 Unauthorized".to_owned()), "{:?}", answers[0]);
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:#?}");
}

#[tokio::test]
async fn a_cookie_that_opens_nothing_is_forbidden() {
    let server = Server::start();
    let client = server.client();
    let used = client.logged_in(ADA).await;
    client.with_cookie(Method::DELETE, "/sessions", &used).await;

    for cookie in [String::new(), "session_id=".into(), format!("session_id={UNKNOWN}"), used] {
        for (method, path) in [(Method::DELETE, "/sessions"), (Method::GET, "/profile")] {
            let answer = client.with_cookie(method, path, &cookie).await;
            assert_eq!(status_and_body(&answer), (403, r#"{"message":"not logged in"}"#), "{cookie}");
        }
    }
}

#[tokio::test]
async fn resets_that_may_not_be_are_forbidden_and_a_bad_password_keeps_the_token() {
    let server = Server::start();
    let client = server.client();
    client.register(ADA).await;
    client.register("bob@example.org").await;
    for fields in [&[("email", "nobody@example.org")] as &[(&str, &str)], &[("email", "x")], &[]] {
        assert_eq!(client.post("/reset_password", fields).await.status, 403);
    }

    let replaced = client.reset_token(ADA).await;
    let token = client.reset_token(ADA).await;
    for (email, token) in
        [(ADA, ""), (ADA, UNKNOWN), (ADA, &replaced), ("bob@example.org", &token), ("", &token)]
    {
        let answer = client.reset(email, token, "new").await;
        assert_eq!(
            status_and_body(&answer),
            (403, r#"{"message":"reset token is not valid"}"#),
            "{email} {token}"
        );
    }
    let none = client.reset(ADA, &token, "").await;
    assert_eq!(status_and_body(&none), (400, r#"{"message":"new_password is required"}"#));
    assert_eq!(client.reset(ADA, &token, "new").await.status, 200);
    assert_eq!(client.reset(ADA, &token, "newer").await.status, 403);
}

#[tokio::test]
async fn a_wrong_method_and_a_wrong_path_are_reported_in_json() {
    let server = Server::start();
    let client = server.client();

    let method = client.get("/sessions").await;
    let path = client.get("/nowhere").await;

    assert_eq!(status_and_body(&method), (405, r#"{"message":"method not allowed"}"#));
    assert_eq!(method.header("allow"), Some("POST, DELETE, OPTIONS"));
    assert_eq!(status_and_body(&path), (404, r#"{"message":"not found"}"#));
    for answer in [method, path] {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some());
    }
}

/// asvs 4.2.2: `Content-Length` is the length of the body.
#[tokio::test]
async fn head_is_get_without_its_body() {
    let server = Server::start();
    let client = server.client();
    let cookie = client.logged_in(ADA).await;

    for (path, length) in [("/", 23), ("/profile", 27), ("/healthz", 16)] {
        let head = format!(
            "HEAD {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
        );
        let answer = raw(server.address, &head).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(&format!("content-length: {length}\r\n")), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "no body: {answer}");
        let get = client.with_cookie(Method::GET, path, &cookie).await;
        assert_eq!(get.body.len(), length);
    }
}

#[tokio::test]
async fn json_is_taken_like_a_form() {
    let server = Server::start();
    let client = server.client();
    let body = serde_json::json!({"email": ADA, "password": PASSWORD, "ignored": {"deep": [1, null]}});

    let registered = Client::send(client.request(Method::POST, "/users").json(&body)).await;
    let logged_in = Client::send(client.request(Method::POST, "/sessions").json(&body)).await;

    assert_eq!((registered.status, logged_in.status), (200, 200));
}
