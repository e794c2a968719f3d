//! The exercise's walk, as thousands of existing clients do it, with every status and body.

use std::{path::Path, process::Command};

use reqwest::Method;
use test_servers::left_out;

use crate::support::{Answer, Server, status_and_body};

const PYTHON: &str = "/usr/bin/python3";

const EMAIL: &str = "guillaume@holberton.io";
const OLD: &str = "b4l0u";
const NEW: &str = "t4rt1fl3tt3";

fn expect(answer: &Answer, status: u16, body: &str) {
    assert_eq!(status_and_body(answer), (status, body));
}

#[tokio::test]
async fn the_walk_of_the_exercise() {
    let server = Server::start();
    let client = server.client();

    let welcome = client.get("/").await;
    expect(&welcome, 200, r#"{"message":"Bienvenue"}"#);

    let registered = client.post("/users", &[("email", EMAIL), ("password", OLD)]).await;
    expect(&registered, 200, r#"{"email":"guillaume@holberton.io","message":"user created"}"#);
    let again = client.post("/users", &[("email", EMAIL), ("password", OLD)]).await;
    expect(&again, 400, r#"{"message":"email already registered"}"#);

    let wrong = client.log_in(EMAIL, NEW).await;
    expect(&wrong, 401, r#"{"message":"wrong email or password"}"#);
    let unlogged = client.get("/profile").await;
    expect(&unlogged, 403, r#"{"message":"not logged in"}"#);

    let logged_in = client.log_in(EMAIL, OLD).await;
    expect(&logged_in, 200, r#"{"email":"guillaume@holberton.io","message":"logged in"}"#);
    let cookie = logged_in.cookie();
    assert_eq!(cookie.len(), "session_id=".len() + 36);

    let profile = client.profile(&cookie).await;
    expect(&profile, 200, r#"{"email":"guillaume@holberton.io"}"#);
    assert_eq!(profile.header("x-auth-user-id"), Some("1"));

    let out = client.with_cookie(Method::DELETE, "/sessions", &cookie).await;
    assert_eq!((status_and_body(&out), out.header("location")), ((302, ""), Some("/")));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(client.profile(&cookie).await.status, 403);

    let asked = client.post("/reset_password", &[("email", EMAIL)]).await;
    let token = asked.json()["reset_token"].as_str().unwrap().to_owned();
    expect(&asked, 200, &format!(r#"{{"email":"{EMAIL}","reset_token":"{token}"}}"#));
    assert_eq!(token.len(), 36);

    let updated = client.reset(EMAIL, &token, NEW).await;
    expect(&updated, 200, r#"{"email":"guillaume@holberton.io","message":"Password updated"}"#);
    assert_eq!(client.log_in(EMAIL, OLD).await.status, 401);
    assert_eq!(client.log_in(EMAIL, NEW).await.status, 200);
}

/// The same, by a client in the language of the exercise.
#[test]
#[expect(clippy::disallowed_methods, reason = "the client is a program of its own")]
fn the_client_of_the_exercise_is_silent() {
    if !Path::new(PYTHON).exists() {
        left_out("the client in Python", "apt-get install python3");
        return;
    }
    let server = Server::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/main.py");

    let output = Command::new(PYTHON).args([script, &format!("http://{}", server.address)]).output().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.stdout.as_slice(), output.stderr.as_slice()), (&[] as &[u8], &[] as &[u8]));
}
