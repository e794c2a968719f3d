//! A login does not reveal who has an account, and a logout revokes the session.

use actix_web::{http::Method, test::TestRequest};
use serde_json::json;
use std::time::Duration;

use crate::support::{ADA, PASSWORD, TestApp, status_and_body};

#[actix_web::test]
async fn logging_in_answers_with_a_new_cookie_each_time() {
    let app = TestApp::start().await;
    app.register(ADA).await;

    let first = app.log_in("Ada@example.org", PASSWORD).await;
    let second = app.log_in(ADA, PASSWORD).await;

    assert_eq!(status_and_body(&first), (200, r#"{"email":"Ada@example.org","message":"logged in"}"#));
    let (name, token) = first.cookie().split_once('=').map(|(n, t)| (n.to_owned(), t.to_owned())).unwrap();
    let attributes = "HttpOnly; SameSite=Lax; Path=/; Max-Age=2592000";
    assert_eq!((name.as_str(), token.len()), ("session_id", 36));
    assert_eq!(first.header("set-cookie"), Some(format!("{name}={token}; {attributes}").as_str()));
    assert_ne!(first.cookie(), second.cookie());
}

#[actix_web::test]
async fn whatever_is_wrong_with_the_credentials_the_answer_is_the_same() {
    let app = TestApp::start().await;
    app.register(ADA).await;
    let long = "x".repeat(1025);
    let nul = format!("{PASSWORD}\0");

    let mut responses = Vec::new();
    for fields in [
        &[("email", ADA), ("password", "wrong")] as &[(&str, &str)],
        &[("email", "bob@example.org"), ("password", PASSWORD)],
        &[("email", ADA), ("password", &nul)],
        &[("email", ADA), ("password", &long)],
        &[("email", ADA), ("password", "")],
        &[("email", ADA)],
        &[("password", PASSWORD)],
        &[("email", ""), ("password", PASSWORD)],
        &[("email", "not an address"), ("password", PASSWORD)],
        &[],
    ] {
        responses.push(app.post("/sessions", fields).await.without_id());
    }
    let odd = TestRequest::post().uri("/sessions").set_json(json!({"email": 1, "password": [PASSWORD]}));
    responses.push(app.send(odd).await.without_id());

    assert_eq!(status_and_body(&responses[0]), (401, r#"{"message":"wrong email or password"}"#));
    for response in &responses {
        assert_eq!(response, &responses[0], "status, headers and body must be identical");
    }
}

#[actix_web::test]
async fn json_and_forms_are_taken_alike() {
    let app = TestApp::start().await;
    let body = json!({"email": ADA, "password": PASSWORD});

    let registered = app.send(TestRequest::post().uri("/users").set_json(&body)).await;
    let logged_in = app.send(TestRequest::post().uri("/sessions").set_json(&body)).await;

    assert_eq!(status_and_body(&registered).0, 200);
    assert_eq!(status_and_body(&app.profile(&logged_in.cookie()).await).0, 200);
}

#[actix_web::test]
async fn logging_out_redirects_clears_the_cookie_and_ends_the_session() {
    let app = TestApp::start().await;
    let cookie = app.logged_in(ADA).await;

    let out = app.with_cookie(Method::DELETE, "/sessions", &cookie).await;

    assert_eq!(status_and_body(&out), (302, ""));
    assert_eq!(out.header("location"), Some("/"));
    let cleared = "session_id=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
    assert_eq!(out.header("set-cookie"), Some(cleared));
    assert_eq!(status_and_body(&app.profile(&cookie).await).0, 403);
}

#[actix_web::test]
async fn a_cookie_that_opens_nothing_can_not_log_out() {
    let app = TestApp::start().await;
    let used = app.logged_in(ADA).await;
    let expired = app.log_in(ADA, PASSWORD).await.cookie();
    app.with_cookie(Method::DELETE, "/sessions", &used).await;
    app.clock.advance(Duration::from_hours(24 * 7));

    let unknown = "session_id=00112233-4455-6677-8899-aabbccddeeff";
    for cookie in ["", "session_id=", "session_id=x", unknown, &used, &expired] {
        let out = app.with_cookie(Method::DELETE, "/sessions", cookie).await;
        assert_eq!(status_and_body(&out), (403, r#"{"message":"not logged in"}"#), "{cookie}");
        assert_eq!(out.header("set-cookie"), None);
    }
}

/// asvs 7.2.4: a planted cookie never becomes valid.
#[actix_web::test]
async fn a_cookie_from_before_the_login_is_worth_nothing_after_it() {
    let app = TestApp::start().await;
    app.register(ADA).await;
    let planted = "session_id=00112233-4455-6677-8899-aabbccddeeff";
    let log_in_with = |cookie: &str| {
        TestRequest::post()
            .uri("/sessions")
            .insert_header(("Cookie", cookie))
            .set_form([("email", ADA), ("password", PASSWORD)])
    };

    let first = app.send(log_in_with(planted)).await.cookie();
    let second = app.send(log_in_with(&first)).await.cookie();

    assert_ne!(first, planted);
    for (cookie, status) in [(planted, 403), (first.as_str(), 403), (second.as_str(), 200)] {
        assert_eq!(status_and_body(&app.profile(cookie).await).0, status);
    }
}
